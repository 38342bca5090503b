"""`temporal activity`, of workflows and without one."""

from typing import Final

from scripts.cli_check.steps import look, scenario, step, text

_BUSY: Final = "--type Busy -t cli"
_FAILING: Final = f"{_BUSY} -i '\"fail\"'"
_WAITS: Final = f"{_BUSY} -i '\"wait_for_somebody\"'"
_STARTED: Final = "PENDING_ACTIVITY_STATE_STARTED"
_AGAIN: Final = '"attempt": 2'

_OF_WORKFLOWS: Final = scenario(
    "activities-of-workflows",
    step(f"workflow start -w a-1 {_FAILING}", run="runId"),
    look("workflow describe -w a-1", until=_AGAIN),
    step("activity pause -w a-1 -a work --reason lunch --identity me"),
    look("workflow describe -w a-1"),
    step("activity reset -w a-1 -a work --keep-paused"),
    look("workflow describe -w a-1"),
    step("activity unpause -w a-1 -a work"),
    look("workflow describe -w a-1", until=_AGAIN),
    step(
        "activity update-options -w a-1 -a work -t cli"
        " --schedule-to-close-timeout 1h --schedule-to-start-timeout 1h"
        " --start-to-close-timeout 20s"
        " --heartbeat-timeout 5s --retry-initial-interval 1h --retry-maximum-interval 2h"
        " --retry-backoff-coefficient 3 --retry-maximum-attempts 9"
    ),
    look("workflow describe -w a-1"),
    step("activity update-options -w a-1 -a work --restore-original-options"),
    step("activity update-options -w a-1 -a missing -t cli"),
    step("activity reset -w a-1 -a work --restore-original-options"),
    step("activity pause -w a-1 -a missing"),
    step("activity pause -w missing -a work"),
    step("activity unpause -w a-1 -a missing"),
    step("activity unpause -w a-1 -a work"),
    step("activity reset -w a-1 -a missing"),
    step("activity reset -w missing -a work"),
    step("workflow terminate -w a-1"),
    step("activity pause -w a-1 -a work"),
    step(f"workflow start -w a-2 {_WAITS}", run="runId"),
    look("workflow describe -w a-2", until=_STARTED),
    step("activity complete -w a-2 -a work --result '\"done\"'"),
    step("workflow result -w a-2"),
    step("activity complete -w a-2 -a work --result '\"done\"'"),
    step("activity complete -w missing -a work --result '\"done\"'"),
    step(f"workflow start -w a-3 {_WAITS}", run="runId"),
    look("workflow describe -w a-3", until=_STARTED),
    step("activity fail -w a-3 -r $run -a work --reason tired --detail '{\"a\":1}'"),
    look("workflow describe -w a-3"),
    step("activity fail -w a-3 -a missing"),
    step("activity fail -w missing -a work"),
    step(f"workflow start -w a-4 {_FAILING}"),
    look("workflow describe -w a-4", until=_AGAIN),
    look("workflow count -q \"WorkflowId = 'a-4'\"", until='"count": "1"'),
    step(
        "activity update-options -q \"WorkflowId = 'a-4'\" -a work"
        " --heartbeat-timeout 9s --reason all -y",
        options="batchJobId",
    ),
    look("batch describe --job-id $options", until="COMPLETED"),
    step(
        "activity reset -q \"WorkflowId = 'a-4'\" -a work --reason all -y",
        reset="batchJobId",
    ),
    look("batch describe --job-id $reset", until="COMPLETED"),
    step("activity pause -w a-4 -a work"),
    step(
        "activity unpause -q \"WorkflowId = 'a-4'\" -a work --reason all -y",
        unpause="batchJobId",
    ),
    look("batch describe --job-id $unpause", until="COMPLETED"),
    step("workflow terminate -w a-4"),
)

_NOW: Final = "-t cli --start-to-close-timeout 10m -i '\"you\"'"
_LATER: Final = "--retry-initial-interval 5m --retry-backoff-coefficient 1"
_THEM: Final = "-q \"ActivityId STARTS_WITH 'sa-'\""

