"""Simulated activity workers: they poll, work for a while, report or do not.

Owns how each behaviour of an activity looks, and the check that an attempt is given away only once.
Must not know workflows.
"""

from random import Random
from typing import Final

import msgspec
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    PollActivityTaskQueueRequest,
    PollActivityTaskQueueResponse,
    RecordActivityTaskHeartbeatRequest,
    RecordActivityTaskHeartbeatResponse,
    RespondActivityTaskCanceledRequest,
    RespondActivityTaskCanceledResponse,
    RespondActivityTaskCompletedByIdRequest,
    RespondActivityTaskCompletedByIdResponse,
    RespondActivityTaskCompletedRequest,
    RespondActivityTaskCompletedResponse,
    RespondActivityTaskFailedRequest,
    RespondActivityTaskFailedResponse,
)

from indelible.base.errors import StatusCode
from indelible.base.instants import MILLISECOND, SECOND, Duration
from simulation.checkers.promises import Kind, Promise, Promises
from simulation.workloads.commands import deployment_of
from simulation.workloads.program import RunActivity
from simulation.world.network import Caller, RpcError
from simulation.world.node import NAMESPACE
from simulation.world.process import Process
from simulation.world.world import World

_CALL_TIMEOUT: Final = Duration(3 * SECOND)
_decoder: Final = msgspec.json.Decoder(RunActivity)

Report = (
    RespondActivityTaskCompletedRequest
    | RespondActivityTaskFailedRequest
    | RespondActivityTaskCanceledRequest
    | RespondActivityTaskCompletedByIdRequest
)
_RESPONSES: Final = {
    RespondActivityTaskCompletedRequest: (
        "RespondActivityTaskCompleted",
        RespondActivityTaskCompletedResponse,
    ),
    RespondActivityTaskFailedRequest: (
        "RespondActivityTaskFailed",
        RespondActivityTaskFailedResponse,
    ),
    RespondActivityTaskCanceledRequest: (
        "RespondActivityTaskCanceled",
        RespondActivityTaskCanceledResponse,
    ),
    RespondActivityTaskCompletedByIdRequest: (
        "RespondActivityTaskCompletedById",
        RespondActivityTaskCompletedByIdResponse,
    ),
}


