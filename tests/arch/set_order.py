"""Finds iteration over sets, whose order differs from one process to the next.

Owns a best-effort reading of one module: names and fields that the module itself shows to be sets
(by a literal, a comprehension, a call or an annotation) must not be iterated where the order can be
seen. It must not claim completeness; the simulator's run under another hash seed catches the rest.
"""

import ast
from collections.abc import Iterator
from typing import Final

from tests.arch.house_rules import Module

_SET_TYPES: Final = frozenset({"set", "frozenset", "Set", "AbstractSet", "MutableSet", "FrozenSet"})
_SET_METHODS: Final = frozenset(
    {"union", "intersection", "difference", "symmetric_difference", "copy"}
)
_ORDERLESS: Final = frozenset(
    {"sorted", "set", "frozenset", "any", "all", "sum", "min", "max", "len"}
)
_ORDERED: Final = frozenset(
    {"list", "tuple", "enumerate", "iter", "map", "filter", "zip", "next", "reversed"}
)
_COMPREHENSIONS: Final = (ast.ListComp, ast.GeneratorExp, ast.DictComp)


def set_iteration(module: Module, fields: frozenset[str] = frozenset()) -> Iterator[str]:
    """The engine never depends on the order of a set; `fields` are sets of other modules."""
    known = _known_sets(module.tree) | set_fields(module) | fields
    harmless = {
        id(argument)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and _called(node) in _ORDERLESS
        for argument in node.args
    }
    for node in ast.walk(module.tree):
        for iterated in _iterated(node, harmless):
            if _is_set(iterated, known):
                yield module.fault(
                    iterated.lineno, f"iterates the set {ast.unparse(iterated)}; sort it"
                )


def _iterated(node: ast.AST, harmless: set[int]) -> Iterator[ast.expr]:
    """Yield the expressions whose order the node lets out."""
    if isinstance(node, (ast.For, ast.AsyncFor)):
        yield node.iter
    elif isinstance(node, _COMPREHENSIONS) and id(node) not in harmless:
        yield from (generator.iter for generator in node.generators)
    elif isinstance(node, ast.Starred) and id(node) not in harmless:
        yield node.value
    elif isinstance(node, ast.Call) and id(node) not in harmless:
        yield from _iterated_by_call(node)


def _iterated_by_call(node: ast.Call) -> Iterator[ast.expr]:
    if _called(node) in _ORDERED or _called(node) in {"join", "extend", "fromkeys"}:
        yield from node.args
    elif isinstance(node.func, ast.Attribute) and node.func.attr == "pop" and not node.args:
        yield node.func.value  # set.pop() takes whichever comes first


def _called(node: ast.Call) -> str:
    match node.func:
        case ast.Name(id=name):
            return name
        case ast.Attribute(attr=name):
            return name
        case _:
            return ""


def set_fields(module: Module) -> frozenset[str]:
    """Return the fields that the module's classes annotate as sets, each with a dot before it."""
    return frozenset(
        _key(field.target, in_class=True)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef)
        for field in node.body
        if isinstance(field, ast.AnnAssign) and _is_set_type(field.annotation)
    )


def _known_sets(tree: ast.Module) -> frozenset[str]:
    """Return the names, and with a dot the attributes, that the module shows to be sets.

    A name that is a set in one function and a list in another counts as a set: rename one of them.
    """
    known: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.AnnAssign(target=target, annotation=annotation) if _is_set_type(annotation):
                known.add(_key(target))
            case ast.arg(arg=name, annotation=ast.expr() as annotation) if _is_set_type(annotation):
                known.add(name)
            case ast.Assign(targets=[target], value=value) if _is_set(value, frozenset()):
                known.add(_key(target))
            case _:
                pass
    return frozenset(known)


def _key(node: ast.expr, *, in_class: bool = False) -> str:
    """Return how the set of known names spells this one: `name`, `.attribute`, or nothing."""
    is_attribute = in_class or isinstance(node, ast.Attribute)
    return f".{_last_name(node)}" if is_attribute else _last_name(node)


def _is_set_type(annotation: ast.expr) -> bool:
    if isinstance(annotation, ast.Subscript):
        base = _last_name(annotation.value)
        inner = annotation.slice
        return base in _SET_TYPES or (
            base in {"Final", "Annotated", "ClassVar"} and _is_set_type(inner)
        )
    return _last_name(annotation) in _SET_TYPES


def _last_name(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(attr=name):
            return name
        case _:
            return ""


def _is_set(node: ast.expr, known: frozenset[str]) -> bool:
    match node:
        case ast.Set() | ast.SetComp():
            return True
        case ast.Call(func=ast.Name(id="set" | "frozenset")):
            return True
        case ast.Call(func=ast.Attribute(value=value, attr=method)) if method in _SET_METHODS:
            return _is_set(value, known)
        case ast.BinOp(
            left=left, op=ast.BitOr() | ast.BitAnd() | ast.Sub() | ast.BitXor(), right=right
        ):
            return _is_set(left, known) or _is_set(right, known)
        case ast.Name() | ast.Attribute():
            return _key(node) in known
        case _:
            return False
