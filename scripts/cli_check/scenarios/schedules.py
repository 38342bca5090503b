"""`temporal schedule` and `temporal batch`."""

from typing import Final

from scripts.cli_check.steps import look, scenario, step, text

_ACTION: Final = "-w sched-wf --type Greeting -t cli -i '\"you\"'"
_YEARLY: Final = '--calendar \'{"month":"1","dayOfMonth":"1","hour":"12"}\''
_RANGE: Final = "--start-time 2030-01-01T00:00:00Z --end-time 2030-01-03T00:00:00Z"

_SCHEDULES: Final = scenario(
    "schedules",
    step(
        f"schedule create -s sch-1 {_ACTION} {_YEARLY}"
        " --memo 'colour=\"red\"' --schedule-memo 'owner=\"me\"' --static-summary sum"
    ),
    look("schedule describe -s sch-1"),
    step(f"schedule create -s sch-1 {_ACTION} {_YEARLY}"),
    step(
        f"schedule create -s sch-2 {_ACTION} --interval 6h/1h --cron '30 12 * * Fri'"
        " --overlap-policy BufferAll --catchup-window 1h --pause-on-failure --paused"
        " --notes resting"
        " --jitter 1m --time-zone Europe/Paris --remaining-actions 7"
        " --start-time 2030-01-01T00:00:00Z --end-time 2040-01-01T00:00:00Z"
        " --execution-timeout 1h --run-timeout 1h --task-timeout 5s"
    ),
    look("schedule describe -s sch-2"),
    step(f"schedule list-matching-times -s sch-2 {_RANGE}"),
    step(f"schedule list-matching-times -s missing {_RANGE}"),
    step(f"schedule create -s sch-3 {_ACTION} --cron 'not a cron'"),
    step(f'schedule create -s sch-3 {_ACTION} --calendar \'{{"hour":"77"}}\''),
    step(f"schedule create -s sch-3 {_ACTION} --interval 1h --time-zone Nowhere/Land"),
    step(f"schedule create -s '' {_ACTION} --interval 1h"),
    look("schedule list -q \"ScheduleId STARTS_WITH 'sch-'\""),
    look("schedule list -q \"ScheduleId = 'sch-1'\" --long"),
    look("schedule list -q \"ScheduleId = 'sch-2'\" --really-long"),
    look("schedule list -q \"ScheduleId = 'none'\""),
    step("schedule list -q 'Nothing = 1'"),
    text("schedule list -q \"ScheduleId = 'sch-2'\""),
    step("schedule trigger -s sch-1"),
    look("schedule describe -s sch-1", until='"actionCount": "1"'),
    look("schedule describe -s sch-1", until="COMPLETED"),
    look("workflow list -q \"TemporalScheduledById = 'sch-1'\"", until="COMPLETED"),
    step("schedule trigger -s missing"),
    step("schedule toggle -s sch-1 --pause --reason holiday"),
    look("schedule describe -s sch-1"),
    step("schedule toggle -s sch-1 --unpause --reason back"),
    step("schedule toggle -s missing --pause"),
    step("schedule toggle -s sch-1"),
    step(
        "schedule backfill -s sch-2 --overlap-policy AllowAll"
        " --start-time 2030-01-01T00:00:00Z --end-time 2030-01-01T07:30:00Z"
    ),
    look("schedule describe -s sch-2", until='"actionCount": "[1-9]"'),
    step(
        "schedule backfill -s missing"
        " --start-time 2030-01-01T00:00:00Z --end-time 2030-01-01T07:30:00Z"
    ),
    step(f"schedule update -s sch-1 {_ACTION} --interval 2h --overlap-policy Skip"),
    look("schedule describe -s sch-1"),
    step(f"schedule update -s missing {_ACTION} --interval 2h"),
    step("schedule delete -s sch-1"),
    step("schedule describe -s sch-1"),
    step("schedule delete -s sch-1"),
    look("schedule list -q \"ScheduleId STARTS_WITH 'sch-'\""),
)

_WAITING: Final = "--type Waiting -t cli"
_THEM: Final = "-q \"WorkflowId STARTS_WITH 'b-'\""
_FOUND: Final = f"workflow count {_THEM}"

_BATCHES: Final = scenario(
    "batches",
    step(f"workflow start -w b-1 {_WAITING}"),
    step(f"workflow start -w b-2 {_WAITING}"),
    look(_FOUND, until='"count": "2"'),
    step(
        f"workflow signal {_THEM} --name note -i '\"hello\"' --reason tell -y",
        job="batchJobId",
    ),
    look("batch describe --job-id $job", until="COMPLETED"),
    text("batch describe --job-id $job"),
    look("workflow query -w b-1 --name notes"),
    step(
        f"workflow signal {_THEM} --name note -i '\"later\"' --reason slow --rps 0.01 -y",
        slow="batchJobId",
    ),
    step("batch terminate --job-id $slow --reason enough"),
    look("batch describe --job-id $slow", until="FAILED|COMPLETED"),
    step("batch terminate --job-id $slow --reason again"),
    step("batch terminate --job-id missing --reason again"),
    step("batch describe --job-id missing"),
    step(
        f"workflow reset {_THEM} --type FirstWorkflowTask --reason again -y",
        reset="batchJobId",
    ),
    look("batch describe --job-id $reset", until="COMPLETED"),
    step(
        f"workflow update-options {_THEM} --versioning-override-behavior auto_upgrade"
        " --reason change -y",
        options="batchJobId",
    ),
    look("batch describe --job-id $options", until="COMPLETED"),
    step(f"workflow cancel {_THEM} --reason stop -y", cancel="batchJobId"),
    look("batch describe --job-id $cancel", until="COMPLETED"),
    look(
        "workflow count -q \"WorkflowId STARTS_WITH 'b-' AND ExecutionStatus = 'Canceled'\"",
        until='"count": "2"',
    ),
    step(f"workflow start -w b-3 {_WAITING}"),
    look(_FOUND),
    step(
        f"workflow terminate {_THEM} --reason stop -y",
        end="batchJobId",
    ),
    look("batch describe --job-id $end", until="COMPLETED"),
    look("workflow describe -w b-3", until="TERMINATED"),
    step(f"workflow delete {_THEM} --reason stop -y", delete="batchJobId"),
    look("batch describe --job-id $delete", until="COMPLETED"),
    look(_FOUND, until='"count": "0"|^{}$'),
    look("batch list"),
    look("batch list --limit 1"),
    step("workflow signal -q 'Nothing = 1' --name note --reason wrong -y"),
    step("batch list --namespace missing"),
)

SCHEDULES: Final = (_SCHEDULES, _BATCHES)
