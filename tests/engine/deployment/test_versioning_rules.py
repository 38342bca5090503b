"""Rules that assign build ids: what each operation does and refuses, and where runs go."""

from collections import Counter
from typing import Any

import pytest
from temporalio.api.taskqueue.v1 import (
    BuildIdAssignmentRule,
    CompatibleBuildIdRedirectRule,
    RampByPercentage,
)
from temporalio.api.workflowservice.v1 import UpdateWorkerVersioningRulesRequest as Request

from indelible.base.errors import ServiceError, StatusCode
from indelible.base.instants import SECOND, Instant
from indelible.base.versions import Version
from indelible.engine.deployment.versioning_rules import (
    ASSIGNMENT_RULES_MAX,
    NO_RULES,
    UPSTREAM_BUILD_IDS_MAX,
    VersioningRules,
    decode_rules,
    encode_rules,
    route_by_rules,
    route_by_sets,
    update_rules,
)

NOW = Instant(1_700_000_000 * SECOND)
BAD, FAILED = StatusCode.INVALID_ARGUMENT, StatusCode.FAILED_PRECONDITION


def assign(build_id: str, percentage: float | None = None) -> BuildIdAssignmentRule:
    ramp = None if percentage is None else RampByPercentage(ramp_percentage=percentage)
    return BuildIdAssignmentRule(target_build_id=build_id, percentage_ramp=ramp)


def insert(build_id: str, percentage: float | None = None, at: int = 0) -> Request:
    rule = assign(build_id, percentage)
    return Request(
        insert_assignment_rule=Request.InsertBuildIdAssignmentRule(rule=rule, rule_index=at)
    )


def replace(at: int, rule: BuildIdAssignmentRule, *, force: bool = False) -> Request:
    return Request(
        replace_assignment_rule=Request.ReplaceBuildIdAssignmentRule(
            rule=rule, rule_index=at, force=force
        )
    )


def delete(at: int, *, force: bool = False) -> Request:
    return Request(
        delete_assignment_rule=Request.DeleteBuildIdAssignmentRule(rule_index=at, force=force)
    )


def redirect(source: str, target: str) -> Request:
    rule = CompatibleBuildIdRedirectRule(source_build_id=source, target_build_id=target)
    return Request(add_compatible_redirect_rule=Request.AddCompatibleBuildIdRedirectRule(rule=rule))


def redirect_anew(source: str, target: str) -> Request:
    rule = CompatibleBuildIdRedirectRule(source_build_id=source, target_build_id=target)
    return Request(
        replace_compatible_redirect_rule=Request.ReplaceCompatibleBuildIdRedirectRule(rule=rule)
    )


def forget(source: str) -> Request:
    return Request(
        delete_compatible_redirect_rule=Request.DeleteCompatibleBuildIdRedirectRule(
            source_build_id=source
        )
    )


def commit(build_id: str, *, force: bool = False) -> Request:
    return Request(commit_build_id=Request.CommitBuildId(target_build_id=build_id, force=force))


def after(*requests: Request, rules: VersioningRules = NO_RULES, **given: Any) -> VersioningRules:
    options: dict[str, Any] = {"set_members": (), "has_recent_poller": False, "now": NOW, **given}
    for request in requests:
        rules = update_rules(rules, request, **options)
    return rules


def shown(rules: VersioningRules) -> list[tuple[str, float]]:
    return [(one.build_id, one.percentage) for one in rules.assignments]


@pytest.mark.parametrize(
    ("requests", "expected"),
    [
        ([insert("1")], [("1", 100)]),
        ([insert("1"), insert("2", 10)], [("2", 10), ("1", 100)]),
        ([insert("1"), insert("2", 10, at=9)], [("1", 100), ("2", 10)]),
        ([insert("1"), insert("2", 10), replace(0, assign("2", 20))], [("2", 20), ("1", 100)]),
        ([insert("1"), insert("2", 10), delete(0)], [("1", 100)]),
        ([insert("1"), delete(0, force=True)], []),
        ([insert("1"), replace(0, assign("1", 5), force=True)], [("1", 5)]),
        ([insert("1"), insert("2", 10), commit("2", force=True)], [("2", 100)]),
        (
            [insert("1"), insert("2", 10), insert("3", 5), commit("2", force=True)],
            [("3", 5), ("2", 100)],
        ),
    ],
)
def test_assignment_rules(requests: list[Request], expected: list[tuple[str, float]]) -> None:
    assert shown(after(*requests)) == expected


CHAIN = [redirect(str(n), str(n + 1)) for n in range(UPSTREAM_BUILD_IDS_MAX)]


