"""`temporal workflow`: starting, looking, ending, and everything else about runs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from temporalio.client import Client, WorkflowFailureError

from scripts.cli_check.programs import Continuing, Failing, Greeting, Waiting
from scripts.cli_check.steps import QUEUE, Values, look, scenario, step, text


@asynccontextmanager
async def _some_runs(client: Client) -> AsyncIterator[Values]:
    """One run of each kind, made by the SDK."""
    done = await client.start_workflow(
        Greeting.run,
        "SDK",
        id="sdk-done",
        task_queue=QUEUE,
        memo={"note": "a memo"},
        static_summary="a summary",
        static_details="some details",
    )
    await done.result()
    failed = await client.start_workflow(Failing.run, "SDK", id="sdk-failed", task_queue=QUEUE)
    with suppress(WorkflowFailureError):
        await failed.result()
    chain = await client.start_workflow(Continuing.run, 2, id="sdk-chain", task_queue=QUEUE)
    await chain.result()
    open_one = await client.start_workflow(Waiting.run, "SDK", id="sdk-open", task_queue=QUEUE)
    await open_one.query(Waiting.notes)
    runs = {"done": done, "failed": failed, "open": open_one}
    yield {name: one.result_run_id or "" for name, one in runs.items()}


_STARTS: Final = scenario(
    "workflow-starts",
    step(
        "workflow start -w s-1 --type Greeting -t cli -i '\"you\"'",
        run="runId",
    ),
    step("workflow result -w s-1"),
    look("workflow describe -w s-1"),
    step("workflow show -w s-1"),
    step("workflow show -w s-1 --detailed"),
    step("workflow show -w s-1 --reverse"),
    step("workflow show -w s-1 --follow"),
    text("workflow show -w s-1"),
    text("workflow describe -w s-1"),
    step("workflow execute -w s-2 --type Greeting -t cli -i '\"you\"'"),
    step("workflow execute -w s-3 --type Greeting -t cli -i '\"you\"' --detailed"),
    step("workflow execute -w s-4 --type Failing -t cli -i '\"you\"'"),
    step("workflow result -w s-4"),
    look("workflow describe -w s-4"),
    step(
        "workflow start -w s-5 --type Waiting -t cli -i '\"you\"'"
        " --memo 'colour=\"red\"' --static-summary sum --static-details det --priority-key 2"
        " --fairness-key tenant --fairness-weight 2.5 --execution-timeout 1h --run-timeout 30m"
        " --task-timeout 7s --headers 'trace=\"x\"'"
    ),
    look("workflow describe -w s-5", until="WORKFLOW_EXECUTION_STATUS_RUNNING"),
    look("workflow show -w s-5", until="WorkflowTaskCompleted|WORKFLOW_TASK_COMPLETED"),
    step("workflow start -w s-5 --type Waiting -t cli --fail-existing"),
    step("workflow start -w s-5 --type Waiting -t cli"),
    step("workflow start -w s-5 --type Waiting -t cli --id-conflict-policy Fail"),
    step("workflow start -w s-5 --type Waiting -t cli --id-conflict-policy UseExisting"),
    step("workflow start -w s-5 --type Waiting -t cli --id-conflict-policy TerminateExisting"),
    step("workflow start -w s-1 --type Greeting -t cli --id-reuse-policy RejectDuplicate"),
    step("workflow start -w s-1 --type Greeting -t cli --id-reuse-policy AllowDuplicateFailedOnly"),
    step("workflow start -w s-6 --type Waiting -t cli --start-delay 1h"),
    look("workflow describe -w s-6"),
    step("workflow start -w s-7 --type Waiting -t cli --cron '0 12 * * *'"),
    look("workflow describe -w s-7"),
    step("workflow start -w s-8 --type Waiting -t cli --cron 'every day'"),
    step("workflow start -w s-8 --type Waiting -t cli --search-attribute 'Nothing=1'"),
    step("workflow start -w s-8 --type '' -t cli"),
    step("workflow start -w s-8 --type Waiting --task-queue ''"),
    step("workflow start -w s-8 --type Waiting -t cli --namespace missing"),
    step("workflow start -w s-8 --type Waiting -t cli --run-timeout -1s"),
    step("workflow start -w s-8 --type Waiting -t cli --cron '@daily' --start-delay 1s"),
    step(
        "workflow signal-with-start -w s-9 --type Waiting -t cli -i '\"a\"'"
        " --signal-name note --signal-input '\"hello\"'"
    ),
    step(
        "workflow signal-with-start -w s-9 --type Waiting -t cli"
        " --signal-name note --signal-input '\"stop\"'"
    ),
    step("workflow result -w s-9"),
    step(
        "workflow start-update-with-start -w s-10 --type Waiting -t cli"
        " -i '\"a\"' --update-name add --update-input '\"one\"' --update-id u-1"
        " --update-wait-for-stage accepted --id-conflict-policy UseExisting"
    ),
    step(
        "workflow execute-update-with-start -w s-10 --type Waiting -t cli"
        " --update-name add --update-input '\"two\"' --update-id u-2"
        " --id-conflict-policy UseExisting"
    ),
    step(
        "workflow execute-update-with-start -w s-10 --type Waiting -t cli"
        " --update-name add --update-input '\"\"' --update-id u-3 --id-conflict-policy UseExisting"
    ),
    step(
        "workflow execute-update-with-start -w s-10 --type Waiting -t cli"
        " --update-name add --update-input '\"x\"' --id-conflict-policy Fail"
    ),
    look("workflow show -w s-10"),
)

_LOOKS: Final = scenario(
    "workflow-looks",
    look("workflow describe -w sdk-done"),
    step("workflow describe -w sdk-done --raw"),
    step("workflow describe -w sdk-done --reset-points"),
    look("workflow describe -w sdk-failed -r $failed"),
    look("workflow describe -w sdk-open"),
    look("workflow describe -w sdk-chain"),
    step("workflow describe -w missing"),
    step("workflow describe -w sdk-done -r nonsense"),
    step("workflow describe -w sdk-done -r 00000000-0000-4000-8000-000000000000"),
    look("workflow list -q \"WorkflowId STARTS_WITH 'sdk-'\""),
    look("workflow list -q \"WorkflowId = 'sdk-done' AND ExecutionStatus = 'Completed'\""),
    look("workflow list -q \"WorkflowType = 'Waiting' AND WorkflowId = 'sdk-open'\" --limit 1"),
    look("workflow list -q \"WorkflowId STARTS_WITH 'sdk-'\" --limit 2 --page-size 1"),
    text("workflow list -q \"WorkflowId = 'sdk-done'\""),
    step("workflow list -q \"Nothing = 'x'\""),
    step('workflow list -q "WorkflowId = "'),
    step("workflow list -q \"WorkflowId = 'sdk-none'\""),
    step("workflow list --archived"),
    look("workflow count -q \"WorkflowId STARTS_WITH 'sdk-'\""),
    look("workflow count -q \"WorkflowId STARTS_WITH 'sdk-' GROUP BY ExecutionStatus\""),
    text("workflow count -q \"WorkflowId STARTS_WITH 'sdk-' GROUP BY ExecutionStatus\""),
    step("workflow count -q \"WorkflowId STARTS_WITH 'sdk-' GROUP BY StartTime\""),
    step("workflow show -w sdk-done -r $done"),
    step("workflow show -w sdk-failed"),
    step("workflow show -w sdk-chain"),
    step("workflow show -w missing"),
    step("workflow result -w sdk-done"),
    step("workflow result -w sdk-failed"),
    step("workflow result -w sdk-chain"),
    step("workflow result -w missing"),
    step("workflow stack -w sdk-open"),
    step("workflow stack -w sdk-done --reject-condition not_open"),
    step("workflow stack -w missing"),
    step("workflow metadata -w sdk-open"),
    step("workflow metadata -w missing"),
    step("workflow query -w sdk-open --name notes"),
    step("workflow query -w sdk-open --name stumble"),
    step("workflow query -w sdk-open --name nothing"),
    step("workflow query -w sdk-done --name __stack_trace --reject-condition not_open"),
    step(
        "workflow query -w sdk-failed --name __stack_trace --reject-condition not_completed_cleanly"
    ),
    step("workflow query -w missing --name notes"),
    step("workflow start -w sdk-parent --type Parent -t cli -i '\"you\"'"),
    step("workflow result -w sdk-parent"),
    text("workflow trace -w sdk-parent"),
    text("workflow trace -w sdk-parent --no-fold --depth 2"),
    text("workflow trace -w missing"),
    look("workflow describe -w sdk-parent-child"),
    population=_some_runs,
)

_WAITING: Final = "--type Waiting -t cli -i '\"a\"'"

_MESSAGES: Final = scenario(
    "workflow-messages",
    step(f"workflow start -w m-1 {_WAITING}", run="runId"),
    step("workflow signal -w m-1 --name note -i '\"hello\"'"),
    step("workflow signal -w m-1 -r $run --name note -i '\"again\"'"),
    step("workflow signal -w missing --name note"),
    step("workflow query -w m-1 --name notes"),
    step("workflow update execute -w m-1 --name add -i '\"one\"' --update-id u-1"),
    step("workflow update execute -w m-1 --name add -i '\"trouble\"' --update-id u-2"),
    step("workflow update execute -w m-1 --name add -i '\"\"' --update-id u-3"),
    step("workflow update execute -w m-1 --name nothing -i '\"\"'"),
    step("workflow update execute -w missing --name add -i '\"x\"'"),
    step(
        "workflow update start -w m-1 --name add_later -i '\"later\"'"
        " --wait-for-stage accepted --update-id u-4"
    ),
    step("workflow update result -w m-1 --update-id u-4"),
    step("workflow update result -w m-1 --update-id u-2"),
    step("workflow update result -w m-1 --update-id missing"),
    step("workflow update describe -w m-1 --update-id u-1"),
    step("workflow update describe -w m-1 --update-id u-2"),
    step("workflow update describe -w m-1 --update-id missing"),
    step("workflow update describe -w missing --update-id u-1"),
    look("workflow show -w m-1"),
    step("workflow signal -w m-1 --name note -i '\"stop\"'"),
    step("workflow result -w m-1"),
    step("workflow signal -w m-1 --name note"),
    step("workflow update execute -w m-1 --name add -i '\"x\"'"),
    step("workflow update result -w m-1 --update-id u-1"),
    step("workflow query -w m-1 --name notes"),
)

_ENDS: Final = scenario(
    "workflow-ends",
    step(f"workflow start -w e-1 {_WAITING}"),
    step("workflow cancel -w e-1"),
    look("workflow describe -w e-1", until="CANCELED"),
    step("workflow result -w e-1"),
    step("workflow cancel -w e-1"),
    step("workflow cancel -w missing"),
    step(f"workflow start -w e-2 {_WAITING}"),
    step("workflow terminate -w e-2 --reason enough"),
    look("workflow describe -w e-2"),
    look("workflow show -w e-2"),
    step("workflow result -w e-2"),
    step("workflow terminate -w e-2"),
    step("workflow terminate -w missing"),
    step("workflow delete -w e-2"),
    look("workflow describe -w e-2"),
    look("workflow list -q \"WorkflowId = 'e-2'\""),
    step("workflow delete -w missing"),
    step(f"workflow start -w e-3 {_WAITING}"),
    step("workflow delete -w e-3"),
    look("workflow describe -w e-3"),
    step(f"workflow start -w e-4 {_WAITING}"),
    step("workflow pause -w e-4 --reason lunch"),
    step("workflow pause -w e-4"),
    look("workflow describe -w e-4"),
    look("workflow list -q \"WorkflowId = 'e-4'\""),
    step("workflow unpause -w e-4 --reason back"),
    step("workflow unpause -w e-4"),
    step("workflow pause -w missing"),
    step("workflow unpause -w missing"),
    look("workflow describe -w e-4"),
    look("workflow show -w e-4"),
    step(
        "workflow update-options -w e-4 --versioning-override-behavior pinned"
        " --versioning-override-deployment-name nowhere --versioning-override-build-id 1.0"
    ),
    step("workflow update-options -w e-4 --versioning-override-behavior auto_upgrade"),
    look("workflow describe -w e-4"),
    step("workflow update-options -w e-4 --versioning-override-behavior unspecified"),
    step("workflow update-options -w missing --versioning-override-behavior auto_upgrade"),
    look("workflow describe -w e-4"),
)

_RESETS: Final = scenario(
    "workflow-resets",
    step("workflow execute -w r-1 --type Greeting -t cli -i '\"you\"'"),
    step("workflow reset -w r-1 --type FirstWorkflowTask --reason again"),
    step("workflow result -w r-1"),
    look("workflow describe -w r-1"),
    look("workflow show -w r-1"),
    step("workflow reset -w r-1 --type LastWorkflowTask --reason again"),
    step("workflow result -w r-1"),
    step("workflow reset -w r-1 --event-id 4 --reason again"),
    step("workflow result -w r-1"),
    step("workflow reset -w r-1 --event-id 5 --reason again"),
    step("workflow reset -w r-1 --event-id 400 --reason again"),
    step("workflow reset -w r-1 --type BuildId --build-id 1.0 --reason again"),
    step("workflow reset -w missing --type FirstWorkflowTask --reason again"),
    step("workflow execute -w r-2 --type Continuing -t cli -i 1"),
    step("workflow reset -w r-2 --type LastContinuedAsNew --reason again"),
    step("workflow result -w r-2"),
    look("workflow show -w r-2"),
    step(f"workflow start -w r-3 {_WAITING}"),
    step("workflow signal -w r-3 --name note -i '\"hello\"'"),
    step("workflow update execute -w r-3 --name add -i '\"one\"' --update-id u-1"),
    step("workflow reset -w r-3 --type FirstWorkflowTask --reason again --reapply-exclude Signal"),
    step("workflow query -w r-3 --name notes"),
    step("workflow reset -w r-3 --type FirstWorkflowTask --reason again --reapply-type None"),
    step("workflow query -w r-3 --name notes"),
    step("workflow signal -w r-3 --name note -i '\"hello\"'"),
    step(
        "workflow reset with-workflow-update-options -w r-3 --type FirstWorkflowTask"
        " --reason again --versioning-override-behavior auto_upgrade"
    ),
    look("workflow describe -w r-3"),
    step("workflow signal -w r-3 --name note -i '\"stop\"'"),
    step("workflow result -w r-3"),
    look("workflow show -w r-3"),
    step("workflow reset -w r-3 --reason again"),
    step(
        "workflow reset -w r-3 --type FirstWorkflowTask --reason again -r"
        " 00000000-0000-4000-8000-000000000000"
    ),
)

WORKFLOWS: Final = (_STARTS, _LOOKS, _MESSAGES, _ENDS, _RESETS)
