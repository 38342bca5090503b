"""Requests about workflow updates: send one, wait for one, start a run to send it one.

Owns their validation (semantics 6.1, 6.5); the work is history's.
"""

from collections.abc import Callable
from typing import Final

from google.protobuf.message import Message
from temporalio.api.enums.v1 import UpdateWorkflowExecutionLifecycleStage
from temporalio.api.workflowservice.v1 import (
    ExecuteMultiOperationRequest,
    PollWorkflowExecutionUpdateRequest,
    StartWorkflowExecutionRequest,
    UpdateWorkflowExecutionRequest,
)

from indelible.base.errors import InvalidArgumentError, PermissionDeniedError, ServiceError
from indelible.base.fresh_ids import uuid_text
from indelible.base.multi_operation import multi_operation_failed, operation_aborted
from indelible.engine.namespace.record import Namespace
from indelible.ports.entropy import Entropy
from indelible.ports.rpc import Call
from indelible.services.frontend.backends import History
from indelible.services.frontend.callbacks import complete_callbacks
from indelible.services.frontend.routes import Routes, namespace_route
from indelible.services.frontend.start_requests import StartRules, complete_start
from indelible.services.frontend.validation import (
    check_blob,
    check_execution,
    check_execution_to_load,
    check_length,
    check_links,
    drop_repeated_links,
)

_Stage = UpdateWorkflowExecutionLifecycleStage
ADMITTED: Final = _Stage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ADMITTED
COMPLETED: Final = _Stage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED
OPERATIONS_COUNT: Final = 2


class UpdateHandlers:
    """Answers the requests about updates."""

    def __init__(
        self,
        *,
        history: History,
        entropy: Entropy,
        rules_of: Callable[[Namespace], StartRules],
    ) -> None:
        self._history = history
        self._entropy = entropy
        self._rules_of = rules_of

    def routes(self) -> Routes:
        """Return the handlers by the name of their RPC."""
        return {
            "UpdateWorkflowExecution": namespace_route(
                UpdateWorkflowExecutionRequest, self._update
            ),
            "PollWorkflowExecutionUpdate": namespace_route(
                PollWorkflowExecutionUpdateRequest, self._poll
            ),
            "ExecuteMultiOperation": namespace_route(
                ExecuteMultiOperationRequest, self._execute_multi_operation
            ),
        }

    async def _update(
        self, request: UpdateWorkflowExecutionRequest, namespace: Namespace, _call: Call
    ) -> Message:
        self._complete_update(request, namespace)
        return await self._history.update_workflow(namespace, request)

    async def _poll(
        self, request: PollWorkflowExecutionUpdateRequest, namespace: Namespace, _call: Call
    ) -> Message:
        if not request.HasField("update_ref"):
            raise InvalidArgumentError("UpdateRef is not set on request.")
        check_execution_to_load(request.update_ref.workflow_execution)
        return await self._history.poll_update(namespace, request)

    async def _execute_multi_operation(
        self, request: ExecuteMultiOperationRequest, namespace: Namespace, _call: Call
    ) -> Message:
        operations = request.operations
        if (
            len(operations) != OPERATIONS_COUNT
            or not operations[0].HasField("start_workflow")
            or not operations[1].HasField("update_workflow")
        ):
            raise InvalidArgumentError("Operations have to be exactly [Start, Update].")
        start, update = operations[0].start_workflow, operations[1].update_workflow
        errors = [
            self._refuse_start(start, namespace),
            self._refuse_update(update, namespace),
        ]
        if errors == [None, None] and start.workflow_id != update.workflow_execution.workflow_id:
            errors[1] = InvalidArgumentError(
                "WorkflowId is not consistent with previous operation(s)."
            )
        if errors != [None, None]:
            raise multi_operation_failed([error or operation_aborted() for error in errors])
        return await self._history.execute_multi_operation(namespace, start, update)

    def _complete_update(
        self, request: UpdateWorkflowExecutionRequest, namespace: Namespace
    ) -> None:
        """Check a request for an update and fill in its defaults."""
        check_execution(request.workflow_execution, is_set=request.HasField("workflow_execution"))
        update = request.request
        if not update.HasField("meta"):
            raise InvalidArgumentError("Update meta is not set on request.")
        check_length(update.meta.update_id, "UpdateId")
        if not update.meta.update_id:
            update.meta.update_id = uuid_text(self._entropy.token(16))
        if not update.HasField("input"):
            raise InvalidArgumentError("Update input is not set on request.")
        if not update.input.name:
            raise InvalidArgumentError("Update name is not set on request.")
        check_length(update.input.name, "UpdateName")
        if request.wait_policy.lifecycle_stage == ADMITTED:
            raise PermissionDeniedError(
                "UpdateWorkflowExecution issued asynchronously and waiting on update admitted is "
                "not supported."
            )
        if not request.wait_policy.lifecycle_stage:
            request.wait_policy.lifecycle_stage = COMPLETED
        if update.completion_callbacks and not update.request_id:
            raise InvalidArgumentError(
                "invalid *update.Request: request_id is required when completion_callbacks are set"
            )
        limits = self._rules_of(namespace).limits
        complete_callbacks(update.completion_callbacks, limits)
        check_links(update.links, limits)
        drop_repeated_links(update)
        check_blob(update.input.args, limits.blob_bytes_max)

    def _refuse_start(
        self, start: StartWorkflowExecutionRequest, namespace: Namespace
    ) -> ServiceError | None:
        """Check the start of an update-with-start and fill in its defaults; return what is wrong.

        Whatever keeps the first workflow task, and with it the update, from its worker is refused.
        """
        try:
            _check_namespace(start.namespace, namespace)
            complete_start(start, namespace=namespace, rules=self._rules_of(namespace))
        except ServiceError as error:
            return error
        if start.cron_schedule:
            return InvalidArgumentError("CronSchedule is not allowed.")
        if start.request_eager_execution:
            return InvalidArgumentError("RequestEagerExecution is not supported.")
        if start.workflow_start_delay.ToNanoseconds() > 0:
            return InvalidArgumentError("WorkflowStartDelay is not supported.")
        return None

    def _refuse_update(
        self, update: UpdateWorkflowExecutionRequest, namespace: Namespace
    ) -> ServiceError | None:
        """As `_refuse_start`, for the update; it must not choose its run."""
        try:
            _check_namespace(update.namespace, namespace)
            self._complete_update(update, namespace)
        except ServiceError as error:
            return error
        if update.first_execution_run_id:
            return InvalidArgumentError("FirstExecutionRunId is not allowed.")
        if update.workflow_execution.run_id:
            return InvalidArgumentError("RunId is not allowed.")
        return None


def _check_namespace(name: str, namespace: Namespace) -> None:
    if name and name != namespace.name:
        raise InvalidArgumentError("Operation namespace did not match request's namespace.")
