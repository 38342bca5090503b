"""The history service of a node.

Owns the shards and the operations on executions, put together. Each kind of operation is a module
beside this one; the methods that the frontend and matching call are theirs.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec

from indelible.base.ids import Archetype, NamespaceId, WorkflowKey
from indelible.base.limits import EXECUTIONS_CACHED_MAX, Limits
from indelible.base.time_zones import TimeZones
from indelible.base.version_routing import VersionRouting, unrouted
from indelible.engine.activity.tasks import CallActivityCallback
from indelible.engine.nexus_operation.tasks import CallOperationCallback, OperationCall
from indelible.ports.clients import MatchingClient
from indelible.ports.clock import Clocks
from indelible.ports.entropy import Entropy
from indelible.ports.outbound import NOTHING_OUTSIDE, Outbound
from indelible.ports.stores import Store
from indelible.ports.telemetry import Telemetry
from indelible.ports.transfer_tasks import AnyTransfer
from indelible.services.history.activities import ActivityOperations
from indelible.services.history.activity_executions import ActivityExecutions
from indelible.services.history.activity_targets import ActivityTargets
from indelible.services.history.batch_operations import BatchOperations
from indelible.services.history.callback_calls import CallbackCalls
from indelible.services.history.callback_delivery import CallbackDelivery
from indelible.services.history.circuit_breakers import CircuitBreakers
from indelible.services.history.completing import CompletionOperations
from indelible.services.history.controlling import ControlOperations
from indelible.services.history.describing import DescribeOperations
from indelible.services.history.expirations import Expirations
from indelible.services.history.external_callbacks import ExternalCallbacks
from indelible.services.history.external_handlers import CallbackUrl, nowhere
from indelible.services.history.messaging import MessageOperations
from indelible.services.history.multi_operations import MultiOperations
from indelible.services.history.nexus_calls import NexusCalls
from indelible.services.history.nexus_completions import NexusCompletions
from indelible.services.history.nexus_operation_executions import NexusOperationExecutions
from indelible.services.history.operation_callbacks import OperationCallbacks
from indelible.services.history.operation_handlers import NexusSurroundings, OperationHandlers
from indelible.services.history.pages import HistoryOperations
from indelible.services.history.querying import QueryOperations
from indelible.services.history.resetting import ResetOperations
from indelible.services.history.schedule_actions import CompleteStart, ScheduleActions
from indelible.services.history.schedules import Schedules
from indelible.services.history.shard import Shard, ShardParts
from indelible.services.history.shards import Shards
from indelible.services.history.starting import StartOperations
from indelible.services.history.system_operations import (
    CompleteSignalWithStart,
    NexusTargets,
    SystemOperations,
)
from indelible.services.history.time_skipping import TimeSkippingOperations
from indelible.services.history.transfer_tasks import TransferExecutor
from indelible.services.history.updating import UpdateOperations
from indelible.services.history.wakeups import Spawn
from indelible.services.history.workflow_tasks import WorkflowTaskOperations
from indelible.services.namespaces import NamespaceRegistry
from indelible.services.nexus_endpoints import NexusEndpointRegistry

REMOVALS_AT_ONCE_MAX: Final = 32
"""A backlog of what has expired fills no more than a part of a commit: whoever starts something
waits for that part, not for the backlog."""


class HistorySurroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What the history service needs of the node."""

    store: Store
    clocks: Clocks
    entropy: Entropy
    telemetry: Telemetry
    namespaces: NamespaceRegistry
    endpoints: NexusEndpointRegistry
    complete_signal_with_start: CompleteSignalWithStart
    """The frontend's validation, for requests that workflows make."""
    complete_start: CompleteStart
    """The frontend's validation, for workflows that schedules start."""
    limits_of: Callable[[str], Limits]
    """The limits of a namespace, by its name."""
    zones: TimeZones
    matching: MatchingClient
    spawn: Spawn
    outbound: Outbound = NOTHING_OUTSIDE
    callback_url: CallbackUrl = nowhere
    """Where handlers that have a URL complete operations."""
    routing_of: Callable[[NamespaceId], VersionRouting] = unrouted
    owner: str
    """Names the node as the owner of its shards."""


