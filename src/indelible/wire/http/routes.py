"""Which route answers a request: a method and a pattern of the path.

Owns patterns and their precedence. A pattern is a path whose segments may be variables: `{name}`
stands for one segment, `{name=**}` at the end for all that follow. Names may have dots.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Final
from urllib.parse import unquote

import msgspec

from indelible.base.invariants import invariant
from indelible.wire.http.messages import Request, Response

_REST: Final = "=**}"

Answer = Callable[[Request], Awaitable[Response]]
"""Answers a request; its task is cancelled when the client goes away."""


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """What answers one method on the paths of one pattern."""

    method: str
    pattern: str
    answer: Answer


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """The route of a request, with the values of its variables."""

    route: Route
    variables: Mapping[str, str]


class _Ends(msgspec.Struct, frozen=True):
    """The routes whose patterns end at one place, by method."""

    routes: dict[str, Route] = msgspec.field(default_factory=dict[str, Route])


class _Node(msgspec.Struct):
    literals: "dict[str, _Node]" = msgspec.field(default_factory=dict[str, "_Node"])
    variable: "_Node | None" = None
    here: _Ends = msgspec.field(default_factory=_Ends)
    rest: _Ends = msgspec.field(default_factory=_Ends)


class Routes:
    """All routes of a listener. Where several fit, the one that is literal for longer wins."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = _Node()
        for route in routes:
            self._add(route)

    def find(self, method: str, path: str) -> Found | None:
        """Return the route of a request, or None if this path has none by this method.

        The path is as it was sent: an escaped slash is part of its segment. Raises
        `UnicodeDecodeError` if an escape is no UTF-8.
        """
        for ends, values in self._ends_of(path):
            route = ends.routes.get(method)
            if route is not None:
                return Found(route=route, variables=_named(route.pattern, values))
        return None

    def methods_of(self, path: str) -> frozenset[str]:
        """Return the methods that a path has routes for."""
        return frozenset(method for ends, _ in self._ends_of(path) for method in ends.routes)

    def _add(self, route: Route) -> None:
        node = self._root
        segments = route.pattern.split("/")
        invariant(segments[0] == "", "a pattern begins with a slash")
        is_rest = segments[-1].endswith(_REST)
        for segment in segments[1:-1] if is_rest else segments[1:]:
            if segment.startswith("{"):
                node.variable = node.variable or _Node()
                node = node.variable
            else:
                node = node.literals.setdefault(segment, _Node())
        ends = node.rest if is_rest else node.here
        invariant(route.method not in ends.routes, f"two routes for one path: {route.pattern}")
        ends.routes[route.method] = route

    def _ends_of(self, path: str) -> Iterator[tuple[_Ends, tuple[str, ...]]]:
        first, *segments = path.split("/")
        if first or not segments:
            return iter(())
        return _walk(self._root, [unquote(one, errors="strict") for one in segments], ())


def _walk(
    node: _Node, segments: list[str], values: tuple[str, ...]
) -> Iterator[tuple[_Ends, tuple[str, ...]]]:
    if not segments:
        yield node.here, values
        return
    segment, *others = segments
    literal = node.literals.get(segment)
    if literal is not None:
        yield from _walk(literal, others, values)
    if node.variable is not None:
        yield from _walk(node.variable, others, (*values, segment))
    yield node.rest, (*values, "/".join(segments))


def _named(pattern: str, values: Iterable[str]) -> Mapping[str, str]:
    names = (one[1:-1].removesuffix("=**") for one in pattern.split("/") if one.startswith("{"))
    return dict(zip(names, values, strict=True))
