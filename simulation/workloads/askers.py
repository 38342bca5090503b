"""Simulated clients that send updates, alone or with a start, and ask again for the answer.

Owns what is kept of an answer, so that the checkers can hold it against the histories.
"""

from typing import Final

from temporalio.api.common.v1 import WorkflowExecution, WorkflowType
from temporalio.api.enums.v1 import (
    UpdateWorkflowExecutionLifecycleStage,
    WorkflowIdConflictPolicy,
    WorkflowIdReusePolicy,
)
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.update.v1 import Input, Meta, Outcome, Request, UpdateRef, WaitPolicy
from temporalio.api.workflowservice.v1 import (
    ExecuteMultiOperationRequest,
    ExecuteMultiOperationResponse,
    PollWorkflowExecutionUpdateRequest,
    PollWorkflowExecutionUpdateResponse,
    StartWorkflowExecutionRequest,
    UpdateWorkflowExecutionRequest,
    UpdateWorkflowExecutionResponse,
)

from indelible.base.errors import StatusCode
from indelible.base.instants import SECOND, Duration
from simulation.checkers.promises import Kind, Promises, UpdateAnswer
from simulation.workloads.calls import Calls
from simulation.workloads.commands import span
from simulation.workloads.program import draw_program, encode_input
from simulation.world.node import NAMESPACE
from simulation.world.world import World

_Stage: Final = UpdateWorkflowExecutionLifecycleStage
_NONE: Final = _Stage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_UNSPECIFIED
_STAGES: Final = (
    _Stage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ACCEPTED,
    _Stage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED,
)
_TORN: Final = frozenset({StatusCode.ABORTED, StatusCode.INVALID_ARGUMENT})
"""How a call of several operations may end: its own status says nothing of each."""


class Asker:
    """Sends updates to the runs of some workflow ids."""

    def __init__(self, world: World, promises: Promises, ids: list[str], queue: str) -> None:
        self.name = "asker"
        self.process = world.process(self.name)
        self.is_busy = True
        self._world = world
        self._promises = promises
        self._ids = ids
        self._queue = queue
        self._calls = Calls(world, self.name)
        self._chance = self._calls.chance
        self._sent: list[UpdateRef] = []

    async def live(self) -> None:
        """Ask now and then until things are calm."""
        acts = ((self._update, 5), (self._poll, 2), (self._with_start, 1))
        while not self._world.is_calm:
            await self._world.pause(Duration(int(self._chance.random() * 1.5 * SECOND)))
            act = self._chance.choices([act for act, _ in acts], [weight for _, weight in acts])[0]
            await act()
        self.is_busy = False

    def _patience(self) -> Duration:
        return Duration(self._chance.choice((1, 4, 25)) * SECOND)

    def _request(self, workflow_id: str) -> UpdateWorkflowExecutionRequest:
        update_id = self._calls.request_id()
        execution = WorkflowExecution(workflow_id=workflow_id)
        self._sent.append(UpdateRef(workflow_execution=execution, update_id=update_id))
        return UpdateWorkflowExecutionRequest(
            namespace=NAMESPACE,
            workflow_execution=execution,
            wait_policy=WaitPolicy(lifecycle_stage=self._chance.choice(_STAGES)),
            request=Request(
                meta=Meta(update_id=update_id, identity=self.name),
                input=Input(name=self._chance.choice(("now", "now", "later", "reject"))),
            ),
        )

    async def _update(self) -> None:
        request = self._request(self._chance.choice([*self._ids, "nobody"]))
        patience = self._patience()
        for _ in range(self._chance.choice((1, 1, 2))):
            response = await self._calls.ask(
                request, UpdateWorkflowExecutionResponse, patience=patience, attempts=3
            )
            if response is not None:
                self._note(response.update_ref, response.stage, response.outcome)

    async def _poll(self) -> None:
        if not self._sent:
            return
        request = PollWorkflowExecutionUpdateRequest(
            namespace=NAMESPACE,
            update_ref=self._chance.choice(self._sent),
            wait_policy=WaitPolicy(lifecycle_stage=self._chance.choice((_NONE, *_STAGES))),
            identity=self.name,
        )
        response = await self._calls.ask(
            request, PollWorkflowExecutionUpdateResponse, patience=self._patience(), attempts=1
        )
        if response is not None:
            self._note(response.update_ref, response.stage, response.outcome)

    async def _with_start(self) -> None:
        workflow_id = self._chance.choice(self._ids)
        promise = self._promises.ask(Kind.START, workflow_id, who=self.name)
        start = StartWorkflowExecutionRequest(
            namespace=NAMESPACE,
            workflow_id=workflow_id,
            workflow_type=WorkflowType(name="program"),
            task_queue=TaskQueue(name=self._queue),
            input=encode_input(draw_program(self._chance, workflow_id, self._ids)),
            identity=promise.mark,
            request_id=self._calls.request_id(),
            workflow_task_timeout=span(2_000),
            workflow_id_reuse_policy=(
                WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE
            ),
            workflow_id_conflict_policy=(
                WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING
            ),
        )
        operation = ExecuteMultiOperationRequest.Operation
        request = ExecuteMultiOperationRequest(
            namespace=NAMESPACE,
            operations=[
                operation(start_workflow=start),
                operation(update_workflow=self._request(workflow_id)),
            ],
        )
        response = await self._calls.ask(
            request,
            ExecuteMultiOperationResponse,
            patience=self._patience(),
            attempts=3,
            also_expected=_TORN,
        )
        if response is None:
            return
        started, updated = response.responses
        if started.start_workflow.started:
            promise.answers.append(started.start_workflow.run_id)
        answer = updated.update_workflow
        self._note(answer.update_ref, answer.stage, answer.outcome)

    def _note(self, reference: UpdateRef, stage: int, outcome: Outcome) -> None:
        self._promises.updates.append(
            UpdateAnswer(
                update_id=reference.update_id,
                run_id=reference.workflow_execution.run_id,
                stage=stage,
                outcome=outcome,
            )
        )