class HistoryService:
    """Executions: starts, steps, reads. Implements `ports.clients.HistoryClient`."""

    def __init__(
        self, around: HistorySurroundings, *, entries_max: int = EXECUTIONS_CACHED_MAX
    ) -> None:
        self._shards = _shards(around, entries_max)
        self._expirations = Expirations()
        self._removals = asyncio.Semaphore(REMOVALS_AT_ONCE_MAX)
        tasks = WorkflowTaskOperations(self._shards)
        starts = StartOperations(self._shards, tasks)
        system = SystemOperations(starts, around.complete_signal_with_start)
        self._schedules = _schedules(self._shards, around, starts)
        self._bind_schedules(self._schedules)
        breakers = CircuitBreakers(around.clocks, around.limits_of, around.telemetry)
        handlers = _operation_handlers(around, breakers)
        self._operations = NexusOperationExecutions(self._shards, around.clocks, handlers, breakers)
        ends = NexusCompletions(self._shards, self._operations)
        delivery = CallbackDelivery(
            ends, ExternalCallbacks(around.outbound), around.limits_of, breakers
        )
        self._operation_callbacks = OperationCallbacks(self._operations, delivery.deliver)
        self._transfers = TransferExecutor(
            self._shards,
            starts,
            around.namespaces,
            NexusCalls(handlers, around.namespaces, system),
            CallbackCalls(delivery, around.namespaces, self._schedules.action_ended),
        )
        self._bind_pages(HistoryOperations(self._shards, around.clocks))
        self._bind_waits(TimeSkippingOperations(self._shards, around.clocks))
        completions = CompletionOperations(
            self._shards, tasks, around.namespaces, NexusTargets(around.endpoints, system)
        )
        self._bind_updates(UpdateOperations(self._shards, around.matching, around.clocks), starts)
        self._bind_controls(ControlOperations(self._shards))
        self.reset_workflow = ResetOperations(self._shards, around.entropy).reset_workflow
        self._bind_starts(starts)
        self._bind_messages(MessageOperations(self._shards))
        self.describe_workflow = DescribeOperations(self._shards, breakers).describe_workflow
        self.query_workflow = QueryOperations(
            self._shards, around.matching, around.clocks, around.entropy
        ).query_workflow
        self.start_workflow_task = tasks.start_workflow_task
        self.respond_workflow_task_completed = completions.respond_workflow_task_completed
        self.respond_workflow_task_failed = completions.respond_workflow_task_failed
        self._standalone = ActivityExecutions(
            self._shards, around.clocks, delivery.deliver, breakers
        )
        self._bind_activities(self._standalone, ActivityOperations(self._shards))
        self._bind_operations(self._operations, ends)
        self._bind_batches(BatchOperations(self._shards, around.clocks, around.store))

    def _bind_pages(self, pages: HistoryOperations) -> None:
        self.get_history = pages.get_history
        self.get_history_reverse = pages.get_history_reverse

    def _bind_waits(self, waits: TimeSkippingOperations) -> None:
        self.poll_time_skipping = waits.poll_time_skipping

    def _bind_starts(self, starts: StartOperations) -> None:
        self.start_workflow = starts.start_workflow
        self.signal_with_start = starts.signal_with_start

    def _bind_updates(self, updates: UpdateOperations, starts: StartOperations) -> None:
        self.update_workflow = updates.update_workflow
        self.poll_update = updates.poll_update
        self.execute_multi_operation = MultiOperations(
            self._shards, starts, updates
        ).update_with_start

    def _bind_messages(self, messages: MessageOperations) -> None:
        self.signal_workflow = messages.signal_workflow
        self.request_cancel = messages.request_cancel
        self.terminate_workflow = messages.terminate_workflow
        self.delete_workflow = messages.delete_workflow
        self.reset_sticky = messages.reset_sticky

    def _bind_controls(self, controls: ControlOperations) -> None:
        self.pause_workflow = controls.pause_workflow
        self.unpause_workflow = controls.unpause_workflow
        self.update_workflow_options = controls.update_workflow_options
        self.pause_activity = controls.pause_activity
        self.unpause_activity = controls.unpause_activity
        self.reset_activity = controls.reset_activity
        self.update_activity_options = controls.update_activity_options
        self.trigger_workflow_rule = controls.trigger_workflow_rule

    def _bind_operations(
        self, operations: NexusOperationExecutions, ends: NexusCompletions
    ) -> None:
        self.complete_nexus_operation = ends.complete_nexus_operation
        self.start_nexus_operation = operations.start_nexus_operation
        self.describe_nexus_operation = operations.describe_nexus_operation
        self.poll_nexus_operation = operations.poll_nexus_operation
        self.request_cancel_nexus_operation = operations.request_cancel_nexus_operation
        self.terminate_nexus_operation = operations.terminate_nexus_operation
        self.delete_nexus_operation = operations.delete_nexus_operation

    def _bind_batches(self, batches: BatchOperations) -> None:
        self.batches = batches
        self.start_batch = batches.start_batch
        self.stop_batch = batches.stop_batch
        self.describe_batch = batches.describe_batch
        self.delete_batch = batches.delete_batch

    def _bind_activities(
        self, standalone: ActivityExecutions, activities: ActivityOperations
    ) -> None:
        targets = ActivityTargets(activities, standalone)
        self.start_activity = standalone.start_activity
        self.describe_activity = standalone.describe_activity
        self.poll_activity = standalone.poll_activity
        self.request_cancel_activity = standalone.request_cancel_activity
        self.terminate_activity = standalone.terminate_activity
        self.delete_activity = standalone.delete_activity
        self.pause_activity_execution = standalone.pause_activity_execution
        self.unpause_activity_execution = standalone.unpause_activity_execution
        self.reset_activity_execution = standalone.reset_activity_execution
        self.update_activity_execution_options = standalone.update_activity_execution_options
        self.start_activity_task = targets.start_activity_task
        self.respond_activity_completed = targets.respond_activity_completed
        self.respond_activity_failed = targets.respond_activity_failed
        self.respond_activity_canceled = targets.respond_activity_canceled
        self.record_activity_heartbeat = targets.record_activity_heartbeat

    def _bind_schedules(self, schedules: Schedules) -> None:
        self.create_schedule = schedules.create_schedule
        self.describe_schedule = schedules.describe_schedule
        self.update_schedule = schedules.update_schedule
        self.patch_schedule = schedules.patch_schedule
        self.schedule_times = schedules.schedule_times
        self.delete_schedule = schedules.delete_schedule

    async def start(self) -> None:
        """Take the shards; from here on runs go on by themselves."""
        await self._shards.start(wake=self._wake, execute=self._execute)

    async def _wake(self, shard: Shard, key: WorkflowKey) -> None:
        if not await self._look(shard, key, may_remove=False):
            # Nobody who wants something of this chain waits for the turn of the removal.
            async with self._removals:
                await self._look(shard, key, may_remove=True)

    async def _look(self, shard: Shard, key: WorkflowKey, *, may_remove: bool) -> bool:
        """Return false if there is something to be removed, and it may not be."""
        match key.archetype:
            case Archetype.WORKFLOW:
                return await self._expirations.wake(shard, key, may_remove=may_remove)
            case Archetype.ACTIVITY:
                return await self._standalone.wake(shard, key, may_remove=may_remove)
            case Archetype.NEXUS_OPERATION:
                return await self._operations.wake(shard, key, may_remove=may_remove)
            case Archetype.SCHEDULE:
                await self._schedules.wake(key)
            case Archetype.BATCH_OPERATION:
                await self.batches.wake(shard, key)
        return True

    async def _execute(self, shard: Shard, key: WorkflowKey, task: AnyTransfer) -> None:
        if isinstance(task, OperationCall):
            await self._operations.execute(shard, key, task)
        elif isinstance(task, CallOperationCallback):
            await self._operation_callbacks.call_back(shard, key, task)
        elif isinstance(task, CallActivityCallback):
            await self._standalone.call_back(shard, key, task)
        else:
            await self._transfers.execute(shard, key, task)

    async def stop(self) -> None:
        """Begin nothing any more, and answer whoever waits for a run."""
        self._schedules.stop()
        self._shards.stop()