@pytest.mark.parametrize(
    ("before", "request_", "code", "words"),
    [
        ([], insert("1", at=-1), BAD, "rule index cannot be negative"),
        ([], insert("1", 100.5), BAD, r"ramp percentage must be in range \[0, 100\]"),
        ([], insert("1", -1), BAD, "ramp percentage must be"),
        ([], insert("1", float("nan")), BAD, "ramp percentage must be"),
        ([], delete(0), BAD, "rule index 0 is out of bounds .* of length 0"),
        ([insert("1")], replace(1, assign("2")), BAD, "rule index 1 is out of bounds"),
        ([insert("1")], delete(0), FAILED, "at least one fully-ramped assignment rule"),
        ([insert("1")], replace(0, assign("1", 5)), FAILED, "at least one fully-ramped"),
        ([], commit("1"), FAILED, "no versioned poller with build ID '1' seen"),
        ([insert("1", 5)], redirect("1", "2"), FAILED, "redirect rule source build ID cannot"),
        ([redirect("1", "2")], insert("1", 5), FAILED, "this build ID cannot be the target"),
        ([redirect("1", "2")], redirect("1", "3"), StatusCode.ALREADY_EXISTS, "source 1 already"),
        ([redirect("1", "2")], redirect("2", "1"), FAILED, "would break acyclic requirement"),
        ([], redirect("1", "1"), FAILED, "would break acyclic requirement"),
        ([], redirect("1", ""), BAD, "the unversioned build ID cannot be the target"),
        ([], redirect_anew("1", "2"), StatusCode.NOT_FOUND, "no redirect rule found .* ID 1"),
        ([], forget("1"), StatusCode.NOT_FOUND, "no redirect rule found with source ID 1"),
        (CHAIN, redirect("50", "51"), FAILED, r"number of upstream build ids .* \(51/50\)"),
        (
            [insert(str(n), 1) for n in range(ASSIGNMENT_RULES_MAX)],
            insert("one more", 1),
            FAILED,
            r"number of assignment rules permitted in namespace \(101/100\)",
        ),
        ([], Request(), BAD, "invalid operation"),
        ([insert("1")], Request(conflict_token=b"old"), FAILED, "provided conflict token"),
        ([], insert("of-a-set"), FAILED, "target build ID is already a member of a version set"),
        ([], redirect("of-a-set", "1"), FAILED, "source build ID is already a member"),
    ],
)
def test_what_is_refused(
    before: list[Request], request_: Request, code: StatusCode, words: str
) -> None:
    rules = after(*before)
    with pytest.raises(ServiceError, match=words) as raised:
        after(request_, rules=rules, set_members=("of-a-set",))
    assert raised.value.code is code


def test_a_conflict_token_holds_until_the_next_change() -> None:
    rules = after(insert("1"))
    second = insert("2", 10)
    second.conflict_token = rules.conflict_token
    changed = after(second, rules=rules)
    with pytest.raises(ServiceError, match="does not match existing one"):
        after(second, rules=changed)


def test_rules_survive_their_stored_form() -> None:
    rules = after(insert("1"), insert("2", 10), redirect("1", "3"))
    assert decode_rules(encode_rules(rules)) == rules


def target(rules: VersioningRules, workflow_id: str) -> str | None:
    version = route_by_rules(rules).target(workflow_id)
    return None if version is None else version.build_id


def test_each_ramp_takes_its_share_and_the_same_runs_for_ever() -> None:
    rules = after(insert("1"), insert("2", 25))
    found = Counter(target(rules, f"w-{n}") for n in range(4_000))
    assert found.keys() == {"1", "2"}
    assert 850 < found["2"] < 1_150
    wider = after(replace(0, assign("2", 50)), rules=rules)
    assert all(target(wider, f"w-{n}") == "2" for n in range(500) if target(rules, f"w-{n}") == "2")


def test_runs_that_no_rule_takes_are_unversioned() -> None:
    rules = after(insert("2", 0))
    assert {target(rules, f"w-{n}") for n in range(100)} == {None}


def test_redirects_are_followed_to_the_end() -> None:
    rules = after(insert("1"), redirect("1", "2"), redirect("2", "3"))
    routing = route_by_rules(rules)
    assert routing.target("w") == Version("", "3")
    assert routing.sources(Version("", "3")) == [Version("", "2"), Version("", "1")]
    assert routing.sources(Version("", "1")) == []
    assert routing.redirected(Version("d", "1")) == Version("d", "1")


def test_the_default_of_a_set_stands_for_all_of_it() -> None:
    routing = route_by_sets((("1.0", "1.1"), ("2.0", "2.1", "2.2")))
    assert routing.target("w") == Version("", "2.2")
    assert routing.redirected(Version("", "1.0")) == Version("", "1.1")
    assert routing.redirected(Version("", "2.0")) == Version("", "2.2")


def test_the_shares_of_versions_are_those_that_runs_are_routed_by() -> None:
    rules = after(
        insert("full"), insert("beaten", 20), insert("ramp", 30), redirect("full", "newest")
    )
    routing = route_by_rules(rules)
    shares = {version.build_id if version else "": share for version, share in routing.shares}
    assert shares == {"ramp": 30, "newest": 70}
    found = Counter(target(rules, f"w{number}") for number in range(4_000))
    assert found["ramp"] / 4_000 == pytest.approx(0.3, abs=0.03)
    assert found["ramp"] + found["newest"] == 4_000
    partial = route_by_rules(after(insert("ramp", 30)))
    assert partial.shares == ((Version("", "ramp"), 30), (None, 70))
