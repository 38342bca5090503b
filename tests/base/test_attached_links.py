"""Which links something has after another request."""

import pytest
from temporalio.api.common.v1 import Link

from indelible.base.attached_links import attached_links
from indelible.base.errors import FailedPreconditionError
from indelible.base.limits import Limits


def links(names: str) -> list[Link]:
    return [Link(workflow_event=Link.WorkflowEvent(workflow_id=name)) for name in names]


@pytest.mark.parametrize(
    ("known", "given", "expected"),
    [
        ("", "", ""),
        ("", "ab", "ab"),
        ("ab", "c", "abc"),
        ("ab", "bcc", "abc"),
        ("abc", "cab", "abc"),
    ],
)
def test_each_link_is_kept_once(known: str, given: str, expected: str) -> None:
    limits = Limits(links_per_execution_max=3)
    before = attached_links((), links(known), limits, to="it")
    after = attached_links(before, links(given), limits, to="it")
    assert [Link.FromString(link) for link in after] == links(expected)


def test_there_is_a_bound() -> None:
    limits = Limits(links_per_execution_max=3)
    known = attached_links((), links("abc"), limits, to="an activity")
    with pytest.raises(FailedPreconditionError) as refusal:
        attached_links(known, links("d"), limits, to="an activity")
    assert str(refusal.value) == (
        "cannot attach more than 3 links to an activity (3 links already attached)"
    )
