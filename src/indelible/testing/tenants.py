"""Tests as tenants of one server: each has a namespace, and so a clock, of its own.

Owns the server and the namespaces. What it asks the server for it asks in the server's own event
loop, so that tests of every asynchronous framework, and of none, can use it.
"""

import asyncio
import itertools
from typing import Final

from google.protobuf.duration_pb2 import Duration
from temporalio.api.operatorservice.v1 import DeleteNamespaceRequest
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from indelible.base.instants import duration_message
from indelible.server.config import RETENTION_UNDER_SKIPPED_TIME
from indelible.testing.environment import IndelibleTest
from indelible.testing.faults import Faults
from indelible.testing.reports import report
from indelible.testing.server import TestServer

_ANSWER_SECONDS_MAX: Final = 10.0


class Tenants:
    """Admits and dismisses tests from `start` to `stop`, from any thread but the server's."""

    def __init__(self) -> None:
        self._server: Final = TestServer()
        self._numbers: Final = itertools.count(1)
        self._operator: Client | None = None

    def start(self) -> None:
        """Return when the server serves. Raises `StartRefusedError` if it cannot."""
        self._server.start()
        self._operator = self._client("default")

    def stop(self) -> None:
        """Stop the server; what its namespaces hold ends with it."""
        self._server.stop()

    @property
    def address(self) -> str:
        """Return where the server listens, for clients of other processes."""
        return self._server.address

    def admit(self, name: str, faults: Faults | None = None) -> IndelibleTest:
        """Make a namespace whose name begins with `name`, and what a test needs to work with it.

        `faults` happen there, and what the test adds to them.
        """
        namespace = f"{name}-{next(self._numbers)}"
        self._server.run(self._register(namespace), seconds_max=_ANSWER_SECONDS_MAX)
        tenant = IndelibleTest(
            client=self._client(namespace),
            namespace=namespace,
            task_queue="test",
            faults=Faults() if faults is None else faults,
        )
        self._server.injection.open(namespace, tenant.faults)
        return tenant

    def dismiss(self, tenant: IndelibleTest) -> None:
        """Delete a test's namespace and all that it holds: a session may have thousands."""
        self._server.run(self._delete(tenant.namespace), seconds_max=_ANSWER_SECONDS_MAX)

    def report(self, tenant: IndelibleTest) -> list[tuple[str, str]]:
        """Return headings and texts about a test's workflows, or of why there are none."""
        try:
            return self._server.run(
                report(self._client(tenant.namespace), tenant.metadata),
                seconds_max=_ANSWER_SECONDS_MAX,
            )
        except (RPCError, TimeoutError) as error:
            return [("its workflows", f"the server does not tell: {error!r}")]

    async def _register(self, namespace: str) -> None:
        await self._known_operator().workflow_service.register_namespace(
            RegisterNamespaceRequest(
                namespace=namespace,
                workflow_execution_retention_period=duration_message(RETENTION_UNDER_SKIPPED_TIME),
            )
        )

    async def _delete(self, namespace: str) -> None:
        self._server.injection.close(namespace)
        await self._known_operator().operator_service.delete_namespace(
            DeleteNamespaceRequest(namespace=namespace, namespace_delete_delay=Duration())
        )

    def _known_operator(self) -> Client:
        if self._operator is None:
            raise RuntimeError("the server has not been started")
        return self._operator

    def _client(self, namespace: str) -> Client:
        """Return a client that is connected; it may be used in any event loop.

        Made in a loop of its own, because whoever asks may have one later, or never.
        """
        loop = asyncio.new_event_loop()
        try:
            return loop.run_until_complete(Client.connect(self.address, namespace=namespace))
        finally:
            loop.close()
