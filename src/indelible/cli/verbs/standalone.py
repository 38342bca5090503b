"""What activities and Nexus operations share that have no workflow: start, wait, show the outcome.

Owns the order of the steps, and how an outcome looks. What is asked of the server, and under which
names ids are printed, each kind says itself.
"""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import msgspec
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.failure.v1 import Failure

from indelible.cli.output import Color
from indelible.cli.session import Session
from indelible.cli.values import Json
from indelible.cli.verbs.payloads import failure_text, shown_values, value_of_all

_FAILED: Final = 1

Answer = TypeVar("Answer")


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How one ended."""

    ids: dict[str, Json]
    result: "Payload | Payloads"
    failure: Failure | None


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of execution."""

    title: str
    begin: Callable[[Session], Awaitable[str]]
    """Starts one as the options say, and returns the id of its run."""
    running: Callable[[Session, str], dict[str, Json]]
    """What is told of one that has been started."""
    outcome: Callable[[Session, str], Awaitable[Outcome]]
    """Waits for the end of a run; an empty id means the last one."""


async def start(session: Session, kind: Kind) -> None:
    """Start one."""
    run_id = await kind.begin(session)
    session.output.record(kind.running(session, run_id), kind.title)


async def execute(session: Session, kind: Kind) -> int:
    """Start one and wait for its result. The exit code tells whether it completed."""
    run_id = await kind.begin(session)
    if not session.output.is_json:
        session.output.record(kind.running(session, run_id), kind.title)
    return _print(session, await kind.outcome(session, run_id))


async def result(session: Session, kind: Kind) -> int:
    """Wait for the result of one. The exit code tells whether it completed."""
    return _print(session, await kind.outcome(session, session.options.run_id or ""))


async def answered(
    ask: Callable[[], Awaitable[Answer]], is_over: Callable[[Answer], object]
) -> Answer:
    """Ask until the end is told: the server answers after its long poll in any case."""
    while True:
        answer = await ask()
        if is_over(answer):
            return answer


def _print(session: Session, outcome: Outcome) -> int:
    output, failure = session.output, outcome.failure
    status = "COMPLETED" if failure is None else "FAILED"
    values = outcome.result
    payloads = values if isinstance(values, Payloads) else Payloads(payloads=[values])
    document: dict[str, Json] = {**outcome.ids, "status": status}
    if failure is not None:
        document["failure"] = output.json_of(failure)
    else:
        document["result"] = value_of_all(payloads) if output.is_short else output.json_of(values)
    output.document(document)
    output.title("Results:")
    output.card(
        {
            "Status": output.colored(status, Color.GREEN if failure is None else Color.RED),
            "Result": shown_values(payloads) if failure is None else "",
            "Failure": failure_text(failure) if failure is not None else "",
        }
    )
    return 0 if failure is None else _FAILED
