"""Patterns and their precedence."""

import pytest

from indelible.base.invariants import InvariantError
from indelible.wire.http.messages import Request, Response
from indelible.wire.http.routes import Route, Routes


async def answer(_request: Request) -> Response:
    return Response()


def routes(*patterns: str) -> Routes:
    return Routes(
        Route(method=method, pattern=pattern, answer=answer)
        for method, pattern in (one.split(" ") for one in patterns)
    )


TABLE = routes(
    "GET /namespaces",
    "GET /namespaces/{namespace}",
    "GET /namespaces/{namespace}/workflows/{execution.workflow_id}",
    "POST /namespaces/{namespace}/workflows/{workflow_id}",
    "GET /namespaces/{namespace}/workflows/count",
    "DELETE /namespaces/{other}/{thing}/{id}",
    "POST /nexus/{endpoint}/{rest=**}",
)


@pytest.mark.parametrize(
    ("request_line", "pattern", "variables"),
    [
        ("GET /namespaces", "/namespaces", {}),
        ("GET /namespaces/a", "/namespaces/{namespace}", {"namespace": "a"}),
        # An empty segment is a value: what it means is the handler's to say.
        ("GET /namespaces/", "/namespaces/{namespace}", {"namespace": ""}),
        (
            "GET /namespaces/a/workflows/b",
            "/namespaces/{namespace}/workflows/{execution.workflow_id}",
            {"namespace": "a", "execution.workflow_id": "b"},
        ),
        (
            "POST /namespaces/a/workflows/b",
            "/namespaces/{namespace}/workflows/{workflow_id}",
            {"namespace": "a", "workflow_id": "b"},
        ),
        # Escapes are undone after the path was taken apart, so an id may have a slash.
        (
            "POST /namespaces/a%20b/workflows/x%2Fy%C3%A4",
            "/namespaces/{namespace}/workflows/{workflow_id}",
            {"namespace": "a b", "workflow_id": "x/yä"},
        ),
        # A literal wins over a variable, and a variable where the literal leads nowhere.
        ("GET /namespaces/a/workflows/count", "/namespaces/{namespace}/workflows/count", None),
        (
            "DELETE /namespaces/a/workflows/count",
            "/namespaces/{other}/{thing}/{id}",
            {"other": "a", "thing": "workflows", "id": "count"},
        ),
        (
            "POST /nexus/e/services/s/op",
            "/nexus/{endpoint}/{rest=**}",
            {"endpoint": "e", "rest": "services/s/op"},
        ),
    ],
)
def test_a_path_finds_its_route(
    request_line: str, pattern: str, variables: dict[str, str] | None
) -> None:
    found = TABLE.find(*request_line.split(" "))
    assert found is not None
    assert found.route.pattern == pattern
    assert variables is None or found.variables == variables


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/namespaces/a/workflows/b", {"GET", "POST", "DELETE"}),
        ("/namespaces/a", {"GET"}),
        ("/nowhere", set()),
        ("/", set()),
        ("", set()),
        ("*", set()),
        ("namespaces", set()),
    ],
)
def test_a_path_knows_its_methods(path: str, methods: set[str]) -> None:
    assert TABLE.methods_of(path) == methods
    assert TABLE.find("PATCH", path) is None


def test_two_routes_for_one_path_are_refused() -> None:
    with pytest.raises(InvariantError, match="two routes"):
        routes("GET /a/{b}", "GET /a/{c}")


def test_a_pattern_begins_with_a_slash() -> None:
    with pytest.raises(InvariantError, match="slash"):
        routes("GET a")
