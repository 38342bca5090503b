"""How a worker deployment changes, and what is refused."""

from collections.abc import Callable

import pytest
from temporalio.api.enums.v1 import WorkerDeploymentVersionStatus as Status

from indelible.base.errors import (
    AlreadyExistsError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    ResourceExhaustedError,
    ServiceError,
)
from indelible.base.ids import NamespaceId, QueueType
from indelible.base.instants import SECOND, Duration, Instant
from indelible.engine.deployment.changes import (
    QUEUES_PER_VERSION_MAX,
    VERSIONS_PER_DEPLOYMENT_MAX,
    Conditions,
    change_metadata,
    check_deletable,
    create_version,
    delete_version,
    is_drainage_check_due,
    note_drainage,
    register_worker,
    set_current,
    set_manager_identity,
    set_ramping,
    with_version,
)
from indelible.engine.deployment.record import (
    Deployment,
    DeploymentVersion,
    decode_deployment,
    encode_deployment,
    status_of,
)

NOW = Instant(1_000 * SECOND)
LATER = Instant(2_000 * SECOND)
ME = Conditions(identity="me")
W = QueueType.WORKFLOW


def deployment(*build_ids: str) -> Deployment:
    found = Deployment(namespace_id=NamespaceId("n"), name="d", created_at=NOW)
    for build_id in build_ids:
        found = register_worker(found, build_id, W, "q", now=NOW)
    return found


def status(found: Deployment, build_id: str) -> str:
    version = found.version(build_id)
    assert version is not None
    name = Status.Name(status_of(found, version))
    return name.removeprefix("WORKER_DEPLOYMENT_VERSION_STATUS_")


def delete(found: Deployment, build_id: str, **options: bool) -> Deployment:
    has_pollers, is_skipped = options.get("has_pollers", False), options.get("skip", False)
    return delete_version(
        found, build_id, ME, has_pollers=has_pollers, is_drainage_skipped=is_skipped
    )


def test_a_worker_makes_its_version_once() -> None:
    one = deployment("1")
    assert register_worker(one, "1", W, "q", now=LATER) is one
    both = register_worker(one, "1", QueueType.ACTIVITY, "q", now=LATER)
    assert [version.queues for version in both.versions] == [((1, "q"), (2, "q"))]
    assert status(one, "1") == "INACTIVE"
    assert decode_deployment(encode_deployment(both)) == both


@pytest.mark.parametrize(
    ("looked_at", "due_at"),
    [
        (None, 1_030),  # The grace.
        (1_030, 1_040),  # The interval.
        (1_040, 1_050),
    ],
)
def test_the_first_look_waits_for_the_grace_and_others_for_the_interval(
    looked_at: int | None, due_at: int
) -> None:
    found = set_current(deployment("1", "2"), "1", ME, now=NOW)
    version = set_current(found, "2", ME, now=NOW).versions[0]
    if looked_at is not None:
        at = Instant(looked_at * SECOND)
        version = note_drainage(version, has_open_runs=True, now=at)
    assert not is_due(version, due_at - 1)
    assert is_due(version, due_at)
    drained = note_drainage(version, has_open_runs=False, now=Instant(due_at * SECOND))
    assert not is_due(drained, due_at + 1_000)


def is_due(version: DeploymentVersion, second: int) -> bool:
    return is_drainage_check_due(
        version,
        grace=Duration(30 * SECOND),
        interval=Duration(10 * SECOND),
        now=Instant(second * SECOND),
    )


def test_a_version_that_work_goes_to_is_current_and_the_one_before_drains() -> None:
    found = set_current(deployment("1", "2"), "1", ME, now=NOW)
    assert (status(found, "1"), found.revision) == ("CURRENT", 1)
    found = set_current(found, "2", ME, now=LATER)
    assert (status(found, "1"), status(found, "2")) == ("DRAINING", "CURRENT")
    old = found.versions[0]
    assert (old.last_deactivated_at, old.current_since) == (LATER, 0)
    drained = with_version(found, note_drainage(old, has_open_runs=False, now=LATER))
    assert status(drained, "1") == "DRAINED"
    still = with_version(found, note_drainage(old, has_open_runs=True, now=LATER))
    assert status(still, "1") == "DRAINING"
    back = set_current(drained, "1", ME, now=LATER)
    assert (status(back, "1"), status(back, "2")) == ("CURRENT", "DRAINING")


def test_a_ramp_ends_when_its_version_becomes_current() -> None:
    found = set_ramping(deployment("1", "2"), "2", 30, ME, now=NOW)
    assert (status(found, "2"), found.ramp_percentage) == ("RAMPING", 30)
    found = set_ramping(found, "2", 60, ME, now=LATER)
    assert (found.ramping_changed_at, found.ramp_percentage_changed_at) == (NOW, LATER)
    found = set_current(found, "2", ME, now=LATER)
    assert (found.is_ramping, found.ramping_build_id, status(found, "2")) == (False, "", "CURRENT")


