"""What the turn of a schedule does outside: starts, cancellations, terminations.

Owns how each is carried out and what its outcome means for the schedule. No lock of the schedule is
held meanwhile. Each may happen twice: a start is known by its request id.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Final, NamedTuple

import structlog
from temporalio.api.common.v1 import Callback
from temporalio.api.workflowservice.v1 import StartWorkflowExecutionRequest

from indelible.base.errors import AlreadyExistsError, ServiceError, StatusCode
from indelible.base.ids import ChainKey, RunId, WorkflowId
from indelible.base.nexus_operations import SYSTEM_CALLBACK_URL, TOKEN_HEADER
from indelible.engine.namespace.record import Namespace
from indelible.engine.schedule import outcomes
from indelible.engine.schedule.advancing import ready_starts
from indelible.engine.schedule.starting import (
    scheduler_identity,
    start_request,
    token_of,
)
from indelible.engine.schedule.state import (
    STOP_TERMINATE,
    BufferedStart,
    RunningAction,
    ScheduleState,
)
from indelible.engine.schedule.step import Rules, ScheduleStep
from indelible.engine.workflow.requests.request_cancel_workflow import request_cancel_workflow
from indelible.engine.workflow.requests.terminate_workflow import terminate_run
from indelible.engine.workflow.state import StateView
from indelible.engine.workflow.transition import Transition
from indelible.services.history.prepared import Prepared
from indelible.services.history.shards import Shards
from indelible.services.history.starting import StartOperations

_log: Final = structlog.get_logger("indelible.history.schedules")

ACTIONS_PER_TURN_MAX: Final = 20
"""Carried out together; a schedule that has more to do gets another turn."""
_LATER_CODES: Final = frozenset(
    {
        StatusCode.UNAVAILABLE,
        StatusCode.RESOURCE_EXHAUSTED,
        StatusCode.ABORTED,
        StatusCode.DEADLINE_EXCEEDED,
        StatusCode.INTERNAL,
        StatusCode.UNKNOWN,
    }
)

TERMINATION_REASON: Final = "terminated by schedule overlap policy"
CANCELLATION_REASON: Final = "cancelled by schedule overlap policy"

Outcome = Callable[[ScheduleStep], None]
"""To be recorded with the schedule."""
Action = Coroutine[object, object, Outcome]
CompleteStart = Callable[[StartWorkflowExecutionRequest, Namespace], None]
"""Checks a request and fills in its defaults, as the frontend does; raises `ServiceError`."""


class PreparedStart(NamedTuple):
    """A workflow that begins when it is committed. The lock of its chain is held."""

    chain: ChainKey
    run_id: RunId
    prepared: Prepared


class ScheduleActions:
    """Carries out what schedules have decided."""

    def __init__(self, shards: Shards, starts: StartOperations, complete: CompleteStart) -> None:
        self._shards = shards
        self._starts = starts
        self._complete = complete

    async def carry_out(
        self, namespace: Namespace, state: ScheduleState, rules: Rules
    ) -> list[Outcome]:
        """Do what is due of a schedule; return what came of it."""
        core = state.core
        now = self._shards.of(core.key.chain).now_in(core.namespace_id)
        starts = ready_starts(state, now)
        actions: list[Action] = [
            self._stop(namespace, core.schedule_id, action)
            for action in core.running
            if action.stop and not action.is_stop_delivered
        ]
        actions += [
            self._start(namespace, state, start, rules) for start in starts[:ACTIONS_PER_TURN_MAX]
        ]
        if len(actions) == 1:
            return [await actions[0]]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_settled(action)) for action in actions]
        settled = [task.result() for task in tasks]
        for one in settled:
            if isinstance(one, Exception):
                # The turn is repeated; what the others did is done under the same request ids.
                raise one
        return [one for one in settled if not isinstance(one, Exception)]

    async def _start(
        self, namespace: Namespace, state: ScheduleState, start: BufferedStart, rules: Rules
    ) -> Outcome:
        number = start.number
        request = start_request(state, start, rules, namespace_name=namespace.name)
        try:
            self._finish_request(namespace, state, start, request)
            response = await self._starts.start_workflow(namespace, request)
        except AlreadyExistsError:
            return await self._refused(namespace, state, start, request.workflow_id)
        except ServiceError as error:
            _log.warning(
                "schedule cannot start its workflow",
                schedule=state.core.schedule_id,
                workflow_id=request.workflow_id,
                reason=error.message,
            )
            if error.code in _LATER_CODES:
                return lambda step: outcomes.record_start_failed(step, number)
            return lambda step: outcomes.record_refused(step, number)
        workflow_id, run_id = request.workflow_id, RunId(response.first_execution_run_id)
        return lambda step: outcomes.record_started(
            step, number, workflow_id=workflow_id, run_id=run_id, started_at=step.now
        )

    async def _refused(
        self, namespace: Namespace, state: ScheduleState, start: BufferedStart, workflow_id: str
    ) -> Outcome:
        """Return what it means that the id is in use: perhaps by the chain of this very start.

        Its answer was lost, and the chain goes on in another run, which does not know the request
        but has the callback that came with it.
        """
        number, token = start.number, token_of(state.core, start)
        chain = ChainKey(namespace.id, WorkflowId(workflow_id))
        shard = self._shards.of(chain)
        async with shard.locks.hold(chain):
            entry = await shard.find(chain)
            execution = entry.state.execution if entry is not None else None
            is_own = entry is not None and _is_told(entry.state, token)
        if execution is None or not is_own:
            return lambda step: outcomes.record_refused(step, number)
        run_id = execution.first_run_id
        return lambda step: outcomes.record_started(
            step, number, workflow_id=workflow_id, run_id=run_id, started_at=step.now
        )

    async def prepare_start(
        self, namespace: Namespace, state: ScheduleState, start: BufferedStart, rules: Rules
    ) -> PreparedStart | None:
        """Begin the workflow of a start, for a caller who commits it and then gives the lock back.

        None if that is not as simple as usual: then `carry_out` knows what to do.
        """
        request = start_request(state, start, rules, namespace_name=namespace.name)
        chain = ChainKey(namespace.id, WorkflowId(request.workflow_id))
        shard = self._shards.of(chain)
        if not shard.locks.is_free(chain):
            return None
        await shard.locks.acquire(chain)
        try:
            if await shard.find(chain) is not None:
                return self._give_back(chain)
            self._finish_request(namespace, state, start, request)
            run_id, prepared = self._starts.prepare_start(shard, chain, request)
        except ServiceError:
            return self._give_back(chain)
        except BaseException:
            shard.locks.release(chain)
            raise
        return PreparedStart(chain, run_id, prepared)

    def _give_back(self, chain: ChainKey) -> None:
        self._shards.of(chain).locks.release(chain)

    def _finish_request(
        self,
        namespace: Namespace,
        state: ScheduleState,
        start: BufferedStart,
        request: StartWorkflowExecutionRequest,
    ) -> None:
        """Check and complete a request; the end of the workflow is told to the schedule."""
        self._complete(request, namespace)
        callback = request.completion_callbacks.add().nexus
        callback.url = SYSTEM_CALLBACK_URL
        callback.header[TOKEN_HEADER] = token_of(state.core, start)

    async def _stop(self, namespace: Namespace, schedule_id: str, action: RunningAction) -> Outcome:
        """Cancel or terminate what runs; its end is told by its callback, as any other."""
        chain = ChainKey(namespace.id, WorkflowId(action.workflow_id))
        shard = self._shards.of(chain)
        identity = scheduler_identity(namespace.name, schedule_id)

        def decide(step: Transition) -> None:
            if not step.execution.is_open or step.execution.first_run_id != action.first_run_id:
                return
            if action.stop == STOP_TERMINATE:
                terminate_run(step, reason=TERMINATION_REASON, identity=identity)
            else:
                request_cancel_workflow(
                    step, reason=CANCELLATION_REASON, identity=identity, links=[]
                )

        async with shard.locks.hold(chain):
            entry = await shard.find(chain)
            if entry is not None:
                await shard.step(entry, decide)
        number, stop = action.number, action.stop
        return lambda step: outcomes.record_stop_delivered(step, number, stop)


def _is_told(state: StateView, token: str) -> bool:
    """Whether the end of a chain is told to the action of a token."""
    return any(
        Callback.FromString(record.callback).nexus.header.get(TOKEN_HEADER) == token
        for record in state.callbacks.values()
        if not record.update_id
    )


async def _settled(action: Action) -> Outcome | Exception:
    """Carry out an action; its error must not break off the others."""
    try:
        return await action
    except Exception as error:  # noqa: BLE001 - it is raised when the others are done
        return error
