"""How one target of a batch operation is tried.

Owns the attempts, and what of a refusal is worth another one. The call goes through the handlers of
the frontend, so it is checked as a client's would be. Must not know which target comes next.
"""

from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Final

import structlog
from google.protobuf.message import Message
from temporalio.api.enums.v1 import ResetType
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
    GetWorkflowExecutionHistoryRequest,
    GetWorkflowExecutionHistoryResponse,
    GetWorkflowExecutionHistoryReverseRequest,
    GetWorkflowExecutionHistoryReverseResponse,
    StartBatchOperationRequest,
)

from indelible.base.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
    ServiceError,
    UnimplementedError,
)
from indelible.base.instants import Instant, instant
from indelible.base.invariants import InvariantError
from indelible.engine.batch.requests import target_call
from indelible.engine.batch.reset_points import WorkflowTaskSearch, point_of_build_id
from indelible.engine.batch.targets import Target, is_about_activities
from indelible.engine.namespace.record import Namespace
from indelible.ports.clock import Clock
from indelible.ports.stores import StoreError

ATTEMPTS_MAX: Final = 51
"""The first, and the reference's 50 retries."""
_HISTORY_PAGE_EVENTS: Final = 256
_HOPELESS: Final = (InvalidArgumentError, PermissionDeniedError, UnimplementedError)
"""Refusals that another attempt would meet again; the reference tries them 51 times."""

Perform = Callable[[str, Namespace, Message], Awaitable[Message]]
"""Answers a request of an RPC, by its name, or raises `ServiceError`."""
Admit = Callable[[], Awaitable[bool]]
"""Waits until another attempt may be made; False if none may be made any more."""

_log: Final = structlog.get_logger("indelible.batch")


class Outcome(Enum):
    """What came of a target."""

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    """It is not a target any more: a reset has found the run that it ended itself."""
    ENDED = "ended"
    """The job was ended before."""


class TargetCalls:
    """Tries the targets of one job."""

    def __init__(
        self,
        perform: Perform,
        namespace: Namespace,
        request: StartBatchOperationRequest,
        clock: Clock,
        started_at: Instant,
    ) -> None:
        self._perform = perform
        self._namespace = namespace
        self._request = request
        self._clock = clock
        self._started_at = started_at

    async def attempt(self, target: Target, admit: Admit) -> Outcome:
        """Return what has come of a target, in the end."""
        for _ in range(ATTEMPTS_MAX):
            if not await admit():
                return Outcome.ENDED
            try:
                is_done = await self._call(target)
            except NotFoundError:
                return Outcome.DONE  # It has closed, or is gone: nothing is left to do.
            except (ServiceError, StoreError) as error:
                self._note(target, error)
                if not self._is_worth_another(error):
                    return Outcome.FAILED
            except Exception as error:  # noqa: BLE001 - one target's edge: the others go on
                self._note(target, error)
                return Outcome.FAILED
            else:
                return Outcome.DONE if is_done else Outcome.SKIPPED
        return Outcome.FAILED

    def _note(self, target: Target, error: Exception) -> None:
        _log.warning(
            "target_failed",
            job_id=self._request.job_id,
            target=target.workflow_id,
            run_id=target.run_id,
            error=repr(error),
        )

    def _is_worth_another(self, error: ServiceError | StoreError) -> bool:
        if isinstance(error, FailedPreconditionError):
            # A standalone activity that has ended, or ends already, will never be otherwise.
            return not is_about_activities(self._request)
        return not isinstance(error, _HOPELESS)

    async def _call(self, target: Target) -> bool:
        """Make the request; return whether there was one to make."""
        if self._request.WhichOneof("operation") != "reset_operation":
            call = target_call(self._request, target)
        else:
            described = await self._described(target)
            if self._is_reset_already(described):
                return False
            target, event_id = await self._reset_point(target, described)
            call = target_call(self._request, target, reset_event_id=event_id)
        await self._perform(call.rpc, self._namespace, call.request)
        return True

    # -- where to reset to -------------------------------------------------------------------------

    async def _described(self, target: Target) -> DescribeWorkflowExecutionResponse:
        request = DescribeWorkflowExecutionRequest(namespace=self._namespace.name)
        request.execution.workflow_id, request.execution.run_id = target
        described = await self._perform("DescribeWorkflowExecution", self._namespace, request)
        if not isinstance(described, DescribeWorkflowExecutionResponse):
            raise InvariantError("a description of another kind")
        return described

    def _is_reset_already(self, described: DescribeWorkflowExecutionResponse) -> bool:
        """Whether a run was ended by a reset since the job began: closed rows come after open ones.

        A job that lists its targets finds each of them once, and asks for it whatever has happened.
        """
        closed_at = instant(described.workflow_execution_info.close_time)
        return (
            bool(self._request.visibility_query)
            and bool(described.workflow_extended_info.reset_run_id)
            and closed_at >= self._started_at
        )

    async def _reset_point(
        self, target: Target, described: DescribeWorkflowExecutionResponse
    ) -> tuple[Target, int]:
        operation = self._request.reset_operation
        options = operation.options
        kind = options.WhichOneof("target") if operation.HasField("options") else None
        if kind == "workflow_task_id":
            return target, options.workflow_task_id
        if kind == "build_id":
            found = described.workflow_execution_info
            point = point_of_build_id(
                found.auto_reset_points.points,
                build_id=options.build_id,
                run_id=found.execution.run_id,
                current_run_only=options.current_run_only,
                now=self._clock.now(),
            )
            return Target(target.workflow_id, point.run_id), point.first_workflow_task_completed_id
        is_first = kind == "first_workflow_task" or (
            kind is None and operation.reset_type == ResetType.RESET_TYPE_FIRST_WORKFLOW_TASK
        )
        return target, await (self._first_task(target) if is_first else self._last_task(target))

    async def _first_task(self, target: Target) -> int:
        search = WorkflowTaskSearch()
        request = GetWorkflowExecutionHistoryRequest(
            namespace=self._namespace.name, maximum_page_size=_HISTORY_PAGE_EVENTS
        )
        request.execution.workflow_id, request.execution.run_id = target
        while True:
            page = await self._perform("GetWorkflowExecutionHistory", self._namespace, request)
            if not isinstance(page, GetWorkflowExecutionHistoryResponse):
                raise InvariantError("a history of another kind")
            if search.look(page.history.events) or not page.next_page_token:
                return search.found()
            request.next_page_token = page.next_page_token

    async def _last_task(self, target: Target) -> int:
        search = WorkflowTaskSearch()
        request = GetWorkflowExecutionHistoryReverseRequest(
            namespace=self._namespace.name, maximum_page_size=_HISTORY_PAGE_EVENTS
        )
        request.execution.workflow_id, request.execution.run_id = target
        while True:
            page = await self._perform(
                "GetWorkflowExecutionHistoryReverse", self._namespace, request
            )
            if not isinstance(page, GetWorkflowExecutionHistoryReverseResponse):
                raise InvariantError("a history of another kind")
            if search.look(page.history.events) or not page.next_page_token:
                return search.found()
            request.next_page_token = page.next_page_token
