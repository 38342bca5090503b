"""A pytest plugin that writes what becomes of each test, at the moment it is known.

Owns the form of the record: one JSON object a line. A record survives a run that hangs or is
killed, which a report at the end does not. It is loaded into the suite's interpreter, so it must
import nothing but pytest and the standard library, and change nothing about the tests.
"""

import json
import os
from pathlib import Path
from typing import Final

import pytest

RECORD_VARIABLE: Final = "INDELIBLE_SUITE_RECORD"
"""Names the file to append to."""


class Recorder:
    """Notes starts and reports. Under xdist only the controller has one."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def _write(self, **fields: object) -> None:
        with self._path.open("a", encoding="utf-8") as record:
            record.write(json.dumps(fields) + "\n")

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """A test begins."""
        self._write(test=nodeid, event="start")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One of the three phases of a test has ended."""
        self._write(
            test=report.nodeid,
            event=report.when,
            outcome=report.outcome,
            seconds=round(report.duration, 3),
            text=report.longreprtext if report.failed else "",
        )

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file that cannot be imported has tests, too, and they did not pass."""
        if report.failed:
            self._write(
                test=report.nodeid, event="collect", outcome="failed", text=report.longreprtext
            )


def pytest_configure(config: pytest.Config) -> None:
    """Record, unless this is a process that only runs tests for another one."""
    path = os.environ.get(RECORD_VARIABLE)
    if path and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(Path(path)))
