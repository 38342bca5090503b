"""Workflow programs: what a simulated workflow does, as a value that travels in its input.

Owns the vocabulary and the drawing of programs. Every program ends by itself once its activities
are answered and its timers fire. Must not know events or commands.
"""

from random import Random
from typing import Final, Literal, TypeVar

import msgspec
from temporalio.api.common.v1 import Payload, Payloads


class Op(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that a program starts. `op_id` is unique within a program."""

    op_id: str


class RunActivity(Op, frozen=True, kw_only=True, tag="activity"):
    """Schedule an activity."""

    behavior: Literal["ok", "flaky", "hopeless", "heartbeat", "by_id", "mute"] = "ok"
    """`flaky` fails at first, `by_id` is completed by its id, `mute` never reports attempt 1."""
    attempts_max: int = 0
    start_to_close_ms: int = 5_000
    schedule_to_start_ms: int = 0
    schedule_to_close_ms: int = 0
    heartbeat_ms: int = 0
    is_eager: bool = False


class RunTimer(Op, frozen=True, kw_only=True, tag="timer"):
    """Start a timer."""

    span_ms: int


class RunChild(Op, frozen=True, kw_only=True, tag="child"):
    """Start a child workflow."""

    program: "Program"
    close_policy: int = 1
    attempts_max: int = 0
    is_awaited: bool = True
    """Whether the program waits for its close, or just for its start."""


class SendSignal(Op, frozen=True, kw_only=True, tag="signal"):
    """Signal another workflow, or a child started before."""

    target: str
    is_child_only: bool = False


class SendCancel(Op, frozen=True, kw_only=True, tag="cancel"):
    """Request the cancellation of another workflow."""

    target: str
    is_child_only: bool = False


class CallOperation(Op, frozen=True, kw_only=True, tag="operation"):
    """Call a Nexus operation."""

    behavior: Literal["at_once", "by_workflow", "refused", "mute"] = "at_once"
    """`mute` is started, and nobody ever says how it ends."""
    program: "Program"
    """What the workflow behind it does, if there is one."""
    schedule_to_close_ms: int = 8_000


class AwaitSignals(Op, frozen=True, kw_only=True, tag="await"):
    """Wait until the run has had so many signals; nothing is sent to the server."""

    count: int


class Annotate(Op, frozen=True, kw_only=True, tag="annotate"):
    """Record a marker, change the memo or a search attribute."""

    what: Literal["marker", "memo", "search_attribute", "local_activity"]


AnyOp = (
    RunActivity
    | RunTimer
    | RunChild
    | SendSignal
    | SendCancel
    | CallOperation
    | AwaitSignals
    | Annotate
)


class Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Operations that are started together."""

    ops: list[AnyOp]
    waits_for: Literal["all", "any", "none"] = "all"
    cancels_rest: bool = True
    """What is left over when one of `any` is done is cancelled."""


class Program(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one run does."""

    steps: list[Step]
    ending: Literal["complete", "fail"] = "complete"
    continues: int = 0
    """How often the run continues as new before it ends."""
    heeds_cancel: bool = True
    fails_until_attempt: int = 0
    """Fails in earlier attempts of the workflow's own retry policy."""


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(Program)
_operation_decoder: Final = msgspec.json.Decoder(CallOperation)
S = TypeVar("S", bound=msgspec.Struct)


def encode_input(value: msgspec.Struct) -> Payloads:
    """Return a value as the input of a workflow or an activity."""
    return Payloads(
        payloads=[Payload(metadata={"encoding": b"json/plain"}, data=_encoder.encode(value))]
    )


def decode_program(given: Payloads) -> Program:
    """Return the program in the input of a workflow."""
    return _decoder.decode(given.payloads[0].data)


def decode_operation(given: Payload) -> CallOperation:
    """Return the operation in the input of a Nexus operation."""
    return _operation_decoder.decode(given.data)


def draw_program(chance: Random, workflow_id: str, peers: list[str], *, depth: int = 0) -> Program:
    """Draw a program. `peers` are the ids that it may speak to."""
    return Program(
        steps=[
            _draw_step(chance, workflow_id, peers, number=number, depth=depth)
            for number in range(chance.choice((0, 1, 1, 2, 3)) if depth else chance.randint(1, 4))
        ],
        ending="fail" if chance.random() < 0.12 else "complete",
        continues=chance.choice((1, 2)) if chance.random() < 0.15 else 0,
        heeds_cancel=chance.random() < 0.8,
        fails_until_attempt=chance.choice((2, 3)) if chance.random() < 0.1 else 0,
    )


def _draw_step(
    chance: Random, workflow_id: str, peers: list[str], *, number: int, depth: int
) -> Step:
    ops = [
        _draw_op(chance, workflow_id, peers, op_id=f"{number}{letter}", depth=depth)
        for letter in "abcd"[: chance.choice((1, 1, 2, 3))]
    ]
    if any(isinstance(op, AwaitSignals) for op in ops):
        # Nobody owes the run a signal, so it does not wait for ever.
        ops.append(RunTimer(op_id=f"{number}t", span_ms=chance.choice((500, 3_000, 8_000))))
        return Step(ops=ops, waits_for="any")
    return Step(
        ops=ops,
        waits_for=chance.choices(("all", "any", "none"), (6, 3, 1))[0],
        cancels_rest=chance.random() < 0.8,
    )


def _draw_op(
    chance: Random, workflow_id: str, peers: list[str], *, op_id: str, depth: int
) -> AnyOp:
    kind = chance.choices(
        ("activity", "timer", "child", "signal", "cancel", "await", "annotate", "operation"),
        (9, 5, 3 if depth < 2 else 0, 2, 1, 2, 2, 2 if depth < 2 else 0),
    )[0]
    match kind:
        case "activity":
            return draw_activity(chance, op_id)
        case "timer":
            return RunTimer(op_id=op_id, span_ms=chance.choice((1, 50, 500, 2_000, 6_000)))
        case "child":
            child_id = f"{workflow_id}.{op_id}"
            return RunChild(
                op_id=op_id,
                program=draw_program(chance, child_id, [*peers, workflow_id], depth=depth + 1),
                close_policy=chance.choice((1, 2, 3)),
                attempts_max=chance.choice((0, 0, 3)),
                is_awaited=chance.random() < 0.7,
            )
        case "operation":
            return draw_operation(chance, op_id, [workflow_id], caller=workflow_id)
        case "signal":
            return SendSignal(op_id=op_id, target=chance.choice(peers))
        case "cancel":
            return SendCancel(op_id=op_id, target=chance.choice(peers))
        case "await":
            return AwaitSignals(op_id=op_id, count=chance.randint(1, 3))
        case _:
            return Annotate(
                op_id=op_id,
                what=chance.choice(("marker", "memo", "search_attribute", "local_activity")),
            )


def draw_operation(
    chance: Random, op_id: str, peers: list[str], *, caller: str = "nobody"
) -> CallOperation:
    """Draw what the handler of an operation does. `peers` are whom a workflow of it speaks to."""
    return CallOperation(
        op_id=op_id,
        behavior=chance.choices(("at_once", "by_workflow", "refused", "mute"), (3, 4, 1, 1))[0],
        program=draw_program(chance, f"n.{caller}.{op_id}", peers, depth=2),
        schedule_to_close_ms=chance.choice((2_000, 8_000, 30_000)),
    )


def draw_activity(chance: Random, op_id: str) -> RunActivity:
    """Draw what an activity does."""
    behavior = chance.choices(
        ("ok", "flaky", "hopeless", "heartbeat", "by_id", "mute"), (8, 3, 1, 3, 2, 2)
    )[0]
    return RunActivity(
        op_id=op_id,
        behavior=behavior,
        attempts_max=chance.choice((0, 0, 1, 2, 4)),
        start_to_close_ms=chance.choice((1_000, 4_000)),
        schedule_to_start_ms=chance.choice((0, 0, 0, 1_000)),
        schedule_to_close_ms=chance.choice((0, 0, 2_000, 15_000)),
        heartbeat_ms=chance.choice((500, 1_500)) if behavior == "heartbeat" else 0,
        is_eager=chance.random() < 0.3,
    )
