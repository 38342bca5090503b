"""Assignment and redirect rules: the second way of versioning."""

from collections.abc import Sequence

from temporalio.api.taskqueue.v1 import (
    BuildIdAssignmentRule,
    CompatibleBuildIdRedirectRule,
    RampByPercentage,
    TimestampedBuildIdAssignmentRule,
    TimestampedCompatibleBuildIdRedirectRule,
)
from temporalio.api.workflowservice.v1 import (
    GetWorkerVersioningRulesRequest,
    GetWorkerVersioningRulesResponse,
    UpdateWorkerVersioningRulesRequest,
)

from indelible.cli.session import Session
from indelible.cli.values import Json
from indelible.cli.verbs.messages import precise, when

_Request = UpdateWorkerVersioningRulesRequest
_ALL = 100.0


async def get(session: Session) -> None:
    """Show the rules."""
    answer = await _rules(session)
    _print(session, answer.assignment_rules, answer.compatible_redirect_rules)


async def add_redirect(session: Session) -> None:
    """Let another build id take over."""
    operation = _Request.AddCompatibleBuildIdRedirectRule(rule=_redirect(session))
    await _update(session, _Request(add_compatible_redirect_rule=operation))


async def replace_redirect(session: Session) -> None:
    """Change where a redirect rule leads."""
    operation = _Request.ReplaceCompatibleBuildIdRedirectRule(rule=_redirect(session))
    await _update(session, _Request(replace_compatible_redirect_rule=operation))


async def delete_redirect(session: Session) -> None:
    """Delete a redirect rule."""
    operation = _Request.DeleteCompatibleBuildIdRedirectRule(
        source_build_id=session.options.source_build_id
    )
    await _update(session, _Request(delete_compatible_redirect_rule=operation))


async def insert_assignment(session: Session) -> None:
    """Add an assignment rule."""
    operation = _Request.InsertBuildIdAssignmentRule(
        rule_index=session.options.rule_index, rule=_assignment(session)
    )
    await _update(session, _Request(insert_assignment_rule=operation))


async def replace_assignment(session: Session) -> None:
    """Replace an assignment rule."""
    options = session.options
    operation = _Request.ReplaceBuildIdAssignmentRule(
        rule_index=options.rule_index, rule=_assignment(session), force=bool(options.force)
    )
    await _update(session, _Request(replace_assignment_rule=operation))


async def delete_assignment(session: Session) -> None:
    """Delete an assignment rule."""
    options = session.options
    operation = _Request.DeleteBuildIdAssignmentRule(
        rule_index=options.rule_index, force=bool(options.force)
    )
    await _update(session, _Request(delete_assignment_rule=operation))


async def commit(session: Session) -> None:
    """Let a build id have all new workflows."""
    options = session.options
    operation = _Request.CommitBuildId(target_build_id=options.build_id, force=bool(options.force))
    await _update(session, _Request(commit_build_id=operation))


def _redirect(session: Session) -> CompatibleBuildIdRedirectRule:
    options = session.options
    return CompatibleBuildIdRedirectRule(
        source_build_id=options.source_build_id, target_build_id=options.target_build_id
    )


def _assignment(session: Session) -> BuildIdAssignmentRule:
    share: float = session.options.percentage
    return BuildIdAssignmentRule(
        target_build_id=session.options.build_id,
        percentage_ramp=None if share == _ALL else RampByPercentage(ramp_percentage=share),
    )


async def _rules(session: Session) -> GetWorkerVersioningRulesResponse:
    return await session.workflows.get_worker_versioning_rules(
        GetWorkerVersioningRulesRequest(
            namespace=session.namespace, task_queue=session.options.task_queue
        )
    )


async def _update(session: Session, request: _Request) -> None:
    before = await _rules(session)
    session.confirm(
        f"Change {len(before.assignment_rules)} assignment rules and"
        f" {len(before.compatible_redirect_rules)} redirect rules of {session.options.task_queue}?"
    )
    request.namespace = session.namespace
    request.task_queue = session.options.task_queue
    # Whoever changed them meanwhile makes this one fail.
    request.conflict_token = before.conflict_token
    answer = await session.workflows.update_worker_versioning_rules(request)
    _print(session, answer.assignment_rules, answer.compatible_redirect_rules)


def _print(
    session: Session,
    assignments: Sequence[TimestampedBuildIdAssignmentRule],
    redirects: Sequence[TimestampedCompatibleBuildIdRedirectRule],
) -> None:
    output = session.output
    assigned: list[Json] = [
        {
            "targetBuildID": one.rule.target_build_id,
            "rampPercentage": _share(one),
            "createTime": precise(one.create_time),
        }
        for one in assignments
    ]
    redirected: list[Json] = [
        {
            "sourceBuildID": one.rule.source_build_id,
            "targetBuildID": one.rule.target_build_id,
            "createTime": precise(one.create_time),
        }
        for one in redirects
    ]
    output.document({"assignmentRules": assigned or None, "redirectRules": redirected or None})
    output.title("Assignment rules:")
    output.table(
        ("Index", "BuildId", "Percentage", "CreateTime"),
        [
            (place, one.rule.target_build_id, _share(one), when(one.create_time))
            for place, one in enumerate(assignments)
        ],
    )
    output.title("Redirect rules:")
    output.table(
        ("From", "To", "CreateTime"),
        [
            (one.rule.source_build_id, one.rule.target_build_id, when(one.create_time))
            for one in redirects
        ],
    )


def _share(rule: TimestampedBuildIdAssignmentRule) -> float:
    ramp = rule.rule.percentage_ramp
    share = ramp.ramp_percentage if rule.rule.HasField("percentage_ramp") else _ALL
    return int(share) if share.is_integer() else share