def test_a_ramp_may_lead_to_unversioned_workers_and_be_taken_back() -> None:
    found = set_current(deployment("1"), "1", ME, now=NOW)
    found = set_ramping(found, "", 10, ME, now=NOW)
    assert (found.is_ramping, found.named(found.ramping_build_id)) == (True, None)
    assert not set_ramping(found, None, 0, ME, now=LATER).is_ramping


def test_the_same_change_again_changes_nothing() -> None:
    found = set_current(deployment("1"), "1", ME, now=NOW)
    stale = Conditions(identity="me", conflict_token=b"old")
    assert set_current(found, "1", stale, now=LATER) is found
    ramped = set_ramping(deployment("1"), "1", 5, ME, now=NOW)
    assert set_ramping(ramped, "1", 5, stale, now=LATER) is ramped
    managed = set_manager_identity(found, "boss", ME)
    assert set_manager_identity(managed, "boss", stale) is managed


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (
            lambda one: set_current(
                one, "2", Conditions(identity="", conflict_token=b"x"), now=NOW
            ),
            FailedPreconditionError,
            "conflict token mismatch",
        ),
        (
            lambda one: set_current(one, "9", ME, now=NOW),
            NotFoundError,
            "build ID '9' not found in Worker Deployment 'd'",
        ),
        (
            lambda one: set_ramping(one, "9", 1, ME, now=NOW),
            NotFoundError,
            "build ID '9' not found in Worker Deployment 'd'",
        ),
        (
            lambda one: set_ramping(one, "1", 1, ME, now=NOW),
            FailedPreconditionError,
            "requested ramping version d.1 is already current",
        ),
        (
            lambda one: set_ramping(one, "2", 101, ME, now=NOW),
            InvalidArgumentError,
            "Percentage must be between 0 and 100 (inclusive)",
        ),
        (
            lambda one: set_current(set_manager_identity(one, "boss", ME), "2", ME, now=NOW),
            FailedPreconditionError,
            "ManagerIdentity 'boss' is set and does not match user identity 'me'",
        ),
        (lambda one: delete(one, "1"), FailedPreconditionError, "is current or ramping"),
        (
            lambda one: delete(one, "2", has_pollers=True),
            FailedPreconditionError,
            "has active pollers",
        ),
        (
            lambda one: delete(set_current(one, "2", ME, now=NOW), "1"),
            FailedPreconditionError,
            "is draining",
        ),
        (
            lambda one: delete(set_current(one, "2", ME, now=NOW), "1", has_pollers=True),
            FailedPreconditionError,
            "is draining",
        ),
        (check_deletable, FailedPreconditionError, "deployment has versions, can't be deleted"),
        (
            lambda one: create_version(one, "1", request_id="r", identity="", now=NOW),
            AlreadyExistsError,
            'Worker Deployment Version "d:1" already exists',
        ),
    ],
)
def test_what_is_refused(
    change: Callable[[Deployment], object], error: type[ServiceError], words: str
) -> None:
    with pytest.raises(error) as refused:
        change(set_current(deployment("1", "2"), "1", ME, now=NOW))
    assert words in refused.value.message


def test_versions_are_deleted_when_nobody_needs_them() -> None:
    found = set_current(deployment("1", "2", "3"), "1", ME, now=NOW)
    found = set_current(found, "2", ME, now=NOW)
    found = delete(delete(found, "1", skip=True), "3")
    assert [one.build_id for one in found.versions] == ["2"]
    assert delete(found, "gone") is found
    check_deletable(deployment())


def test_the_manager_may_change_what_others_may_not() -> None:
    found = set_manager_identity(deployment("1"), "me", Conditions(identity="other"))
    assert set_current(found, "1", ME, now=NOW).current_build_id == "1"


def test_a_version_may_come_before_its_workers() -> None:
    made = create_version(deployment(), "1", request_id="r", identity="me", now=NOW)
    assert status(made, "1") == "CREATED"
    assert create_version(made, "1", request_id="r", identity="me", now=NOW) is made
    early = set_current(deployment(), "1", ME, now=NOW, is_creation_allowed=True)
    assert status(early, "1") == "CURRENT"


def test_metadata_is_set_and_removed() -> None:
    found = change_metadata(
        deployment("1"), "1", upserted={"a": b"1", "b": b"2"}, removed=(), identity="me"
    )
    found = change_metadata(found, "1", upserted={"b": b"3"}, removed=("a", "x"), identity="me")
    assert found.versions[0].metadata == {"b": b"3"}


def test_bounds() -> None:
    full = deployment(*(str(number) for number in range(VERSIONS_PER_DEPLOYMENT_MAX)))
    with pytest.raises(ResourceExhaustedError):
        register_worker(full, "one more", W, "q", now=NOW)
    drained = set_current(set_current(full, "0", ME, now=NOW), "1", ME, now=NOW)
    old = note_drainage(drained.versions[0], has_open_runs=False, now=NOW)
    freed = register_worker(with_version(drained, old), "one more", W, "q", now=NOW)
    assert freed.version("0") is None
    wide = deployment("1")
    for number in range(QUEUES_PER_VERSION_MAX - 1):
        wide = register_worker(wide, "1", W, f"q{number}", now=NOW)
    with pytest.raises(ResourceExhaustedError):
        register_worker(wide, "1", W, "one more", now=NOW)
