"""`temporal operator` and `temporal nexus`."""

from typing import Final

from scripts.cli_check.steps import look, scenario, step, text

_NAMESPACES: Final = scenario(
    "namespaces",
    step("operator namespace describe default", default="namespaceInfo.id"),
    step("operator namespace describe --namespace-id $default"),
    text("operator namespace describe default"),
    step(
        "operator namespace create --namespace made --description words --email me@example.com"
        " --retention 5d --data team=red"
    ),
    look("operator namespace describe made", made="namespaceInfo.id"),
    step("operator namespace create --namespace made"),
    step("operator namespace create --namespace 'bad name!'"),
    step("operator namespace create --namespace short --retention 1s"),
    step(
        "operator namespace update --namespace made --description others --retention 48h"
        " --email you@example.com --data team=blue"
    ),
    look("operator namespace describe made"),
    step("operator namespace update --namespace made --promote-global"),
    step("operator namespace update --namespace made --history-archival-state enabled"),
    step("operator namespace update --namespace missing --description x"),
    step("operator namespace describe missing"),
    look("operator namespace list", in_any_order=True),
    text("operator namespace list", in_any_order=True),
    step("operator namespace delete --namespace made -y"),
    look("operator namespace describe made"),
    step("operator namespace delete --namespace missing -y"),
    step("operator namespace delete --namespace temporal-system -y"),
)

_ATTRIBUTES: Final = scenario(
    "search-attributes",
    look("operator search-attribute list"),
    text("operator search-attribute list"),
    step(
        "operator search-attribute create --name CliWord --type Keyword --name CliText --type Text"
    ),
    step("operator search-attribute create --name CliWord --type Keyword"),
    step("operator search-attribute create --name CliWord --type Int"),
    step("operator search-attribute create --name WorkflowId --type Keyword"),
    step(
        "operator search-attribute create --name CliInt --type Int --name CliDouble --type Double"
        " --name CliBool --type Bool --name CliTime --type Datetime --name CliList"
        " --type KeywordList"
    ),
    look("operator search-attribute list", until="CliList"),
    step(
        "workflow start -w at-1 --type Waiting -t cli"
        " --search-attribute 'CliWord=\"red\"' --search-attribute 'CliInt=7'"
        " --search-attribute 'CliTime=\"2030-01-01T00:00:00Z\"'"
        " --search-attribute 'CliList=[\"a\",\"b\"]' --search-attribute 'CliBool=true'"
        " --search-attribute 'CliDouble=1.5' --search-attribute 'CliText=\"some words\"'"
    ),
    look("workflow describe -w at-1"),
    look("workflow list -q \"CliWord = 'red' AND CliInt > 6 AND CliList = 'b'\"", until="at-1"),
    look("workflow count -q \"CliWord = 'red' GROUP BY CliWord\""),
    step("workflow list -q 'CliInt = \"seven\"'"),
    step("operator search-attribute remove --name CliText -y"),
    look("operator search-attribute list"),
    step("operator search-attribute remove --name CliText -y"),
    step("operator search-attribute remove --name WorkflowId -y"),
    step("operator search-attribute list --namespace missing"),
)

_CLUSTERS: Final = scenario(
    "clusters",
    step("operator cluster health"),
    text("operator cluster health"),
    step("operator cluster describe"),
    step("operator cluster describe --detail"),
    step("operator cluster list"),
    text("operator cluster list", in_any_order=True),
    step("operator cluster system"),
    step("operator cluster upsert --frontend-address 127.0.0.1:1"),
    step("operator cluster remove --name missing"),
    step("operator cluster health --address 127.0.0.1:1 --command-timeout 2s"),
)

_HERE: Final = "--target-namespace default --target-task-queue cli"

