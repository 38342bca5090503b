"""Workflow tasks on their way back from a worker.

Owns the course of a completion: refused commands, undone and recorded as a failure; the answers to
queries; the bounds of a run; eager activities and the next task in the same answer. The rules are
in `engine.workflow`.
"""

from collections.abc import Mapping
from functools import partial
from typing import Final

from temporalio.api.common.v1 import Payload, SearchAttributes
from temporalio.api.enums.v1 import QueryResultType
from temporalio.api.query.v1 import WorkflowQueryResult
from temporalio.api.workflowservice.v1 import (
    RespondWorkflowTaskCompletedRequest,
    RespondWorkflowTaskCompletedResponse,
    RespondWorkflowTaskFailedRequest,
)

from indelible.base.errors import InvalidArgumentError, NotFoundError, ServiceError
from indelible.base.ids import ChainKey, NamespaceId
from indelible.base.task_token import WorkflowTaskToken
from indelible.engine.namespace.record import Namespace
from indelible.engine.visibility.search_attributes import add_types, check_search_attributes
from indelible.engine.workflow.requests.respond_workflow_task_completed import (
    CompletionReply,
    CompletionSources,
    refuse_workflow_task,
    respond_workflow_task_completed,
)
from indelible.engine.workflow.requests.respond_workflow_task_failed import (
    respond_workflow_task_failed,
)
from indelible.ports.clients import QueryAnswer
from indelible.services.history.activities import started_activity
from indelible.services.history.entries import Entry
from indelible.services.history.expirations import load_start_event
from indelible.services.history.query_buffer import Redirect, Waiting, is_asked_directly
from indelible.services.history.shard import Shard
from indelible.services.history.shards import Shards
from indelible.services.history.system_operations import NexusTargets
from indelible.services.history.workflow_tasks import WorkflowTaskOperations
from indelible.services.namespaces import NamespaceRegistry

_SEARCHABLE: Final = frozenset(
    {
        "upsert_workflow_search_attributes_command_attributes",
        "start_child_workflow_execution_command_attributes",
        "continue_as_new_workflow_execution_command_attributes",
    }
)
"""The commands that set search attributes."""
ANSWERED: Final = QueryResultType.QUERY_RESULT_TYPE_ANSWERED


