"""Queries, and the two that every worker answers."""

import json

from google.protobuf.json_format import Parse
from temporalio.api.common.v1 import Payloads
from temporalio.api.enums.v1 import QueryRejectCondition, WorkflowExecutionStatus
from temporalio.api.query.v1 import WorkflowQuery
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.api.workflowservice.v1 import QueryWorkflowRequest, QueryWorkflowResponse

from indelible.cli.session import CommandFailedError, Session
from indelible.cli.verbs.messages import execution, short_name
from indelible.cli.verbs.payloads import header, input_payloads, shown_values, value_of_all

_CONDITIONS = {
    "not_open": QueryRejectCondition.QUERY_REJECT_CONDITION_NOT_OPEN,
    "not_completed_cleanly": QueryRejectCondition.QUERY_REJECT_CONDITION_NOT_COMPLETED_CLEANLY,
}


async def query(session: Session) -> None:
    """Ask a workflow about its state."""
    answer = await _asked(session, session.options.name, input_payloads(session.options))
    session.output.message(answer)
    session.output.title("Query result:")
    session.output.card({"QueryResult": shown_values(answer.query_result)})


async def stack(session: Session) -> None:
    """Show where a workflow's code is."""
    answer = await _asked(session, "__stack_trace", Payloads())
    session.output.message(answer)
    value = value_of_all(answer.query_result)
    session.output.say(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


async def metadata(session: Session) -> None:
    """Show which queries, signals and updates a workflow knows."""
    answer = await _asked(session, "__temporal_workflow_metadata", Payloads())
    output = session.output
    output.message(answer)
    if output.is_json:
        return
    known = WorkflowMetadata()
    for payload in answer.query_result.payloads:
        Parse(payload.data, known, ignore_unknown_fields=True)
    for title, definitions in (
        ("Queries:", known.definition.query_definitions),
        ("Signals:", known.definition.signal_definitions),
        ("Updates:", known.definition.update_definitions),
    ):
        if definitions:
            output.title(title)
            rows = [(one.name or "(any other name)", one.description) for one in definitions]
            output.table(("Name", "Description"), rows, has_head=False)
    if known.current_details:
        output.title("Current details:")
        output.say(known.current_details)


async def _asked(session: Session, name: str, arguments: Payloads) -> QueryWorkflowResponse:
    options = session.options
    words: list[str] = getattr(options, "headers", [])
    answer = await session.workflows.query_workflow(
        QueryWorkflowRequest(
            namespace=session.namespace,
            execution=execution(options),
            query=WorkflowQuery(
                query_type=name,
                query_args=arguments,
                header=header(words) if words else None,
            ),
            query_reject_condition=_CONDITIONS.get(
                options.reject_condition, QueryRejectCondition.ValueType(0)
            ),
        )
    )
    if answer.HasField("query_rejected"):
        status = short_name(WorkflowExecutionStatus, answer.query_rejected.status)
        raise CommandFailedError(f"the query was rejected: the workflow is {status}")
    return answer