_ENDPOINTS: Final = scenario(
    "nexus-endpoints",
    step(f"operator nexus endpoint create --name cli-one {_HERE} --description 'for **all**'"),
    step(f"operator nexus endpoint create --name cli-one {_HERE}"),
    step(f"operator nexus endpoint create --name 'bad name' {_HERE}"),
    step("operator nexus endpoint create --name cli-two --target-url https://example.com/nexus"),
    step(
        "operator nexus endpoint create --name cli-three --target-namespace missing"
        " --target-task-queue q"
    ),
    look("operator nexus endpoint get --name cli-one"),
    text("operator nexus endpoint get --name cli-one"),
    step("operator nexus endpoint get --name missing"),
    look("operator nexus endpoint list", in_any_order=True),
    text("operator nexus endpoint list", in_any_order=True),
    step("operator nexus endpoint update --name cli-one --target-task-queue other"),
    step("operator nexus endpoint update --name cli-one --unset-description"),
    step(f"operator nexus endpoint update --name missing {_HERE}"),
    look("operator nexus endpoint get --name cli-one"),
    step("operator nexus endpoint delete --name cli-two"),
    step("operator nexus endpoint delete --name missing"),
    look("operator nexus endpoint list", in_any_order=True),
    step("operator nexus endpoint delete --name cli-one"),
)

_DESK: Final = "--endpoint cli-desk --service Desk -i '\"you\"'"
_THEM: Final = "-q \"OperationId STARTS_WITH 'no-'\""

_OPERATIONS: Final = scenario(
    "nexus-operations",
    step(f"operator nexus endpoint create --name cli-desk {_HERE}"),
    step(f"nexus operation execute --operation-id no-1 --operation greet {_DESK}"),
    look("nexus operation describe --operation-id no-1"),
    step("nexus operation describe --operation-id no-1 --raw"),
    text("nexus operation describe --operation-id no-1"),
    step("nexus operation result --operation-id no-1"),
    step(f"nexus operation execute --operation-id no-2 --operation refuse {_DESK}"),
    look("nexus operation describe --operation-id no-2"),
    step("nexus operation result --operation-id no-2"),
    step(
        f"nexus operation start --operation-id no-3 --operation wait {_DESK}"
        " --schedule-to-close-timeout 1h --schedule-to-start-timeout 1h"
        " --start-to-close-timeout 30m"
        " --static-summary sum",
        run="runId",
    ),
    look("nexus operation describe --operation-id no-3", until="STARTED"),
    step(f"nexus operation start --operation-id no-3 --operation wait {_DESK}"),
    step(
        f"nexus operation start --operation-id no-3 --operation wait {_DESK}"
        " --id-conflict-policy UseExisting"
    ),
    step(
        f"nexus operation start --operation-id no-1 --operation greet {_DESK}"
        " --id-reuse-policy RejectDuplicate"
    ),
    step("nexus operation cancel --operation-id no-3 --reason stop"),
    look("nexus operation describe --operation-id no-3", until="CANCELED"),
    step("nexus operation result --operation-id no-3"),
    step("nexus operation cancel --operation-id no-3"),
    step("nexus operation cancel --operation-id missing"),
    step(
        "nexus operation start --operation-id no-4 --operation wait --endpoint cli-desk"
        " --service Desk -i '\"them\"'"
    ),
    look("nexus operation describe --operation-id no-4", until="STARTED"),
    step("nexus operation terminate --operation-id no-4 --reason stop"),
    look("nexus operation describe --operation-id no-4"),
    step("nexus operation terminate --operation-id no-4"),
    step("nexus operation terminate --operation-id missing"),
    step("nexus operation describe --operation-id missing"),
    step("nexus operation result --operation-id missing"),
    step(
        "nexus operation start --operation-id no-5 --operation greet --endpoint none --service Desk"
    ),
    look(f"nexus operation list {_THEM}"),
    look(f"nexus operation list {_THEM} --limit 2 --page-size 1"),
    text("nexus operation list -q \"OperationId = 'no-1'\""),
    step("nexus operation list -q 'Nothing = 1'"),
    look(f"nexus operation count {_THEM}"),
    look("nexus operation count -q \"OperationId STARTS_WITH 'no-' GROUP BY ExecutionStatus\""),
    step("operator nexus endpoint delete --name cli-desk"),
)

OPERATORS: Final = (_NAMESPACES, _ATTRIBUTES, _CLUSTERS, _ENDPOINTS, _OPERATIONS)
