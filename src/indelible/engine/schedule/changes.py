"""What clients do with a schedule: create it, replace it, pause it, have it act.

Owns the effect of each request (semantics 11.1). Requests are complete and valid; whether there is
a schedule at all is up to the shell.
"""

from typing import Final

from temporalio.api.schedule.v1 import (
    BackfillRequest,
    Schedule,
    SchedulePatch,
    ScheduleState as StateMessage,
    TriggerImmediatelyRequest,
)
from temporalio.api.workflowservice.v1 import (
    CreateScheduleRequest,
    PatchScheduleRequest,
    UpdateScheduleRequest,
)

from indelible.base.errors import FailedPreconditionError
from indelible.base.ids import NamespaceId, RunId
from indelible.base.instants import Instant, instant
from indelible.engine.schedule.advancing import advance, skip_to_now
from indelible.engine.schedule.state import (
    BACKFILLS_MAX,
    REQUEST_IDS_MAX,
    Backfill,
    ScheduleCore,
    ScheduleDefinition,
    ScheduleState,
)
from indelible.engine.schedule.step import ScheduleStep

_TOKEN_BYTES: Final = 8


def new_schedule(
    request: CreateScheduleRequest, *, namespace_id: NamespaceId, run_id: RunId, now: Instant
) -> ScheduleState:
    """Return the schedule of a request, before anything has happened to it."""
    state = request.schedule.state
    return ScheduleState(
        core=ScheduleCore(
            namespace_id=namespace_id,
            schedule_id=request.schedule_id,
            run_id=run_id,
            create_request_id=request.request_id,
            created_at=now,
            cursor=now,
            is_paused=state.paused,
            notes=state.notes,
            is_limited=state.limited_actions,
            remaining_count=state.remaining_actions,
        ),
        definition=_defined(
            request.schedule,
            memo=request.memo.SerializeToString(),
            search_attributes=_fields(request),
        ),
    )


def begin(step: ScheduleStep, patch: SchedulePatch) -> None:
    """Let a new schedule begin; the patch is applied before its times are looked at."""
    _apply(step, patch)
    skip_to_now(step)
    advance(step)


def update(step: ScheduleStep, request: UpdateScheduleRequest) -> None:
    """Replace the definition and the state of a schedule as a whole; times begin anew.

    Raises `FailedPreconditionError` if the client has not seen the schedule as it is.
    """
    if request.request_id and request.request_id in step.core.request_ids:
        return
    if request.conflict_token and request.conflict_token != conflict_token(step.core):
        raise FailedPreconditionError("mismatched conflict token")
    before = step.state.definition
    step.state = step.state._replace(
        definition=_defined(
            request.schedule,
            memo=request.memo.SerializeToString() if request.HasField("memo") else before.memo,
            search_attributes=(
                _fields(request)
                if request.HasField("search_attributes")
                else dict(before.search_attributes)
            ),
        )
    )
    state: StateMessage = request.schedule.state
    step.change(
        is_paused=state.paused,
        notes=state.notes,
        is_limited=state.limited_actions,
        remaining_count=state.remaining_actions,
    )
    _note_change(step, request.request_id)
    step.change(updated_at=step.now)
    # Past times of the new specification are not made up for.
    step.change(cursor=max(step.core.cursor, step.now))
    skip_to_now(step)
    advance(step)


def patch_schedule(step: ScheduleStep, request: PatchScheduleRequest) -> None:
    """Pause or unpause a schedule, and have it act now or for a span of time.

    Raises `FailedPreconditionError` if too much of that is under way.
    """
    if request.request_id and request.request_id in step.core.request_ids:
        return
    advance(step)  # Whatever is due now is due before the change.
    could_act = step.core.may_act
    _apply(step, request.patch)
    _note_change(step, request.request_id)
    if step.core.may_act and not could_act:
        skip_to_now(step)
    advance(step)


def conflict_token(core: ScheduleCore) -> bytes:
    """Return what a client gives back to prove that it has seen the schedule as it is."""
    return core.conflict_token.to_bytes(_TOKEN_BYTES, "big")


def _apply(step: ScheduleStep, patch: SchedulePatch) -> None:
    if patch.pause:
        step.change(is_paused=True, notes=patch.pause)
    if patch.unpause:
        step.change(is_paused=False, notes=patch.unpause)
    added = len(patch.backfill_request) + patch.HasField("trigger_immediately")
    if len(step.core.backfills) + added > BACKFILLS_MAX:
        raise FailedPreconditionError("too many concurrent backfillers")
    if patch.HasField("trigger_immediately"):
        _trigger(step, patch.trigger_immediately)
    step.change(backfills=(*step.core.backfills, *map(_backfill, patch.backfill_request)))


def _trigger(step: ScheduleStep, request: TriggerImmediatelyRequest) -> None:
    at = step.now
    if request.HasField("scheduled_time"):
        at = instant(request.scheduled_time)
    step.buffer(at, at, policy=request.overlap_policy, is_manual=True)


def _backfill(request: BackfillRequest) -> Backfill:
    return Backfill(
        after=Instant(instant(request.start_time) - 1),
        end=instant(request.end_time),
        policy=request.overlap_policy,
    )


def _note_change(step: ScheduleStep, request_id: str) -> None:
    kept = (*step.core.request_ids, request_id) if request_id else step.core.request_ids
    step.change(
        changed_at=step.now,
        conflict_token=step.core.conflict_token + 1,
        request_ids=kept[-REQUEST_IDS_MAX:],
    )


def _defined(
    schedule: Schedule, *, memo: bytes, search_attributes: dict[str, bytes]
) -> ScheduleDefinition:
    action = schedule.action.start_workflow
    return ScheduleDefinition(
        spec=schedule.spec.SerializeToString(),
        action=action.SerializeToString(),
        policies=schedule.policies.SerializeToString(),
        memo=memo,
        search_attributes=search_attributes,
        workflow_type=action.workflow_type.name,
        task_queue=action.task_queue.name,
    )


def _fields(request: CreateScheduleRequest | UpdateScheduleRequest) -> dict[str, bytes]:
    return {
        name: payload.SerializeToString()
        for name, payload in request.search_attributes.indexed_fields.items()
    }
