"""The pytest plugin: fixtures for tests of workflows, and what a failed one shows.

Owns the fixtures' lifetimes. It is loaded by every pytest run where Indelible is installed, so it
imports nothing of Indelible or the SDK until a test asks for a fixture.
"""

import re
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from indelible.testing.environment import IndelibleTest
    from indelible.testing.explorer import Explorer
    from indelible.testing.tenants import Tenants

_FIXTURE: Final = "indelible"
_SERVER_FIXTURE: Final = "indelible_server"
_NAME_LENGTH_MAX: Final = 40


@pytest.fixture(scope="session")
def indelible_server() -> "Iterator[Tenants]":
    """A server in this process, for all tests of the session."""
    from indelible.testing.tenants import Tenants  # noqa: PLC0415 - see above

    tenants = Tenants()
    tenants.start()
    try:
        yield tenants
    finally:
        tenants.stop()


@pytest.fixture
def indelible(
    indelible_server: "Tenants", request: pytest.FixtureRequest
) -> "Iterator[IndelibleTest]":
    """A namespace with a clock of its own, a client of it and workers for it."""
    tenant = indelible_server.admit(_namespace_name(request.node.name))
    try:
        yield tenant
    finally:
        indelible_server.dismiss(tenant)


@pytest.fixture
def indelible_explore(indelible_server: "Tenants", request: pytest.FixtureRequest) -> "Explorer":
    """Runs a body of a test under many plans of faults, each time in a namespace of its own."""
    from indelible.testing.explorer import Explorer  # noqa: PLC0415 - see above

    return Explorer(tenants=indelible_server, name=_namespace_name(request.node.name))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the histories of the test's workflows to the report of its failure."""
    outcome = yield
    arguments: dict[str, object] = getattr(item, "funcargs", {})
    if call.when == "call" and outcome.failed and _FIXTURE in arguments:
        from indelible.testing.environment import IndelibleTest  # noqa: PLC0415 - see above
        from indelible.testing.tenants import Tenants  # noqa: PLC0415 - see above

        match arguments[_FIXTURE], arguments.get(_SERVER_FIXTURE):
            case IndelibleTest() as tenant, Tenants() as tenants:
                sections = tenants.report(tenant)
                outcome.sections.extend((f"Indelible: {name}", text) for name, text in sections)
            case _:
                pass  # Somebody has put a fixture of his own in the place of one of ours.
    return outcome


def _namespace_name(test_name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", test_name.lower()).strip("-")[:_NAME_LENGTH_MAX]
