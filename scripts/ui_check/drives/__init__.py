"""What people do on the pages, in the order of the table.

Each act makes what it needs, so acts may be left out and do not disturb each other.
"""

from collections.abc import Iterator

from scripts.ui_check.acts import Act
from scripts.ui_check.drives import activities, lists, nexus, operators, schedules, workflows


def drives() -> Iterator[Act]:
    """Yield every act that is more than opening a page."""
    for module in (workflows, lists, schedules, activities, nexus, operators):
        yield from module.ACTS