class CompletionOperations:
    """Takes what workers make of workflow tasks."""

    def __init__(
        self,
        shards: Shards,
        tasks: WorkflowTaskOperations,
        namespaces: NamespaceRegistry,
        nexus_targets: NexusTargets,
    ) -> None:
        self._shards = shards
        self._tasks = tasks
        self._namespaces = namespaces
        self._nexus_targets = nexus_targets

    async def respond_workflow_task_completed(
        self,
        namespace: Namespace,
        request: RespondWorkflowTaskCompletedRequest,
        token: WorkflowTaskToken,
    ) -> RespondWorkflowTaskCompletedResponse:
        """Carry out the commands of a workflow task, or fail it because of one that is refused.

        Raises `NotFoundError` for a stale token, `InvalidArgumentError` for a refused command.
        """
        chain = ChainKey(token.namespace_id, token.workflow_id)
        shard = self._shards.of(chain)
        async with shard.hold(chain, token.run_id) as entry:
            queries = self._shards.queries
            taken = queries.take(entry.key, request.query_results)
            try:
                reply = await self._complete(shard, entry, namespace, request, token)
            except (NotFoundError, InvalidArgumentError):
                # Too late, or refused: the next attempt brings the queries again.
                queries.put_back(entry.key, taken)
                if is_asked_directly(entry.state.execution):
                    queries.redirect(entry.key)
                raise
            except BaseException:
                _redirect(taken)
                raise
            _tell_answers(taken, request.query_results)
            return await self._response(shard, entry, reply)

    async def respond_workflow_task_failed(
        self,
        namespace: Namespace,
        request: RespondWorkflowTaskFailedRequest,
        token: WorkflowTaskToken,
    ) -> None:
        """Record that a worker could not complete a workflow task; it is tried again at once."""
        chain = ChainKey(namespace.id, token.workflow_id)
        await self._shards.of(chain).update(
            chain, token.run_id, lambda step: respond_workflow_task_failed(step, request, token)
        )

    async def _complete(
        self,
        shard: Shard,
        entry: Entry,
        namespace: Namespace,
        request: RespondWorkflowTaskCompletedRequest,
        token: WorkflowTaskToken,
    ) -> CompletionReply:
        _add_attribute_types(request, namespace)
        sources = CompletionSources(
            find_namespace=self._find_namespace,
            find_nexus_target=partial(self._nexus_targets.find, namespace),
            refuse_search_attributes=lambda fields: self._refuse(shard, namespace, fields),
            start_event=await load_start_event(shard, entry),
            updates=self._shards.updates.admitted(entry.key),
        )
        reply, stepped = shard.decide(
            entry, lambda step: respond_workflow_task_completed(step, request, token, sources)
        )
        refusal = reply.refusal
        if refusal is not None:
            shard.undo(entry)
            error = await shard.step(
                entry, lambda step: refuse_workflow_task(step, refusal, request)
            )
            self._shards.updates.task_failed(entry.key)
            raise error
        updates = self._shards.updates
        if stepped.excess is None:
            updates.decide(entry.key, (*reply.settled_updates, *reply.rejected_updates))
        await shard.save(stepped)
        updates.settle(entry.key, reply.settled_updates, reply.rejected_updates)
        if reply.error is not None:
            raise reply.error
        return reply

    async def _response(
        self, shard: Shard, entry: Entry, reply: CompletionReply
    ) -> RespondWorkflowTaskCompletedResponse:
        response = RespondWorkflowTaskCompletedResponse(
            reset_history_event_id=reply.reset_history_event_id
        )
        if not entry.state.execution.is_open:
            return response
        for scheduled_event_id in reply.eager_activities:
            record = entry.state.activities[scheduled_event_id]
            response.activity_tasks.append(await started_activity(shard, entry, record))
        if reply.is_inline_task_started:
            task = await self._tasks.started_task(
                shard, entry, is_sticky=True, is_heartbeat=reply.is_heartbeat
            )
            response.workflow_task.CopyFrom(task)
        return response

    def _find_namespace(self, name: str) -> NamespaceId | None:
        namespace = self._namespaces.find(name)
        return namespace.id if namespace is not None else None

    @staticmethod
    def _refuse(shard: Shard, namespace: Namespace, fields: Mapping[str, Payload]) -> str | None:
        """Why search attributes cannot be set, or None."""
        try:
            check_search_attributes(
                SearchAttributes(indexed_fields=fields),
                custom=namespace.search_attributes,
                namespace=namespace.name,
                limits=shard.parts.limits_of(namespace.name),
            )
        except ServiceError as error:
            return error.message
        return None


def _add_attribute_types(
    request: RespondWorkflowTaskCompletedRequest, namespace: Namespace
) -> None:
    """Name the types of search attributes, which SDKs read in the events made of them (trap 60)."""
    for command in request.commands:
        name = command.WhichOneof("attributes")
        attributes = getattr(command, name) if name in _SEARCHABLE else None
        if attributes is not None and attributes.HasField("search_attributes"):
            add_types(attributes.search_attributes, namespace.search_attributes)


def _tell_answers(taken: Mapping[str, Waiting], results: Mapping[str, WorkflowQueryResult]) -> None:
    for query_id, waiting in taken.items():
        result = results[query_id]
        if not waiting.outcome.done():
            waiting.outcome.set_result(
                QueryAnswer(
                    is_success=result.result_type == ANSWERED,
                    result=result.answer.SerializeToString(),
                    error_message=result.error_message,
                    failure=result.failure.SerializeToString(),
                )
            )


def _redirect(taken: Mapping[str, Waiting]) -> None:
    """Nobody knows whether the completion counts: have the queries asked directly."""
    for waiting in taken.values():
        if not waiting.outcome.done():
            waiting.outcome.set_result(Redirect.ASK_DIRECTLY)
