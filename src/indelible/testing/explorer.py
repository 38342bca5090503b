"""One test under many plans: which of them it does not survive, and what of it is to blame.

Owns how a seed becomes a plan and how a plan is shrunk. The same seed gives the same plan as long
as the test does the same things when nothing goes wrong.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from random import Random  # noqa: TID251 - see above: a seed repeats
from time import monotonic  # noqa: TID251 - the patience of who waits for tests is real
from typing import Final, TypeAlias

import msgspec
import pytest

from indelible.testing.environment import IndelibleTest
from indelible.testing.faults import OCCASIONS, Fault, FaultKind, Faults, Occasion, Subject
from indelible.testing.tenants import Tenants

Body: TypeAlias = Callable[[IndelibleTest], Awaitable[None]]

_FAULTS_MAX: Final = 4
"""In one plan; more faults hide each other."""
_REAL_SECONDS_MAX: Final = 10.0
"""For one run of a body; a longer one hangs."""
_SPANS: Final = tuple(
    timedelta(seconds=count) for count in (1, 60, 3_600, 86_400, 7 * 86_400, 30 * 86_400)
)


class _Failed(msgspec.Struct, frozen=True, kw_only=True):
    error: BaseException
    histories: Sequence[tuple[str, str]]
    """Headings and texts about the workflows, as they were when the body had failed."""


class PlanFoundError(AssertionError):
    """A plan under which the test fails; the message is the report."""

    def __init__(self, seed: int, plan: Sequence[Fault], failed: _Failed) -> None:
        lines = "".join(f"    {fault.code}\n" for fault in plan)
        histories = "".join(f"\n\n{heading}\n{text}" for heading, text in failed.histories)
        super().__init__(
            f"the test fails under seed {seed} (repeat it with seeds=[{seed}]).\n"
            f"These faults are enough:\n{lines}"
            f"It fails with {_text(failed.error)}{histories}"
        )
        self.seed: Final = seed
        self.plan: Final = tuple(plan)


class Explorer(msgspec.Struct, frozen=True, kw_only=True):
    """Runs bodies of tests, each in a namespace of its own; the fixture `indelible_explore`.

    Bodies run in an event loop of their own, one after the other.
    """

    tenants: Tenants
    name: str
    """What the namespaces are called."""

    def __call__(
        self, body: Body, *, seeds: int | Sequence[int] = 50, seconds: float = 30.0
    ) -> int:
        """Run `body` without faults, and then once for each seed until `seconds` are over.

        `seeds` are some seeds or how many; returns how many have been tried, at least one. Raises
        what the body raises without faults, or else `PlanFoundError` with the smallest plan that
        makes it fail.
        """
        ends_at = monotonic() + seconds
        calm = Faults(is_explored=True)
        failed = self._run(body, calm)
        if failed is not None:
            raise failed.error
        tried_count = 0
        for seed in range(seeds) if isinstance(seeds, int) else seeds:
            plan = plan_of(seed, calm.counts)
            failed = self._failed(body, plan)
            if failed is not None:
                smallest, failed = self._shrunk(body, plan, failed)
                raise PlanFoundError(seed, smallest, failed) from failed.error
            tried_count += 1
            if monotonic() >= ends_at:
                break
        return tried_count

    def _shrunk(
        self, body: Body, plan: Sequence[Fault], failed: _Failed
    ) -> tuple[Sequence[Fault], _Failed]:
        """Leave out fault after fault, as long as the body still fails without it."""
        for fault in plan:
            rest = [other for other in plan if other is not fault]
            without = self._failed(body, rest) if rest else None
            if without is not None:
                return self._shrunk(body, rest, without)
        return plan, failed

    def _failed(self, body: Body, plan: Sequence[Fault]) -> _Failed | None:
        return self._run(body, Faults(plan, is_explored=True))

    def _run(self, body: Body, faults: Faults) -> _Failed | None:
        tenant = self.tenants.admit(self.name, faults)
        try:
            # In a thread, because the test that explores may have an event loop running in its own.
            with ThreadPoolExecutor(max_workers=1) as thread:
                thread.submit(asyncio.run, _bounded(body, tenant)).result()
        except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001 - as tests fail
            return _Failed(error=error, histories=self.tenants.report(tenant))
        finally:
            self.tenants.dismiss(tenant)
        return None


def plan_of(seed: int, counts: Mapping[tuple[Occasion, Subject], int]) -> Sequence[Fault]:
    """Return the plan of a seed, for a test in which so much occurs without faults."""
    chance = Random(seed)  # noqa: S311 - a seed must repeat what it did
    subjects: dict[Occasion, list[tuple[Subject, int]]] = {Occasion.WORKER: [((), 1)]}
    for (occasion, subject), count in sorted(counts.items(), key=lambda item: item[0][1]):
        subjects.setdefault(occasion, []).append((subject, count))
    # The kind comes first: there are many events, and not every fault is to be about one.
    kinds = [kind for kind, occasion in OCCASIONS.items() if occasion in subjects]
    plan: list[Fault] = []
    for _ in range(chance.randint(1, _FAULTS_MAX)):
        # All of chance is drawn alike, so that another count of one thing changes no other fault.
        kind, which, where = chance.choice(kinds), chance.random(), chance.random()
        span = chance.choice(_SPANS)
        candidates = subjects[OCCASIONS[kind]]
        subject, count = candidates[int(which * len(candidates))]
        plan.append(
            Fault(
                kind=kind,
                subject=subject,
                at=1 + int(where * count),
                span=span if kind is FaultKind.DELAY_COMPLETION else None,
            )
        )
    return list(dict.fromkeys(plan))


async def _bounded(body: Body, tenant: IndelibleTest) -> None:
    try:
        async with asyncio.timeout(_REAL_SECONDS_MAX):
            await body(tenant)
    except TimeoutError as error:
        raise AssertionError(f"it does not end ({_REAL_SECONDS_MAX:g} real seconds)") from error
    if tenant.faults.broken:  # The body may not have looked at that run.
        raise AssertionError(tenant.faults.broken[0])


def _text(failure: BaseException) -> str:
    said: list[str] = []
    one: BaseException | None = failure
    while one is not None:
        said.append(f"{type(one).__name__}: {one}")
        one = one.__cause__
    return "\n  caused by ".join(said)
