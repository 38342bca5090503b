"""Simulated operators of runs: they reset, pause, change options, and let everything go on again.

Owns that what they hold up goes on once all is calm. Must not know what a run does.
"""

from typing import Final

from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.activity.v1 import ActivityOptions
from temporalio.api.common.v1 import Priority, WorkflowExecution
from temporalio.api.enums.v1 import EventType, ResetReapplyExcludeType
from temporalio.api.workflow.v1 import WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import (
    PauseActivityRequest,
    PauseActivityResponse,
    PauseWorkflowExecutionRequest,
    PauseWorkflowExecutionResponse,
    ResetActivityRequest,
    ResetActivityResponse,
    ResetStickyTaskQueueRequest,
    ResetStickyTaskQueueResponse,
    ResetWorkflowExecutionRequest,
    ResetWorkflowExecutionResponse,
    TriggerWorkflowRuleRequest,
    TriggerWorkflowRuleResponse,
    UnpauseActivityRequest,
    UnpauseActivityResponse,
    UnpauseWorkflowExecutionRequest,
    UnpauseWorkflowExecutionResponse,
    UpdateActivityOptionsRequest,
    UpdateActivityOptionsResponse,
    UpdateWorkflowExecutionOptionsRequest,
    UpdateWorkflowExecutionOptionsResponse,
)

from indelible.base.errors import StatusCode
from indelible.base.instants import MILLISECOND, SECOND, Duration
from indelible.engine.workflow.state import ActivityRecord
from simulation.checkers.journal import Journal, Run
from simulation.checkers.promises import Promises
from simulation.workloads.calls import Calls
from simulation.workloads.commands import span
from simulation.world.node import NAMESPACE
from simulation.world.world import World

_E: Final = EventType
_RESET_POINTS: Final = frozenset(
    {
        _E.EVENT_TYPE_WORKFLOW_TASK_STARTED,
        _E.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
        _E.EVENT_TYPE_WORKFLOW_TASK_FAILED,
        _E.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT,
    }
)
_Exclude: Final = ResetReapplyExcludeType
_TOO_LATE: Final = frozenset({StatusCode.INVALID_ARGUMENT})
"""What a request about a moment is told when the moment has passed."""


