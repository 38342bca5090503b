"""`temporal task-queue` and `temporal worker`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from temporalio import workflow
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import Worker, WorkerDeploymentConfig

from scripts.cli_check.programs import IDENTITY
from scripts.cli_check.steps import Values, look, scenario, step, text

_DEPLOYMENT: Final = "cli-deployment"
_QUEUE: Final = "cli-versioned"


@workflow.defn(versioning_behavior=VersioningBehavior.PINNED)
class Versioned:
    """Runs on the version that it began on."""

    @workflow.run
    async def run(self, name: str) -> str:
        """Run to the end."""
        return name


@asynccontextmanager
async def _two_versions(client: Client) -> AsyncIterator[Values]:
    async with _version(client, "1.0"), _version(client, "2.0"):
        yield {}


def _version(client: Client, build_id: str) -> Worker:
    version = WorkerDeploymentVersion(deployment_name=_DEPLOYMENT, build_id=build_id)
    return Worker(
        client,
        task_queue=_QUEUE,
        workflows=[Versioned],
        deployment_config=WorkerDeploymentConfig(version=version, use_worker_versioning=True),
        identity=IDENTITY,
    )


_QUEUES: Final = scenario(
    "task-queues",
    look("task-queue describe -t cli"),
    look("task-queue describe -t cli --task-queue-type workflow --disable-stats"),
    look("task-queue describe -t cli --task-queue-type activity --task-queue-type nexus"),
    look("task-queue describe -t cli --report-config"),
    text("task-queue describe -t cli", in_any_order=True),
    look("task-queue describe -t cli --legacy-mode"),
    look("task-queue describe -t cli --legacy-mode --task-queue-type-legacy activity"),
    look("task-queue describe -t cli --select-unversioned --report-reachability"),
    look("task-queue describe -t unknown"),
    step("task-queue describe -t cli --namespace missing"),
    step("workflow start -w tq-1 --type Nobody -t tq-idle"),
    look("task-queue describe -t tq-idle"),
    look("task-queue describe -t tq-idle --legacy-mode"),
    step("workflow terminate -w tq-1"),
    step("task-queue list-partition -t cli"),
    text("task-queue list-partition -t cli"),
    step("task-queue list-partition -t cli --namespace missing"),
)

_CONFIGURED: Final = "-t tq-config --task-queue-type activity"

_CONFIG: Final = scenario(
    "task-queue-config",
    step(f"task-queue config get {_CONFIGURED}"),
    step(f"task-queue config set {_CONFIGURED} --queue-rps-limit 5 --queue-rps-limit-reason slow"),
    look(f"task-queue config get {_CONFIGURED}"),
    step(
        f"task-queue config set {_CONFIGURED} --fairness-key-rps-limit-default 2.5"
        " --fairness-key-rps-limit-reason fair --fairness-key-weight high=2"
        " --fairness-key-weight low=0.5"
    ),
    look(f"task-queue config get {_CONFIGURED}"),
    look("task-queue describe -t tq-config --task-queue-type activity --report-config"),
    step(f"task-queue config set {_CONFIGURED} --fairness-key-weight low=default"),
    step(f"task-queue config set {_CONFIGURED} --fairness-key-weight-clear-all"),
    step(
        f"task-queue config set {_CONFIGURED} --queue-rps-limit default"
        " --fairness-key-rps-limit-default default"
    ),
    look(f"task-queue config get {_CONFIGURED}"),
    step(f"task-queue config set {_CONFIGURED} --queue-rps-limit -1"),
    step(f"task-queue config set {_CONFIGURED} --fairness-key-weight high=-2"),
    step(f"task-queue config set {_CONFIGURED}"),
    step("task-queue config set -t tq-config --task-queue-type workflow --queue-rps-limit 5"),
    step("task-queue config get -t tq-config --task-queue-type workflow"),
    step("task-queue config get -t tq-config --task-queue-type nexus"),
    step(f"task-queue config get {_CONFIGURED} --namespace missing"),
)

_SETS: Final = scenario(
    "build-id-sets",
    step("task-queue get-build-ids -t tq-sets"),
    step("task-queue update-build-ids add-new-default -t tq-sets --build-id 1.0"),
    step("task-queue update-build-ids add-new-default -t tq-sets --build-id 2.0"),
    step(
        "task-queue update-build-ids add-new-compatible -t tq-sets --build-id 1.1"
        " --existing-compatible-build-id 1.0"
    ),
    step(
        "task-queue update-build-ids add-new-compatible -t tq-sets --build-id 1.2"
        " --existing-compatible-build-id 9.0"
    ),
    step(
        "task-queue update-build-ids add-new-compatible -t tq-sets --build-id 1.3"
        " --existing-compatible-build-id 1.0 --set-as-default"
    ),
    look("task-queue get-build-ids -t tq-sets"),
    step("task-queue get-build-ids -t tq-sets --max-sets 1"),
    step("task-queue update-build-ids promote-id-in-set -t tq-sets --build-id 1.0"),
    step("task-queue update-build-ids promote-set -t tq-sets --build-id 2.0"),
    step("task-queue update-build-ids promote-set -t tq-sets --build-id missing"),
    step("task-queue update-build-ids promote-id-in-set -t tq-sets --build-id missing"),
    look("task-queue get-build-ids -t tq-sets"),
    look("task-queue get-build-id-reachability -t tq-sets --build-id 2.0"),
    look(
        "task-queue get-build-id-reachability -t tq-sets --build-id 1.0"
        " --reachability-type existing"
    ),
    look("task-queue get-build-id-reachability --build-id 1.0 --reachability-type open"),
    step("task-queue get-build-id-reachability -t tq-sets --build-id missing"),
)

_RULES: Final = scenario(
    "versioning-rules",
    step("task-queue versioning get-rules --task-queue tq-rules"),
    step("task-queue versioning insert-assignment-rule --task-queue tq-rules --build-id 1.0 -y"),
    step(
        "task-queue versioning insert-assignment-rule --task-queue tq-rules --build-id 2.0"
        " --rule-index 0 --percentage 30 -y"
    ),
    step(
        "task-queue versioning replace-assignment-rule --task-queue tq-rules --build-id 2.1"
        " --rule-index 0 --percentage 40 -y"
    ),
    step(
        "task-queue versioning replace-assignment-rule --task-queue tq-rules --build-id 2.1"
        " --rule-index 9 -y"
    ),
    step(
        "task-queue versioning add-redirect-rule --task-queue tq-rules --source-build-id 0.9"
        " --target-build-id 1.0 -y"
    ),
    step(
        "task-queue versioning add-redirect-rule --task-queue tq-rules --source-build-id 0.9"
        " --target-build-id 1.0 -y"
    ),
    step(
        "task-queue versioning replace-redirect-rule --task-queue tq-rules --source-build-id 0.9"
        " --target-build-id 1.1 -y"
    ),
    step(
        "task-queue versioning replace-redirect-rule --task-queue tq-rules --source-build-id 7.0"
        " --target-build-id 1.1 -y"
    ),
    text("task-queue versioning get-rules --task-queue tq-rules"),
    look("task-queue versioning get-rules --task-queue tq-rules"),
    look("task-queue describe -t tq-rules --select-build-id 1.0 --report-reachability"),
    look("task-queue describe -t tq-rules --select-all-active"),
    step("task-queue versioning commit-build-id --task-queue tq-rules --build-id 2.1 -y"),
    step("task-queue versioning commit-build-id --task-queue tq-rules --build-id 2.1 --force -y"),
    step(
        "task-queue versioning delete-redirect-rule --task-queue tq-rules --source-build-id 0.9 -y"
    ),
    step(
        "task-queue versioning delete-redirect-rule --task-queue tq-rules --source-build-id 0.9 -y"
    ),
    step("task-queue versioning delete-assignment-rule --task-queue tq-rules --rule-index 0 -y"),
    step(
        "task-queue versioning delete-assignment-rule --task-queue tq-rules"
        " --rule-index 0 --force -y"
    ),
    step("task-queue versioning delete-assignment-rule --task-queue tq-rules --rule-index 5 -y"),
    look("task-queue versioning get-rules --task-queue tq-rules"),
)

_ONE: Final = f"--deployment-name {_DEPLOYMENT} --build-id 1.0"
_TWO: Final = f"--deployment-name {_DEPLOYMENT} --build-id 2.0"
_LAMBDA: Final = (
    "--aws-lambda-function-arn arn:aws:lambda:us-east-1:123456789012:function:work"
    " --aws-lambda-assume-role-arn arn:aws:iam::123456789012:role/run"
    " --aws-lambda-assume-role-external-id ext"
)

_DEPLOYMENTS: Final = scenario(
    "deployments",
    look("worker deployment list", until=_DEPLOYMENT),
    text("worker deployment list"),
    look(f"worker deployment describe --name {_DEPLOYMENT}", until="2.0(.|\n)*1.0|1.0(.|\n)*2.0"),
    text(f"worker deployment describe --name {_DEPLOYMENT}", in_any_order=True),
    step("worker deployment describe --name missing"),
    look(f"worker deployment describe-version {_ONE}"),
    look(f"worker deployment describe-version {_ONE} --report-task-queue-stats"),
    text(f"worker deployment describe-version {_ONE}"),
    step(f"worker deployment describe-version --deployment-name {_DEPLOYMENT} --build-id 9.0"),
    step(f"worker deployment set-current-version {_ONE} -y"),
    look(f"worker deployment describe --name {_DEPLOYMENT}"),
    step(f"worker deployment set-ramping-version {_TWO} --percentage 100 -y"),
    look(f"worker deployment describe --name {_DEPLOYMENT}"),
    look(f"worker deployment describe-version {_TWO}"),
    step(f"worker deployment set-ramping-version {_ONE} --percentage 30 -y"),
    step(f"worker deployment set-ramping-version {_TWO} --percentage 130 -y"),
    step(
        f"worker deployment set-ramping-version --deployment-name {_DEPLOYMENT} --build-id 9.0"
        " --percentage 1 -y"
    ),
    step(f"workflow execute -w dep-1 --type Versioned -t {_QUEUE} -i '\"you\"'"),
    look("workflow describe -w dep-1"),
    step(f"worker deployment set-ramping-version {_TWO} --delete -y"),
    step(f"worker deployment set-current-version {_TWO} -y"),
    look(
        f"worker deployment describe-version {_ONE}",
        until='"drainageStatus": "drained"|DRAIN|draining',
    ),
    look(f"task-queue describe -t {_QUEUE}"),
    step(
        f"worker deployment set-current-version --deployment-name {_DEPLOYMENT} --build-id 9.0 -y"
    ),
    step(f"worker deployment set-current-version --deployment-name {_DEPLOYMENT} --unversioned -y"),
    step("worker deployment set-current-version --deployment-name missing --build-id 9.0 -y"),
    step(
        f"worker deployment update-version-metadata {_ONE} --metadata 'bar=\"1\"'"
        " --metadata 'foo=2'"
    ),
    step(f"worker deployment update-version-metadata {_ONE} --remove-entries bar"),
    look(f"worker deployment describe-version {_ONE}"),
    step(
        f"worker deployment update-version-metadata --deployment-name {_DEPLOYMENT}"
        " --build-id 9.0 --metadata 'a=1'"
    ),
    step(
        f"worker deployment manager-identity set --deployment-name {_DEPLOYMENT}"
        " --manager-identity boss -y"
    ),
    look(f"worker deployment describe --name {_DEPLOYMENT}"),
    step(f"worker deployment set-current-version {_ONE} -y"),
    step(f"worker deployment manager-identity set --deployment-name {_DEPLOYMENT} --self -y"),
    step(f"worker deployment manager-identity unset --deployment-name {_DEPLOYMENT} -y"),
    step("worker deployment manager-identity unset --deployment-name missing -y"),
    step(f"worker deployment delete-version {_ONE}"),
    step(f"worker deployment delete-version {_ONE} --skip-drainage"),
    step(f"worker deployment delete-version --deployment-name {_DEPLOYMENT} --build-id 9.0"),
    step(f"worker deployment delete --name {_DEPLOYMENT}"),
    step("worker deployment delete --name missing"),
    step("worker deployment create --name made-1"),
    step("worker deployment create --name made-1"),
    look("worker deployment describe --name made-1"),
    step("worker deployment create-version --deployment-name made-1 --build-id 1.0"),
    step("worker deployment create-version --deployment-name made-1 --build-id 1.0"),
    look("worker deployment describe-version --deployment-name made-1 --build-id 1.0"),
    step(f"worker deployment create-version --deployment-name made-1 --build-id 2.0 {_LAMBDA}"),
    step(
        "worker deployment update-version-compute-config --deployment-name made-1"
        f" --build-id 1.0 {_LAMBDA}"
    ),
    step(
        "worker deployment update-version-compute-config --deployment-name made-1"
        " --build-id 1.0 --remove"
    ),
    step("worker deployment delete-version --deployment-name made-1 --build-id 1.0"),
    look("worker deployment describe --name made-1"),
    step("worker deployment delete --name made-1"),
    look("worker deployment describe --name made-1"),
    population=_two_versions,
)

_WORKERS: Final = scenario(
    "workers",
    look("worker list -q \"TaskQueue = 'cli'\"", until=IDENTITY, key="0.workerInstanceKey"),
    step("worker describe --worker-instance-key $key"),
    text("worker describe --worker-instance-key $key"),
    step("worker describe --worker-instance-key missing"),
    look("worker list -q \"TaskQueue = 'nothing'\""),
    look("worker list -q \"TaskQueue = 'cli'\" --limit 1"),
    step("worker list -q 'Nothing = 1'"),
    look("worker count -q \"TaskQueue = 'cli'\""),
    step("worker count -q 'Nothing = 1'"),
    step("worker list --namespace missing"),
)

TASK_QUEUES: Final = (_QUEUES, _CONFIG, _SETS, _RULES, _DEPLOYMENTS, _WORKERS)
