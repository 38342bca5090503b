"""Operations on the build-id sets of a queue, and what they refuse."""

from typing import Any

import pytest
from temporalio.api.workflowservice.v1 import UpdateWorkerBuildIdCompatibilityRequest as Update

from indelible.base.errors import FailedPreconditionError, ServiceError
from indelible.engine.deployment.build_id_sets import (
    BUILD_IDS_MAX,
    SETS_MAX,
    Sets,
    decode_sets,
    encode_sets,
    set_messages,
    update_sets,
)


def compatible(new: str, existing: str, **options: bool) -> Update:
    return Update(
        add_new_compatible_build_id=Update.AddNewCompatibleVersion(
            new_build_id=new, existing_compatible_build_id=existing, **options
        )
    )


def merge(primary: str, secondary: str) -> Update:
    return Update(
        merge_sets=Update.MergeSets(primary_set_build_id=primary, secondary_set_build_id=secondary)
    )


A_B: Sets = (("a1", "a2"), ("b",))


@pytest.mark.parametrize(
    ("before", "request_", "after"),
    [
        ((), Update(add_new_build_id_in_new_default_set="a"), (("a",),)),
        ((("a",),), Update(add_new_build_id_in_new_default_set="a"), (("a",),)),
        (A_B, compatible("a3", "a1"), (("a1", "a2", "a3"), ("b",))),
        (A_B, compatible("a2", "a1"), A_B),
        (A_B, compatible("a3", "a1", make_set_default=True), (("b",), ("a1", "a2", "a3"))),
        (A_B, Update(promote_set_by_build_id="a1"), (("b",), ("a1", "a2"))),
        (A_B, Update(promote_build_id_within_set="a1"), (("a2", "a1"), ("b",))),
        (A_B, merge("a1", "b"), (("b", "a2", "a1"),)),
        ((("a",), ("b",), ("c",)), merge("b", "a"), (("a", "b"), ("c",))),
        ((("a",), ("b",), ("c",)), merge("a", "b"), (("b", "a"), ("c",))),
        (A_B, merge("a1", "a2"), A_B),
    ],
)
def test_operations(before: Sets, request_: Update, after: Sets) -> None:
    assert update_sets(before, request_) == after
    assert decode_sets(encode_sets(after)) == after


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (Update(), "an operation to be specified"),
        (Update(add_new_build_id_in_new_default_set="a1"), "version a1 already exists"),
        (compatible("x", "none"), "targeted compatible_version none not found"),
        (compatible("b", "a1"), "both versions exist and are incompatible"),
        (compatible("a1", "a2"), "is not default in set"),
        (compatible("a2", "a1", make_set_default=True), "is not default for queue"),
        (Update(promote_set_by_build_id="x"), "targeted version x not found"),
        (merge("x", "b"), "targeted primary version x not found"),
        (merge("b", "x"), "targeted secondary version x not found"),
    ],
)
def test_what_is_refused(request_: Update, words: str) -> None:
    with pytest.raises(ServiceError) as refused:
        update_sets(A_B, request_)
    assert words in refused.value.message


@pytest.mark.parametrize(
    "sets",
    [
        tuple((str(number),) for number in range(SETS_MAX)),
        (tuple(str(number) for number in range(BUILD_IDS_MAX)),),
    ],
)
def test_bounds(sets: Any) -> None:
    with pytest.raises(FailedPreconditionError):
        update_sets(sets, Update(add_new_build_id_in_new_default_set="one more"))


def test_the_newest_sets_are_shown() -> None:
    assert [list(one.build_ids) for one in set_messages(A_B, 1)] == [["b"]]
    assert len(set_messages(A_B, 0)) == 2
