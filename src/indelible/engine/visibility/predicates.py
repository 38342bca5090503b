"""Predicates in the language of visibility queries, about facts at hand.

Owns their meaning: no store and no index, just a yes or no about one thing. As in SQL, of what is
not known neither a condition nor its opposite holds. Must not know what the facts are about.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from indelible.base.errors import InvalidArgumentError
from indelible.base.facts import Fact, FactKind, Facts, Predicate
from indelible.engine.visibility.datetimes import parse_rfc3339
from indelible.engine.visibility.query_syntax import (
    Condition,
    Conjunction,
    Disjunction,
    Expression,
    Literal,
    Negation,
    invalid,
    not_supported,
    parse,
    pointed,
)

_Scalar = str | int
_Verdict = bool | None
"""None: it cannot be known."""
_Test = Callable[[Facts], _Verdict]

_CONTAINS: Final = "contains"
_EQUALITIES: Final = frozenset({"=", "!=", "in"})
_RANGES: Final = frozenset({"<", "<=", ">", ">=", "between"})
_OPERATORS: Final[Mapping[FactKind, frozenset[str]]] = {
    FactKind.TEXT: _EQUALITIES | {"starts_with", _CONTAINS},
    FactKind.STATE: _EQUALITIES,
    FactKind.NUMBER: _EQUALITIES | _RANGES,
    FactKind.TIME: _EQUALITIES | _RANGES,
}


def compile_predicate(text: str, kinds: Mapping[str, FactKind]) -> Predicate:
    """Return what a text asks of facts with these names, or raise `InvalidArgumentError`.

    The text is what follows WHERE in a query, and one operator more: `LastFailure contains 'x'`.
    """
    query = parse(text, further_operators=(_CONTAINS,))
    if query.where is None:
        raise invalid("a condition is missing")
    if query.group_by or query.order_by:
        raise not_supported("a clause beside the condition")
    test = _test(query.where, text, kinds)
    return lambda facts: test(facts) is True


def _test(expression: Expression, text: str, kinds: Mapping[str, FactKind]) -> _Test:
    match expression:
        case Conjunction(parts):
            return _joined([_test(part, text, kinds) for part in parts], decisive=False)
        case Disjunction(parts):
            return _joined([_test(part, text, kinds) for part in parts], decisive=True)
        case Negation(part):
            return _negated(_test(part, text, kinds))
        case Condition():
            try:
                return _condition(expression, kinds)
            except InvalidArgumentError as error:
                raise pointed(error, text, expression.at) from None


def _joined(tests: Sequence[_Test], *, decisive: bool) -> _Test:
    """AND is decided by one part that does not hold, OR by one that does."""

    def test(facts: Facts) -> _Verdict:
        verdicts = [one(facts) for one in tests]
        if decisive in verdicts:
            return decisive
        return None if None in verdicts else not decisive

    return test


def _negated(test: _Test) -> _Test:
    def opposite(facts: Facts) -> _Verdict:
        verdict = test(facts)
        return None if verdict is None else not verdict

    return opposite


def _condition(condition: Condition, kinds: Mapping[str, FactKind]) -> _Test:
    name, operator = condition.column, condition.operator
    kind = kinds.get(name)
    if kind is None:
        raise invalid(f"'{name}' is not one of {', '.join(kinds)}")
    if operator in {"is null", "is not null"}:
        return _is_known(name, is_wanted=operator == "is not null")
    if operator not in _OPERATORS[kind]:
        raise not_supported(f"operator '{operator.upper()}' on {name}")
    values = [_READERS[kind](name, literal) for literal in condition.values]
    compare = _COMPARISONS[operator]

    def test(facts: Facts) -> _Verdict:
        fact = facts[name]
        return None if fact is None else compare(fact, values)

    return test


def _is_known(name: str, *, is_wanted: bool) -> _Test:
    """An empty text tells nothing, though it can be compared."""
    return lambda facts: (facts[name] not in {None, ""}) is is_wanted


def _text(name: str, literal: Literal) -> _Scalar:
    if not isinstance(literal, str):
        raise invalid(f"{name} is a text, not {literal}")
    if not literal:
        raise invalid(f"{name} cannot be empty")
    return literal


def _number(name: str, literal: Literal) -> _Scalar:
    if isinstance(literal, bool) or not isinstance(literal, int):
        raise invalid(f"{name} is a whole number, not '{literal}'")
    return literal


def _time(name: str, literal: Literal) -> _Scalar:
    if isinstance(literal, str):
        at = parse_rfc3339(literal)
        if at is None:
            raise invalid(f"unable to parse datetime '{literal}'")
        return at
    return _number(name, literal)


_READERS: Final[Mapping[FactKind, Callable[[str, Literal], _Scalar]]] = {
    FactKind.TEXT: _text,
    FactKind.STATE: _text,
    FactKind.NUMBER: _number,
    FactKind.TIME: _time,
}

# A fact and the values are of one kind: `_OPERATORS` and `_READERS` have seen to it.
_COMPARISONS: Final[Mapping[str, Callable[[Fact, Sequence[_Scalar]], bool]]] = {
    "=": lambda fact, values: fact == values[0],
    "!=": lambda fact, values: fact != values[0],
    "in": lambda fact, values: fact in values,
    "<": lambda fact, values: _int(fact) < _int(values[0]),
    "<=": lambda fact, values: _int(fact) <= _int(values[0]),
    ">": lambda fact, values: _int(fact) > _int(values[0]),
    ">=": lambda fact, values: _int(fact) >= _int(values[0]),
    "between": lambda fact, values: _int(values[0]) <= _int(fact) <= _int(values[1]),
    "starts_with": lambda fact, values: str(fact).startswith(str(values[0])),
    _CONTAINS: lambda fact, values: str(values[0]) in str(fact),
}


def _int(value: Fact) -> int:
    return int(value or 0)