def _shards(around: HistorySurroundings, entries_max: int) -> Shards:
    shard_count = around.store.describe().shard_count
    return Shards(
        ShardParts(
            store=around.store,
            clocks=around.clocks,
            entropy=around.entropy,
            telemetry=around.telemetry,
            namespaces=around.namespaces,
            limits_of=around.limits_of,
            utc_offset=around.zones.utc_offset,
            matching=around.matching,
            routing_of=around.routing_of,
            entries_max=max(1, entries_max // shard_count),
        ),
        shard_count=shard_count,
        owner=around.owner,
        spawn=around.spawn,
    )


def _schedules(shards: Shards, around: HistorySurroundings, starts: StartOperations) -> Schedules:
    return Schedules(
        shards,
        ScheduleActions(shards, starts, around.complete_start),
        clocks=around.clocks,
        spawn=around.spawn,
        zones=around.zones,
    )


def _operation_handlers(
    around: HistorySurroundings, breakers: CircuitBreakers
) -> OperationHandlers:
    return OperationHandlers(
        NexusSurroundings(
            endpoints=around.endpoints,
            namespaces=around.namespaces,
            matching=around.matching,
            clocks=around.clocks,
            limits_of=around.limits_of,
            breakers=breakers,
            outbound=around.outbound,
            callback_url=around.callback_url,
        )
    )
