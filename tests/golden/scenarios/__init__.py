"""What is recorded and compared: every public coroutine of these modules is a scenario."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from tests.golden.scenarios import (
    activities,
    children,
    operations,
    resets,
    runs,
    tasks,
    time_skips,
    updates,
)
from tests.golden.stage import Scene

Scenario = Callable[[Scene], Awaitable[None]]

SCENARIOS: Final[Mapping[str, Scenario]] = {
    name: course
    for module in (activities, children, operations, resets, runs, tasks, time_skips, updates)
    for name, course in inspect.getmembers(module, inspect.iscoroutinefunction)
    if course.__module__ == module.__name__ and not name.startswith("_")
}
"""Every scenario by its name, which is that of its file, too."""
