"""The grammar of visibility queries: text to a tree.

Owns tokens and syntax (semantics 12.1): what follows WHERE in a SQL SELECT. Must not know search
attributes: which names exist and which values they take is decided by whoever reads the tree.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from indelible.base.errors import InvalidArgumentError

_SHOWN_MAX: Final = 60
"""Characters on each side of a place."""
QUERY_CHARACTERS_MAX: Final = 100_000
NESTING_MAX: Final = 64
"""Parentheses and NOTs within each other."""

Literal = str | int | float | bool
_MALFORMED: Final = "invalid query: malformed SQL query"
_NOT_SUPPORTED: Final = "invalid query: operation is not supported"
_INVALID: Final = "invalid query: invalid expression"
# What the reference puts before the text; positions in its refusals count from there.
_PREFIX_CHARACTERS: Final = len("select * from table1 where ")

_TOKEN: Final = re.compile(
    r"""(?:\s|--[^\n]*|/\*.*?\*/)*(?:
        (?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
      | (?P<name>[A-Za-z_][\w.]*|`[^`]+`)
      | (?P<text>'(?:[^'\\]|''|\\.)*'|"(?:[^"\\]|""|\\.)*")
      | (?P<symbol><=|>=|!=|<>|&&|\|\||[=<>(),*])
      | (?P<end>;?\s*\Z)
      | (?P<other>.)
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE: Final = re.compile(r"\\(.)|(['\"])\2", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "Z": "\x1a"}
_JOINTS: Final = {"&&": "and", "||": "or"}
_COMPARISONS: Final = {
    "=": "=",
    "!=": "!=",
    "<>": "!=",
    "<": "<",
    "<=": "<=",
    ">": ">",
    ">=": ">=",
}
_KEYWORDS: Final = frozenset(
    (
        *("and", "or", "not", "in", "between", "starts_with", "is", "null", "like"),
        *("true", "false", "group", "order", "by", "limit", "asc", "desc"),
    )
)


class Condition(msgspec.Struct, frozen=True):
    """A column, an operator in lower case, and its literals.

    Operators are those of `engine.visibility.filters`, and between, like, "is null" and "is not
    null".
    """

    column: str
    operator: str
    values: tuple[Literal, ...] = ()
    at: int = 0
    """Where it begins in the text."""


class Conjunction(msgspec.Struct, frozen=True):
    """All of them."""

    parts: tuple["Expression", ...]


class Disjunction(msgspec.Struct, frozen=True):
    """Any of them."""

    parts: tuple["Expression", ...]


class Negation(msgspec.Struct, frozen=True):
    """The opposite."""

    part: "Expression"


Expression = Condition | Conjunction | Disjunction | Negation


class Query(msgspec.Struct, frozen=True):
    """A parsed query."""

    where: Expression | None = None
    group_by: tuple[str, ...] = ()
    group_by_at: int = 0
    order_by: tuple["Order", ...] = ()


class Order(msgspec.Struct, frozen=True):
    """A column to sort by."""

    column: str
    is_descending: bool = False
    at: int = 0


def parse(text: str, *, further_operators: Sequence[str] = ()) -> Query:
    """Return the tree of a query; raise `InvalidArgumentError` if it is malformed.

    `further_operators` are words, in lower case, that may stand between a column and a literal.
    """
    if len(text) > QUERY_CHARACTERS_MAX:
        raise InvalidArgumentError(f"{_MALFORMED}: more than {QUERY_CHARACTERS_MAX} characters")
    parser: _Parser | None = None
    try:
        parser = _Parser(list(_tokens(text)), further_operators)
        return parser.query()
    except InvalidArgumentError as error:
        raise pointed(error, text, parser.at if parser else _strange_at(text)) from None


def pointed(error: InvalidArgumentError, text: str, at: int) -> InvalidArgumentError:
    """Return a refusal that also shows the place in the text, with a caret below.

    Of a long line it shows what is near.
    """
    at = min(at, len(text))
    begin = max(text.rfind("\n", 0, at) + 1, at - _SHOWN_MAX)
    end = text.find("\n", at)
    line = text[begin : min(len(text) if end < 0 else end, at + _SHOWN_MAX)]
    shown = "".join(character if character.isprintable() else " " for character in line)
    column = at - text.rfind("\n", 0, at)
    row = text.count("\n", 0, at) + 1
    where = f"line {row}, column {column}" if row > 1 else f"column {column}"
    caret = " " * (at - begin) + "^"
    return InvalidArgumentError(f"{error.message}\nat {where} of the query:\n  {shown}\n  {caret}")


def _strange_at(text: str) -> int:
    """Return the place of the first character that begins no token."""
    for match in _TOKEN.finditer(text):
        if match.lastgroup == "other":
            return match.start("other")
    return len(text)


def not_supported(what: str) -> InvalidArgumentError:
    """Return the refusal of something that the grammar has and the service has not."""
    return InvalidArgumentError(f"{_NOT_SUPPORTED}: {what}")


def invalid(what: str) -> InvalidArgumentError:
    """Return the refusal of an expression that means nothing."""
    return InvalidArgumentError(f"{_INVALID}: {what}")


class _Token(NamedTuple):
    """`kind` is number, name, text, symbol, end, or the keyword itself; `value` what it says."""

    kind: str
    value: str
    start: int
    end: int
    """Index of the character behind it."""


def _tokens(text: str) -> Iterator[_Token]:
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "other"
        value, start, end = match.group(kind), match.start(kind), match.end(kind)
        if kind == "other":
            # A quote that is never closed reaches to the end.
            raise _malformed(len(text) if value in {"'", '"', "`"} else end)
        if kind == "text":
            value = _ESCAPE.sub(_unescaped, value[1:-1])
        elif kind == "name" and value.startswith("`"):
            value = value[1:-1]
        elif kind == "name" and value.lower() in _KEYWORDS:
            kind = value.lower()
        kind = _JOINTS.get(value, kind) if kind == "symbol" else kind
        yield _Token(kind, value, start, end)
        if kind == "end":
            return


def _unescaped(match: re.Match[str]) -> str:
    escaped = match.group(1)
    if escaped is None:
        return match.group(2)
    return _ESCAPED.get(escaped, escaped)


def _malformed(end: int, near: str = "") -> InvalidArgumentError:
    """Return the refusal of a text that is wrong at the token that ends at an index."""
    at = f"syntax error at position {_PREFIX_CHARACTERS + end + 1}"
    near = f" near '{near}'" if near else ""
    return InvalidArgumentError(f"{_MALFORMED}: {at}{near}")


class _Parser:
    """Recursive descent over the tokens; the depth is bounded."""

    def __init__(self, tokens: Sequence[_Token], further_operators: Sequence[str]) -> None:
        self._tokens = tokens
        self._further_operators = further_operators
        self._next = 0
        self._depth = 0

    @property
    def at(self) -> int:
        """Where the next token begins."""
        return self._tokens[self._next].start

    def query(self) -> Query:
        where = None
        if self._kind not in {"end", "group", "order", "limit"}:
            where = self._disjunction()
        group_by: tuple[str, ...] = ()
        group_by_at = 0
        if self._skip("group"):
            self._expect("by")
            group_by_at = self.at
            group_by = self._columns()
        order_by: tuple[Order, ...] = ()
        if self._skip("order"):
            self._expect("by")
            order_by = self._orders()
        if self._kind == "limit":
            raise not_supported("'LIMIT' clause")
        if self._kind != "end":
            raise self._unexpected()
        return Query(where, group_by, group_by_at, order_by)

    def _disjunction(self) -> Expression:
        parts = [self._conjunction()]
        while self._skip("or"):
            parts.append(self._conjunction())
        return parts[0] if len(parts) == 1 else Disjunction(tuple(parts))

    def _conjunction(self) -> Expression:
        parts = [self._negation()]
        while self._skip("and"):
            parts.append(self._negation())
        return parts[0] if len(parts) == 1 else Conjunction(tuple(parts))

    def _negation(self) -> Expression:
        if self._kind not in {"not", "("}:
            return self._condition()
        self._depth += 1
        if self._depth > NESTING_MAX:
            raise not_supported(f"more than {NESTING_MAX} nested expressions")
        is_negated = self._take().kind == "not"
        if is_negated:
            part: Expression = Negation(self._negation())
        else:
            part = self._disjunction()
            self._expect(")")
        self._depth -= 1
        return part

    def _condition(self) -> Expression:
        at = self.at
        column = self._column()
        if self._kind in _COMPARISONS:
            return Condition(column, _COMPARISONS[self._take().kind], (self._literal(),), at)
        if self._skip("is"):
            is_negated = self._skip("not")
            self._expect("null")
            return Condition(column, "is not null" if is_negated else "is null", at=at)
        is_negated = self._skip("not")
        condition = replace(self._word_condition(column, is_negated=is_negated), at=at)
        return Negation(condition) if is_negated else condition

    def _word_condition(self, column: str, *, is_negated: bool) -> Condition:
        if self._skip("in"):
            self._expect("(")
            values = [self._literal()]
            while self._skip(","):
                values.append(self._literal())
            self._expect(")")
            return Condition(column, "in", tuple(values))
        if self._skip("between"):
            low = self._literal()
            self._expect("and")
            return Condition(column, "between", (low, self._literal()))
        if self._skip("starts_with"):
            return Condition(column, "starts_with", (self._literal(),))
        if self._skip("like"):
            return Condition(column, "like", (self._literal(),))
        further = self._tokens[self._next].value.lower()
        if self._kind == "name" and further in self._further_operators:
            self._next += 1
            return Condition(column, further, (self._literal(),))
        if is_negated or self._kind not in {"end", "and", "or", ")"}:
            raise self._unexpected()
        raise invalid("incomplete expression")

    def _column(self) -> str:
        token = self._tokens[self._next]
        if token.kind in {"number", "text", "true", "false", "null"}:
            raise invalid("must be a column name but was a value")
        if token.kind != "name":
            raise self._unexpected()
        self._next += 1
        if self._kind == "(":
            raise not_supported("function expression")
        return token.value

    def _columns(self) -> tuple[str, ...]:
        columns = [self._column()]
        while self._skip(","):
            columns.append(self._column())
        return tuple(columns)

    def _orders(self) -> tuple[Order, ...]:
        orders = [self._order()]
        while self._skip(","):
            orders.append(self._order())
        return tuple(orders)

    def _order(self) -> Order:
        at = self.at
        column = self._column()
        is_descending = self._skip("desc")
        if not is_descending:
            self._skip("asc")
        return Order(column, is_descending, at)

    def _literal(self) -> Literal:
        token = self._take()
        match token.kind:
            case "text":
                return token.value
            case "number":
                return _number(token.value)
            case "true" | "false":
                return token.kind == "true"
            case "name" if self._kind == "(":
                raise not_supported("nested func")
            case "name":
                self._next -= 1
                raise not_supported(
                    "column name on the right side of comparison expression "
                    f'(did you forget to quote "{token.value}"?)'
                )
            case "null":
                self._next -= 1
                raise invalid("unexpected value type NULL (use 'IS NULL')")
            case _:
                self._next -= 1
                raise self._unexpected()

    @property
    def _kind(self) -> str:
        token = self._tokens[self._next]
        return token.value if token.kind == "symbol" else token.kind

    def _take(self) -> _Token:
        token = self._tokens[self._next]
        self._next += 1
        return token._replace(kind=token.value) if token.kind == "symbol" else token

    def _skip(self, kind: str) -> bool:
        if self._kind != kind:
            return False
        self._next += 1
        return True

    def _expect(self, kind: str) -> None:
        if not self._skip(kind):
            raise self._unexpected()

    def _unexpected(self) -> InvalidArgumentError:
        token = self._tokens[self._next]
        return _malformed(token.end, "" if token.kind == "symbol" else token.value)


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text)
