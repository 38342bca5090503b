"""What a test works with: a namespace of its own, its clock, a client and workers.

Owns how a test asks for time. Everything else is the official SDK's.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Final, Unpack

import msgspec
from google.protobuf.duration_pb2 import Duration
from google.protobuf.empty_pb2 import Empty
from temporalio.api.testservice.v1 import SleepRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Worker, WorkerConfig
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from indelible.server.config import NAMESPACE_HEADER
from indelible.testing.faults import Faults
from indelible.testing.local_activities import LocalActivityFaults

_TOLERANCE: Final = timedelta(seconds=5)
_SKIP_REAL_TIME_MAX: Final = timedelta(seconds=20)
# A module of tests imports pytest as soon as its asserts are rewritten. The sandbox would import
# all of it anew for each workflow, which takes longer than the rest of a test.
_RESTRICTIONS: Final = SandboxRestrictions.default.with_passthrough_modules("_pytest", "pytest")
_OVERDUE: Final = frozenset({RPCStatusCode.CANCELLED, RPCStatusCode.DEADLINE_EXCEEDED})


class IndelibleTest(msgspec.Struct, frozen=True, kw_only=True):
    """One test's own part of the server; the fixture `indelible`.

    Its time is real while the test acts, and skipped while the test waits for an outcome (a result,
    an update, a query) or for `skip`, as long as no activity and no workflow task is under way.
    """

    __test__ = False

    client: Client
    """Connected to the test's own namespace."""
    namespace: str
    task_queue: str
    """A queue for this test's workers; any other name will do as well."""
    faults: Faults
    """What goes wrong in this test."""

    def worker(self, **options: Unpack[WorkerConfig]) -> Worker:
        """Return a worker for `async with`; `options` are the SDK's, and may name another queue."""
        config: WorkerConfig = {
            "client": self.client,
            "task_queue": self.task_queue,
            "workflow_runner": SandboxedWorkflowRunner(restrictions=_RESTRICTIONS),
            **options,
        }
        config["interceptors"] = [LocalActivityFaults(self.faults)]
        if "interceptors" in options:
            config["interceptors"] = [*config["interceptors"], *options["interceptors"]]
        if self.faults.replays_every_step:
            config["max_cached_workflows"] = 0
        return Worker(**config)

    async def now(self) -> datetime:
        """Return the present of this test's namespace, in UTC."""
        answer = await self.client.test_service.get_current_time(Empty(), metadata=self.metadata)
        return answer.time.ToDatetime(tzinfo=UTC)

    async def skip(self, span: timedelta | None = None, /, **parts: float) -> None:
        """Let time pass: `skip(hours=3)`, `skip(timedelta(days=30))`.

        Everything that is due meanwhile happens in its order, and time is real while it does.
        Raises `AssertionError` if it does not pass because something is under way.
        """
        request = SleepRequest(duration=Duration())
        request.duration.FromTimedelta(_span(span, parts))
        try:
            await self.client.test_service.unlock_time_skipping_with_sleep(
                request, metadata=self.metadata, timeout=_SKIP_REAL_TIME_MAX
            )
        except RPCError as error:
            if error.status not in _OVERDUE:
                raise
            raise AssertionError(
                f"time did not pass within {_SKIP_REAL_TIME_MAX.seconds} real seconds, because a"
                " task waits for a worker or a worker is at work"
            ) from error

    @asynccontextmanager
    async def takes(
        self, span: timedelta | None = None, /, *, tolerance: timedelta = _TOLERANCE, **parts: float
    ) -> AsyncGenerator[None]:
        """Assert that the body takes so much of this test's time: `takes(days=30)`."""
        expected = _span(span, parts)
        began_at = await self.now()
        yield
        taken = await self.now() - began_at
        if abs(taken - expected) > tolerance:
            raise AssertionError(
                f"took {taken} of workflow time; expected {expected} ± {tolerance}"
            )

    async def skip_until(self, moment: datetime) -> None:
        """Let time pass up to a moment; one that has passed already changes nothing."""
        await self.skip(max(moment - await self.now(), timedelta()))

    @property
    def metadata(self) -> Mapping[str, str | bytes]:
        """Return the headers that make a request of the test service one about this test's time."""
        return {NAMESPACE_HEADER: self.namespace}


def _span(span: timedelta | None, parts: Mapping[str, float]) -> timedelta:
    return (span or timedelta()) + timedelta(**parts)