_STANDALONE: Final = scenario(
    "standalone-activities",
    step(f"activity start -a sa-1 --type greet {_NOW}", run="runId"),
    step("activity result -a sa-1"),
    look("activity describe -a sa-1"),
    step("activity describe -a sa-1 -r $run --raw"),
    text("activity describe -a sa-1"),
    step(f"activity execute -a sa-2 --type greet {_NOW}"),
    step(f"activity execute -a sa-3 --type fail_for_good {_NOW}"),
    step("activity result -a sa-3"),
    look("activity describe -a sa-3"),
    step(
        f"activity start -a sa-4 --type fail {_NOW} {_LATER} --heartbeat-timeout 5s"
        " --schedule-to-close-timeout 1h --schedule-to-start-timeout 1h"
        " --retry-maximum-interval 10m"
        " --retry-maximum-attempts 5 --static-summary sum --static-details det --priority-key 2"
        " --fairness-key tenant --fairness-weight 2.5 --headers 'trace=\"x\"'"
    ),
    look("activity describe -a sa-4", until=_AGAIN),
    step(f"activity start -a sa-4 --type greet {_NOW}"),
    step(f"activity start -a sa-4 --type greet {_NOW} --id-conflict-policy UseExisting"),
    step(f"activity start -a sa-1 --type greet {_NOW} --id-reuse-policy RejectDuplicate"),
    step("activity start -a sa-5 --type greet -t cli"),
    step("activity pause -a sa-4 --reason lunch"),
    look("activity describe -a sa-4"),
    step("activity reset -a sa-4 --keep-paused"),
    look("activity describe -a sa-4"),
    step("activity unpause -a sa-4"),
    look("activity describe -a sa-4"),
    step("activity update-options -a sa-4 --heartbeat-timeout 9s --retry-maximum-attempts 7"),
    look("activity describe -a sa-4"),
    step("activity pause -a missing"),
    step("activity unpause -a missing"),
    step("activity reset -a missing"),
    step("activity update-options -a missing --heartbeat-timeout 9s"),
    step(f"activity start -a sa-6 --type wait_for_somebody {_NOW}", run="runId"),
    look("activity describe -a sa-6", until=_STARTED),
    step("activity complete -a sa-6 --result '\"done\"'"),
    step("activity result -a sa-6"),
    step("activity complete -a sa-6 --result '\"done\"'"),
    step(f"activity start -a sa-7 --type wait_for_somebody {_NOW}", run="runId"),
    look("activity describe -a sa-7", until=_STARTED),
    step("activity fail -a sa-7 -r $run --reason tired --detail '{\"a\":1}'"),
    look("activity describe -a sa-7"),
    step("activity fail -a missing"),
    step(f"activity start -a sa-8 --type wait_for_somebody {_NOW}", run="runId"),
    look("activity describe -a sa-8", until=_STARTED),
    step("activity cancel -a sa-8 --reason stop"),
    look("activity describe -a sa-8"),
    step("activity terminate -a sa-8 --reason stop"),
    look("activity describe -a sa-8"),
    step("activity result -a sa-8"),
    step("activity terminate -a sa-8"),
    step("activity cancel -a missing"),
    step("activity terminate -a missing"),
    step("activity describe -a missing"),
    step("activity result -a missing"),
    look(f"activity list {_THEM}"),
    look(f"activity list {_THEM} --limit 2 --page-size 1"),
    text("activity list -q \"ActivityId = 'sa-1'\""),
    step("activity list -q 'Nothing = 1'"),
    look(f"activity count {_THEM}"),
    look("activity count -q \"ActivityId STARTS_WITH 'sa-' GROUP BY ExecutionStatus\""),
    step("activity delete -a sa-1"),
    look("activity describe -a sa-1"),
    step("activity delete -a missing"),
    step(f"activity start -a sb-1 --type wait_for_somebody {_NOW}"),
    look("activity count -q \"ActivityId = 'sb-1'\"", until='"count": "1"'),
    step("activity cancel -q \"ActivityId = 'sb-1'\" --reason all -y", cancel="batchJobId"),
    look("batch describe --job-id $cancel", until="COMPLETED"),
    step("activity terminate -q \"ActivityId = 'sb-1'\" --reason all -y", end="batchJobId"),
    look("batch describe --job-id $end", until="COMPLETED"),
    step("activity delete -q \"ActivityId = 'sb-1'\" --reason all -y", delete="batchJobId"),
    look("batch describe --job-id $delete", until="COMPLETED"),
)

ACTIVITIES: Final = (_OF_WORKFLOWS, _STANDALONE)
