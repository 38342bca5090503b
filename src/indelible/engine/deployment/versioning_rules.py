"""Rules that assign build ids: the second generation of worker versioning.

Owns the stored form, the seven operations and what they refuse, in the reference's words, and the
routing that follows from the rules. A run is assigned a build id when it first gets a worker; an
assignment rule with a ramp takes a share of the runs, the next rules the rest. A redirect rule
sends what is assigned to one build id to another one.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec.structs import replace
from temporalio.api.taskqueue.v1 import (
    BuildIdAssignmentRule,
    CompatibleBuildIdRedirectRule,
    RampByPercentage,
    TimestampedBuildIdAssignmentRule,
    TimestampedCompatibleBuildIdRedirectRule,
)
from temporalio.api.workflowservice.v1 import UpdateWorkerVersioningRulesRequest

from indelible.base.errors import (
    AlreadyExistsError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
)
from indelible.base.instants import SECOND, Duration, Instant, timestamp
from indelible.base.versions import Version
from indelible.engine.deployment.routing import QueueRouting, Ramp

ASSIGNMENT_RULES_MAX: Final = 100
REDIRECT_RULES_MAX: Final = 500
UPSTREAM_BUILD_IDS_MAX: Final = 50
FULL_RAMP: Final = 100.0
COMMIT_POLLER_SEEN: Final = Duration(70 * SECOND)
"""How long ago a worker of a build id may have polled for the commit of that build id."""

Request = UpdateWorkerVersioningRulesRequest


class AssignmentRule(msgspec.Struct, frozen=True):
    """New runs, or a share of them, are assigned a build id; an empty one means unversioned."""

    build_id: str
    percentage: float
    created_at: Instant

    @property
    def is_full(self) -> bool:
        """Whether no later rule is ever reached."""
        return self.percentage == FULL_RAMP


class RedirectRule(msgspec.Struct, frozen=True):
    """What is assigned to one build id goes to another one."""

    source: str
    target: str
    created_at: Instant


class VersioningRules(msgspec.Struct, frozen=True):
    """The rules of one task queue. The first assignment rule that takes a run decides."""

    assignments: tuple[AssignmentRule, ...] = ()
    redirects: tuple[RedirectRule, ...] = ()
    revision: int = 0

    @property
    def conflict_token(self) -> bytes:
        """Tells one state of the rules from all others."""
        return self.revision.to_bytes(8, "big")


NO_RULES: Final = VersioningRules()
_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(VersioningRules)


def encode_rules(rules: VersioningRules) -> bytes:
    """Return the stored form."""
    return _encoder.encode(rules)


def decode_rules(record: bytes) -> VersioningRules:
    """Return the rules of a stored record."""
    return _decoder.decode(record)


# ---------------------------------------------------------------------------------------- changing
def update_rules(
    rules: VersioningRules,
    request: Request,
    *,
    set_members: Sequence[str],
    has_recent_poller: bool,
    now: Instant,
) -> VersioningRules:
    """Carry out the operation of a request.

    `set_members` are the build ids of the queue's compatible sets, which no rule may name.
    `has_recent_poller` is about the build id that a request commits.
    """
    if request.conflict_token not in {b"", rules.conflict_token}:
        raise FailedPreconditionError(
            f"provided conflict token '{request.conflict_token.hex()}' does not match existing one "
            f"'{rules.conflict_token.hex()}'"
        )
    match request.WhichOneof("operation"):
        case "insert_assignment_rule":
            changed = _insert(rules, request.insert_assignment_rule, set_members, now)
        case "replace_assignment_rule":
            changed = _replace(rules, request.replace_assignment_rule, set_members, now)
        case "delete_assignment_rule":
            changed = _delete(rules, request.delete_assignment_rule)
        case "add_compatible_redirect_rule":
            rule = request.add_compatible_redirect_rule.rule
            changed = _add_redirect(rules, rule, set_members, now)
        case "replace_compatible_redirect_rule":
            rule = request.replace_compatible_redirect_rule.rule
            changed = _replace_redirect(rules, rule, set_members, now)
        case "delete_compatible_redirect_rule":
            source = request.delete_compatible_redirect_rule.source_build_id
            changed = _without_redirect(rules, source)
        case "commit_build_id":
            commit = request.commit_build_id
            if not (has_recent_poller or commit.force):
                raise FailedPreconditionError(
                    f"no versioned poller with build ID '{commit.target_build_id}' seen within the "
                    "last 1m10s, use force=true to commit anyways"
                )
            changed = _commit(rules, commit.target_build_id, set_members, now)
        case _:
            raise InvalidArgumentError("invalid operation: <nil>")
    return replace(changed, revision=rules.revision + 1)


def _assignment(
    rules: VersioningRules,
    given: BuildIdAssignmentRule,
    set_members: Sequence[str],
    now: Instant,
) -> AssignmentRule:
    has_ramp = given.HasField("percentage_ramp")
    percentage = given.percentage_ramp.ramp_percentage if has_ramp else FULL_RAMP
    if not 0 <= percentage <= FULL_RAMP:
        raise InvalidArgumentError("ramp percentage must be in range [0, 100]")
    target = given.target_build_id
    _refuse_set_member(target, set_members, "target")
    if percentage != FULL_RAMP and any(one.source == target for one in rules.redirects):
        raise FailedPreconditionError(
            "update breaks requirement, this build ID cannot be the target of a partially-ramped "
            "assignment rule because it is the source of a redirect rule"
        )
    return AssignmentRule(target, percentage, now)


def _insert(
    rules: VersioningRules,
    given: Request.InsertBuildIdAssignmentRule,
    set_members: Sequence[str],
    now: Instant,
) -> VersioningRules:
    if given.rule_index < 0:
        raise InvalidArgumentError("rule index cannot be negative")
    added = _assignment(rules, given.rule, set_members, now)
    place = min(given.rule_index, len(rules.assignments))
    assignments = (*rules.assignments[:place], added, *rules.assignments[place:])
    return _bounded(replace(rules, assignments=assignments))


def _replace(
    rules: VersioningRules,
    given: Request.ReplaceBuildIdAssignmentRule,
    set_members: Sequence[str],
    now: Instant,
) -> VersioningRules:
    added = _assignment(rules, given.rule, set_members, now)
    place = _place(rules, given.rule_index)
    assignments = (*rules.assignments[:place], added, *rules.assignments[place + 1 :])
    return _keeping_default(rules, assignments, is_forced=given.force)


def _delete(rules: VersioningRules, given: Request.DeleteBuildIdAssignmentRule) -> VersioningRules:
    place = _place(rules, given.rule_index)
    assignments = (*rules.assignments[:place], *rules.assignments[place + 1 :])
    return _keeping_default(rules, assignments, is_forced=given.force)


def _place(rules: VersioningRules, index: int) -> int:
    count = len(rules.assignments)
    if not 0 <= index < count:
        raise InvalidArgumentError(
            f"rule index {index} is out of bounds for assignment rule list of length {count}"
        )
    return index


def _keeping_default(
    rules: VersioningRules, assignments: tuple[AssignmentRule, ...], *, is_forced: bool
) -> VersioningRules:
    """A queue must not lose its default build id unnoticed: its unversioned workers may be gone."""
    had_default = any(one.is_full for one in rules.assignments)
    if had_default and not is_forced and not any(one.is_full for one in assignments):
        raise FailedPreconditionError(
            "at least one fully-ramped assignment rule must exist (use force=true to bypass this "
            "requirement and set the unversioned queue as the default)"
        )
    return replace(rules, assignments=assignments)


def _commit(
    rules: VersioningRules, target: str, set_members: Sequence[str], now: Instant
) -> VersioningRules:
    """The build id gets all new runs: no other full rule stays, nor any rule of its own."""
    _refuse_set_member(target, set_members, "target")
    kept = [one for one in rules.assignments if one.build_id != target and not one.is_full]
    return _bounded(replace(rules, assignments=(*kept, AssignmentRule(target, FULL_RAMP, now))))


def _bounded(rules: VersioningRules) -> VersioningRules:
    count = len(rules.assignments)
    if count > ASSIGNMENT_RULES_MAX:
        raise FailedPreconditionError(
            "update exceeds number of assignment rules permitted in namespace "
            f"({count}/{ASSIGNMENT_RULES_MAX})"
        )
    return rules


def _refuse_set_member(build_id: str, set_members: Sequence[str], what: str) -> None:
    if build_id in set_members:
        raise FailedPreconditionError(
            f"update breaks requirement, {what} build ID is already a member of a version set"
        )


def _add_redirect(
    rules: VersioningRules,
    given: CompatibleBuildIdRedirectRule,
    set_members: Sequence[str],
    now: Instant,
) -> VersioningRules:
    source, target = given.source_build_id, given.target_build_id
    _check_redirect(given, set_members)
    if any(one.build_id == source and not one.is_full for one in rules.assignments):
        raise FailedPreconditionError(
            "redirect rule source build ID cannot be the target of any partially-ramped assignment "
            "rule"
        )
    for one in rules.redirects:
        if one.source == source:
            raise AlreadyExistsError(f"source {source} already redirects to target {one.target}")
    return _acyclic(replace(rules, redirects=(RedirectRule(source, target, now), *rules.redirects)))


def _replace_redirect(
    rules: VersioningRules,
    given: CompatibleBuildIdRedirectRule,
    set_members: Sequence[str],
    now: Instant,
) -> VersioningRules:
    source, target = given.source_build_id, given.target_build_id
    _check_redirect(given, set_members)
    rest = _without_redirect(rules, source).redirects
    return _acyclic(replace(rules, redirects=(RedirectRule(source, target, now), *rest)))


def _without_redirect(rules: VersioningRules, source: str) -> VersioningRules:
    rest = tuple(one for one in rules.redirects if one.source != source)
    if len(rest) == len(rules.redirects):
        raise NotFoundError(f"no redirect rule found with source ID {source}")
    return replace(rules, redirects=rest)


def _check_redirect(given: CompatibleBuildIdRedirectRule, set_members: Sequence[str]) -> None:
    if not given.target_build_id:
        raise InvalidArgumentError(
            "the unversioned build ID cannot be the target of a redirect rule"
        )
    _refuse_set_member(given.source_build_id, set_members, "source")
    _refuse_set_member(given.target_build_id, set_members, "target")


def _acyclic(rules: VersioningRules) -> VersioningRules:
    count = len(rules.redirects)
    if count > REDIRECT_RULES_MAX:
        raise FailedPreconditionError(
            "update exceeds number of redirect rules permitted in namespace "
            f"({count}/{REDIRECT_RULES_MAX})"
        )
    targets = {one.source: one.target for one in rules.redirects}
    for source, target in targets.items():
        seen, place = {source}, target
        while place in targets:
            if place in seen:
                raise FailedPreconditionError("update would break acyclic requirement")
            seen.add(place)
            place = targets[place]
    routing = QueueRouting(redirects=tuple(targets.items()))
    for target in targets.values():
        upstream = len(routing.sources(Version("", target)))
        if upstream > UPSTREAM_BUILD_IDS_MAX:
            raise FailedPreconditionError(
                "update exceeds number of upstream build ids permitted in namespace "
                f"({upstream}/{UPSTREAM_BUILD_IDS_MAX})"
            )
    return rules


# ----------------------------------------------------------------------------------------- routing
def route_by_rules(rules: VersioningRules) -> QueueRouting:
    """Return where the tasks of a queue go: a version without a deployment is a build id."""
    redirects = tuple((one.source, one.target) for one in rules.redirects)
    ramps: list[Ramp] = []
    for rule in rules.assignments:
        ramps.append(Ramp(_version(rule.build_id), rule.percentage))
        if rule.is_full:
            break
    return QueueRouting(ramps=tuple(ramps), redirects=redirects)


def route_by_sets(sets: Sequence[Sequence[str]]) -> QueueRouting:
    """Return the routing of compatible sets: the default of each set stands for all of it."""
    return QueueRouting(
        ramps=(Ramp(_version(sets[-1][-1]), FULL_RAMP),),
        redirects=tuple((old, one[-1]) for one in sets for old in one[:-1]),
    )


def _version(build_id: str) -> Version | None:
    return Version("", build_id) if build_id else None


# ----------------------------------------------------------------------------------------- showing
def assignment_messages(rules: VersioningRules) -> list[TimestampedBuildIdAssignmentRule]:
    """Return the assignment rules as clients see them."""
    return [
        TimestampedBuildIdAssignmentRule(
            rule=BuildIdAssignmentRule(
                target_build_id=one.build_id,
                percentage_ramp=RampByPercentage(ramp_percentage=one.percentage),
            ),
            create_time=timestamp(one.created_at),
        )
        for one in rules.assignments
    ]


def redirect_messages(rules: VersioningRules) -> list[TimestampedCompatibleBuildIdRedirectRule]:
    """Return the redirect rules as clients see them."""
    return [
        TimestampedCompatibleBuildIdRedirectRule(
            rule=CompatibleBuildIdRedirectRule(
                source_build_id=one.source, target_build_id=one.target
            ),
            create_time=timestamp(one.created_at),
        )
        for one in rules.redirects
    ]