class Meddler:
    """Meddles with the runs of some workflow ids."""

    def __init__(self, world: World, promises: Promises, journal: Journal, ids: list[str]) -> None:
        self.name = "meddler"
        self.process = world.process(self.name)
        self.is_busy = True
        self._world = world
        self._promises = promises
        self._journal = journal
        self._ids = ids
        self._calls = Calls(world, self.name)
        self._chance = self._calls.chance

    async def live(self) -> None:
        """Meddle now and then; when all is calm, let go of what is held up, again and again."""
        acts = (
            (self._reset, 3),
            (self._pause, 2),
            (self._unpause, 3),
            (self._change_options, 1),
            (self._unstick, 0.5),
            (self._pause_activity, 2),
            (self._trigger_rule, 1),
            (self._unpause_activity, 2),
            (self._reset_activity, 1.5),
            (self._change_activity, 3),
        )
        while not self._world.is_calm:
            await self._world.pause(Duration(int(self._chance.random() * 2 * SECOND)))
            act = self._chance.choices([act for act, _ in acts], [weight for _, weight in acts])[0]
            run = self._journal.current_run(self._chance.choice(self._ids))
            if run is not None:
                await act(run)
        self.is_busy = False
        while True:
            await self._let_go()
            await self._world.pause(Duration(500 * MILLISECOND))

    async def _let_go(self) -> None:
        for run in self._journal.open_runs():
            if run.record.pause is not None:
                await self._unpause(run)
            for record in run.state.activities.values():
                if record.pause is not None:
                    await self._release(run, record)

    # -- runs --------------------------------------------------------------------------------------

    async def _reset(self, current: Run) -> None:
        runs = [
            run for run in self._journal.of_workflow(current.key.workflow_id) if not run.is_deleted
        ]
        run = self._chance.choice(runs)
        points = [event.event_id for event in run.events if event.event_type in _RESET_POINTS]
        if not points:
            return
        excluded = self._chance.random() < 0.3
        if excluded:
            self._promises.unheard.add(run.key.run_id)
        request = ResetWorkflowExecutionRequest(
            namespace=NAMESPACE,
            workflow_execution=_execution(run),
            reason="once more",
            workflow_task_finish_event_id=self._chance.choice(points),
            request_id=self._calls.request_id(),
            reset_reapply_exclude_types=(
                [_Exclude.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL] if excluded else []
            ),
            identity=self.name,
        )
        await self._calls.ask(
            request, ResetWorkflowExecutionResponse, attempts=3, also_expected=_TOO_LATE
        )

    async def _pause(self, run: Run) -> None:
        request = PauseWorkflowExecutionRequest(
            namespace=NAMESPACE,
            workflow_id=run.key.workflow_id,
            reason="wait",
            identity=self.name,
            request_id=self._calls.request_id(),
        )
        await self._calls.ask(request, PauseWorkflowExecutionResponse)

    async def _unpause(self, run: Run) -> None:
        request = UnpauseWorkflowExecutionRequest(
            namespace=NAMESPACE,
            workflow_id=run.key.workflow_id,
            run_id=run.key.run_id,
            reason="go on",
            identity=self.name,
            request_id=self._calls.request_id(),
        )
        await self._calls.ask(request, UnpauseWorkflowExecutionResponse)

    async def _change_options(self, run: Run) -> None:
        request = UpdateWorkflowExecutionOptionsRequest(
            namespace=NAMESPACE,
            workflow_execution=_execution(run),
            workflow_execution_options=WorkflowExecutionOptions(
                priority=Priority(priority_key=self._chance.randint(1, 5))
            ),
            update_mask=FieldMask(paths=["priority"]),
            identity=self.name,
        )
        await self._calls.ask(request, UpdateWorkflowExecutionOptionsResponse)

    async def _unstick(self, run: Run) -> None:
        request = ResetStickyTaskQueueRequest(namespace=NAMESPACE, execution=_execution(run))
        await self._calls.ask(request, ResetStickyTaskQueueResponse)

    # -- activities --------------------------------------------------------------------------------

    def _some_activity(self, run: Run) -> ActivityRecord | None:
        records = list(run.state.activities.values())
        return self._chance.choice(records) if records else None

    async def _pause_activity(self, run: Run) -> None:
        record = self._some_activity(run)
        if record is None:
            return
        # A paused activity waits after any failure, and goes on beyond its last attempt (1.32).
        self._promises.begun_anew.add((run.key.run_id, record.activity_id))
        request = PauseActivityRequest(
            namespace=NAMESPACE,
            execution=_execution(run),
            id=record.activity_id,
            identity=self.name,
            reason="wait",
            request_id=self._calls.request_id(),
        )
        await self._calls.ask(request, PauseActivityResponse)

    async def _trigger_rule(self, run: Run) -> None:
        record = self._some_activity(run)
        if record is None:
            return
        self._promises.begun_anew.add((run.key.run_id, record.activity_id))
        request = TriggerWorkflowRuleRequest(
            namespace=NAMESPACE, execution=_execution(run), identity=self.name
        )
        trigger = request.spec.activity_start
        trigger.predicate = f"ActivityId = '{record.activity_id}' AND ActivityState = 'Scheduled'"
        request.spec.actions.add().activity_pause.SetInParent()
        await self._calls.ask(request, TriggerWorkflowRuleResponse)

    async def _unpause_activity(self, run: Run) -> None:
        record = self._some_activity(run)
        if record is not None:
            await self._release(run, record)

    async def _release(self, run: Run, record: ActivityRecord) -> None:
        resets = self._chance.random() < 0.3
        if resets:
            self._promises.begun_anew.add((run.key.run_id, record.activity_id))
        request = UnpauseActivityRequest(
            namespace=NAMESPACE,
            execution=_execution(run),
            id=record.activity_id,
            identity=self.name,
            reset_attempts=resets,
            reset_heartbeat=self._chance.random() < 0.3,
        )
        await self._calls.ask(request, UnpauseActivityResponse)

    async def _reset_activity(self, run: Run) -> None:
        record = self._some_activity(run)
        if record is None:
            return
        self._promises.begun_anew.add((run.key.run_id, record.activity_id))
        request = ResetActivityRequest(
            namespace=NAMESPACE,
            execution=_execution(run),
            id=record.activity_id,
            identity=self.name,
            reset_heartbeat=self._chance.random() < 0.5,
            keep_paused=self._chance.random() < 0.5,
            jitter=span(self._chance.choice((0, 0, 800))),
            restore_original_options=self._chance.random() < 0.3,
        )
        await self._calls.ask(request, ResetActivityResponse)

    async def _change_activity(self, run: Run) -> None:
        record = self._some_activity(run)
        if record is None:
            return
        request = UpdateActivityOptionsRequest(
            namespace=NAMESPACE,
            execution=_execution(run),
            id=record.activity_id,
            identity=self.name,
        )
        if self._chance.random() < 0.3:
            request.restore_original = True
        else:
            options = ActivityOptions(start_to_close_timeout=span(3_000))
            request.activity_options.CopyFrom(options)
            request.update_mask.paths.append("start_to_close_timeout")
        await self._calls.ask(request, UpdateActivityOptionsResponse)


def _execution(run: Run) -> WorkflowExecution:
    return WorkflowExecution(workflow_id=run.key.workflow_id, run_id=run.key.run_id)