class ActivityWorker:
    """The activity side of a worker."""

    def __init__(
        self, world: World, promises: Promises, name: str, queue: str, process: Process, build: str
    ) -> None:
        self._world = world
        self._promises = promises
        self._name = name
        self._queue = queue
        self._process = process
        self._build = build
        self._caller = Caller(name)
        self._chance: Random = world.stream(f"activities/{name}")

    def start(self) -> None:
        """Begin to poll."""
        self._process.spawn("activity poller", self._poll())

    async def _poll(self) -> None:
        while True:
            request = PollActivityTaskQueueRequest(
                namespace=NAMESPACE,
                task_queue=TaskQueue(name=self._queue),
                identity=self._name,
                deployment_options=deployment_of(self._build),
            )
            try:
                task = await self._world.call(
                    self._caller,
                    "PollActivityTaskQueue",
                    request,
                    PollActivityTaskQueueResponse,
                    patience=Duration(self._chance.choice((5, 60)) * SECOND),
                )
            except RpcError:
                await self._world.pause(Duration(200 * MILLISECOND))
                continue
            if task.task_token:
                self._process.spawn("activity", self.work_on(task))

    async def work_on(self, task: PollActivityTaskQueueResponse) -> None:
        """Do what the activity is meant to do, and report."""
        op = _decoder.decode(task.input.payloads[0].data)
        self._note_delivery(op, task)
        if self._chance.random() < self._world.mischief.forget:
            return
        if op.behavior == "mute" and task.attempt == 1:
            return
        await self._world.pause(Duration(self._chance.choice((0, 5, 300, 900)) * MILLISECOND))
        if op.behavior == "heartbeat" and await self._beat(task):
            await self._report(task, _canceled(task))
            return
        if self._chance.random() < self._world.mischief.late:
            await self._world.pause(Duration(self._chance.choice((1, 5)) * SECOND))
        report = _report_on(op, task)
        promise = await self._report(task, report)
        if self._chance.random() < self._world.mischief.twice:
            await self._send(report, promise)

    def _note_delivery(self, op: RunActivity, task: PollActivityTaskQueueResponse) -> None:
        """An attempt is given to one worker only: it may do what cannot be repeated."""
        run_id = _run_id(task)
        if (run_id, task.activity_id) in self._promises.begun_anew:
            return
        attempts_max = op.attempts_max
        if attempts_max and task.attempt > attempts_max:
            self._world.accuse(
                "no attempt too many",
                f"{task.activity_id} of {run_id}: attempt {task.attempt} of {attempts_max}",
            )
        key = (run_id, _number(task.activity_id), task.attempt)
        deliveries = self._promises.activity_deliveries.setdefault(key, [])
        deliveries.append(self._name)
        if len(deliveries) > 1:
            self._world.accuse(
                "an attempt is given away once",
                f"{task.workflow_execution.workflow_id} activity {task.activity_id} attempt"
                f" {task.attempt} went to {deliveries}",
            )

    async def _beat(self, task: PollActivityTaskQueueResponse) -> bool:
        """Report progress a few times; return whether the activity is asked to stop."""
        for number in range(3):
            request = RecordActivityTaskHeartbeatRequest(
                namespace=NAMESPACE,
                task_token=task.task_token,
                identity=self._name,
                details=Payloads(payloads=[Payload(data=str(number).encode())]),
            )
            try:
                response = await self._world.call(
                    self._caller,
                    "RecordActivityTaskHeartbeat",
                    request,
                    RecordActivityTaskHeartbeatResponse,
                    patience=_CALL_TIMEOUT,
                )
            except RpcError as error:
                if not error.is_vague and error.code is not StatusCode.NOT_FOUND:
                    self._world.accuse("heartbeats", f"a heartbeat was answered {error}")
                continue
            if response.cancel_requested:
                return True
            await self._world.pause(Duration(200 * MILLISECOND))
        return False

    async def _report(self, task: PollActivityTaskQueueResponse, report: Report) -> Promise:
        promise = self._promises.ask(
            Kind.STANDALONE if _is_standalone(task) else Kind.ACTIVITY,
            task.workflow_execution.workflow_id or task.activity_id,
            who=self._name,
            run_id=_run_id(task),
        )
        if _is_standalone(task):
            promise.close_command = _CLOSES[type(report)]
        report.identity = promise.mark
        await self._send(report, promise)
        return promise

    async def _send(self, report: Report, promise: Promise) -> None:
        method, response_type = _RESPONSES[type(report)]
        for _ in range(4):
            try:
                await self._world.call(
                    self._caller, method, report, response_type, patience=_CALL_TIMEOUT
                )
            except RpcError as error:
                if error.is_vague:
                    promise.vague_count += 1
                    await self._world.pause(Duration(100 * MILLISECOND))
                    continue
                promise.refused_count += 1
                if error.code is not StatusCode.NOT_FOUND:
                    self._world.accuse("tokens", f"{promise.mark}: a report was answered {error}")
                return
            promise.ok_count += 1
            promise.ok_at = self._world.now
            if isinstance(report, RespondActivityTaskFailedRequest):
                promise.close_command = "fail"
            return


_CLOSES: Final = {
    RespondActivityTaskCompletedRequest: "complete",
    RespondActivityTaskCompletedByIdRequest: "complete",
    RespondActivityTaskCanceledRequest: "cancel",
    RespondActivityTaskFailedRequest: "fail",
}


def _is_standalone(task: PollActivityTaskQueueResponse) -> bool:
    return not task.workflow_execution.workflow_id


def _run_id(task: PollActivityTaskQueueResponse) -> str:
    """Return the run of the workflow, or of the activity if there is no workflow."""
    return task.activity_run_id if _is_standalone(task) else task.workflow_execution.run_id


def _number(text: str) -> int:
    """Return a number for a short text, the same in every process."""
    return int.from_bytes(text.encode(), "big")


def _report_on(op: RunActivity, task: PollActivityTaskQueueResponse) -> Report:
    if op.behavior == "by_id":
        return RespondActivityTaskCompletedByIdRequest(
            namespace=NAMESPACE,
            workflow_id=task.workflow_execution.workflow_id,
            run_id=_run_id(task),
            activity_id=task.activity_id,
        )
    if op.behavior == "hopeless" or (op.behavior == "flaky" and task.attempt < 3):
        return RespondActivityTaskFailedRequest(
            namespace=NAMESPACE,
            task_token=task.task_token,
            failure=Failure(
                message="no luck",
                application_failure_info=ApplicationFailureInfo(
                    type="NoLuck", non_retryable=op.behavior == "hopeless"
                ),
            ),
        )
    return RespondActivityTaskCompletedRequest(namespace=NAMESPACE, task_token=task.task_token)


def _canceled(task: PollActivityTaskQueueResponse) -> RespondActivityTaskCanceledRequest:
    return RespondActivityTaskCanceledRequest(namespace=NAMESPACE, task_token=task.task_token)
