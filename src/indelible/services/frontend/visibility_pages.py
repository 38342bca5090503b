"""Pages of visibility rows, whatever the rows are about.

Owns the size of a page and the token that leads to the next one (semantics 12.2).
"""

from collections.abc import Mapping, Sequence
from functools import cmp_to_key
from hashlib import blake2b
from typing import Final, NamedTuple

import msgspec
from temporalio.api.common.v1 import Payload

from indelible.base.errors import InvalidArgumentError
from indelible.base.ids import RunId
from indelible.base.instants import Instant
from indelible.base.limits import VISIBILITY_GROUPS_MAX
from indelible.engine.visibility.ordering import (
    STATUS,
    SortKey,
    SortValue,
    compare_values,
    sort_value,
)
from indelible.engine.visibility.query_syntax import not_supported
from indelible.engine.visibility.record import VisibilityRecord
from indelible.ports.stores import VisibilityCursor, VisibilityFilter, VisibilityStore


class _PageToken(msgspec.Struct, frozen=True, array_like=True):
    """The query, and the last row of the page before."""

    query: bytes
    close_time: Instant
    start_time: Instant
    run_id: RunId
    values: Sequence[str | int | float | bool | None] = ()


_QUERY_DIGEST_BYTES: Final = 8
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_PageToken)


async def read_page(
    store: VisibilityStore,
    query: VisibilityFilter,
    *,
    page_size: int,
    rows_max: int,
    token: bytes,
) -> tuple[Sequence[VisibilityRecord], bytes]:
    """Return rows, and the token of the page behind them; empty if there is none.

    Raises `InvalidArgumentError` for a token that is none of ours, or of another query.
    """
    limit = page_size if 0 < page_size <= rows_max else max(1, rows_max)
    rows = await store.list_executions(query, after=_cursor(token, query), limit=limit)
    # An exactly full last page has a token too; the page behind it is empty.
    return rows, _token(rows[-1], query) if len(rows) == limit else b""


def _cursor(token: bytes, query: VisibilityFilter) -> VisibilityCursor | None:
    if not token:
        return None
    try:
        place = _decoder.decode(token)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidArgumentError("Invalid NextPageToken.") from error
    numbers = [value for value in place.values if isinstance(value, int)]
    is_ours = (
        0 <= place.close_time < 2**63
        and 0 <= place.start_time < 2**63
        and all(-(2**63) <= number < 2**63 for number in numbers)
        and len(place.values) == len(query.order_by)
    )
    if not is_ours:
        raise InvalidArgumentError("Invalid NextPageToken.")
    if place.query != _digest(query):
        raise InvalidArgumentError("Invalid NextPageToken: it belongs to another query.")
    return VisibilityCursor(
        close_time=place.close_time,
        start_time=place.start_time,
        run_id=place.run_id,
        values=place.values,
    )


def _token(row: VisibilityRecord, query: VisibilityFilter) -> bytes:
    values = [sort_value(row, key) for key in query.order_by]
    return _encoder.encode(
        _PageToken(_digest(query), row.close_time, row.start_time, row.run_id, values)
    )


def _digest(query: VisibilityFilter) -> bytes:
    """Return what tells queries apart: a place in the order of one means nothing in another."""
    text = repr(query).encode(errors="surrogatepass")
    return blake2b(text, digest_size=_QUERY_DIGEST_BYTES).digest()


def status_name(name: str, prefix: str) -> str:
    """Return the name of a status as queries and groups spell it: `TimedOut`."""
    return "".join(map(str.capitalize, name.removeprefix(prefix).split("_")))


class Counts(NamedTuple):
    """How many rows a query finds, and how many of them have each value."""

    total: int
    groups: Sequence[tuple[Payload, int]]


async def count_rows(
    store: VisibilityStore,
    wanted: VisibilityFilter,
    *,
    group_by: SortKey | None,
    status_names: Mapping[int, str],
) -> Counts:
    """Return the counts of a query, with the values of groups as clients see them."""
    counts = await store.count_executions(wanted, group_by=group_by)
    if group_by is None:
        return Counts(sum(counts.values()), ())
    if len(counts) > VISIBILITY_GROUPS_MAX:
        raise not_supported(f"'GROUP BY' clause with more than {VISIBILITY_GROUPS_MAX} groups")
    values = sorted(counts, key=cmp_to_key(compare_values))
    groups: list[tuple[Payload, int]] = []
    for value in values:
        name = status_names[int(value)] if group_by == STATUS and value is not None else value
        groups.append((_group_value(name), counts[value]))
    return Counts(sum(counts.values()), groups)


def _group_value(value: SortValue) -> Payload:
    """Return what the rows of a group have; nothing is a value of its own kind."""
    if value is None:
        return Payload(metadata={"encoding": b"binary/null", "type": b"Keyword"})
    return Payload(
        metadata={"encoding": b"json/plain", "type": b"Keyword"}, data=msgspec.json.encode(value)
    )
