"""Each fault does to a workflow what its name says, and no more."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from types import SimpleNamespace

import pytest
from temporalio import activity, workflow

from indelible.testing.environment import IndelibleTest
from indelible.testing.explorer import plan_of
from indelible.testing.faults import OCCASIONS, Fault, FaultKind, Faults, Occasion

COUNTS = {
    (Occasion.COMPLETION, ("charge",)): 3,
    (Occasion.SIGNAL, ("add",)): 2,
    (Occasion.EVENT, ("Order", "TimerFired")): 2,
    (Occasion.EVENT, ("Order", "TimerStarted")): 2,
}


class Workshop:
    """Remembers what has been done; `heard` is what an attempt got to know of the one before."""

    def __init__(self) -> None:
        self.attempts: list[int] = []
        self.heard: Sequence[object] = ()

    @activity.defn
    async def work(self) -> int:
        info = activity.info()
        self.attempts.append(info.attempt)
        self.heard = info.heartbeat_details
        activity.heartbeat("half")
        return info.attempt


BEGINNINGS: list[str] = []


@workflow.defn(sandboxed=False)
class Working:
    @workflow.run
    async def run(self) -> int:
        BEGINNINGS.append(workflow.info().workflow_id)
        await workflow.sleep(timedelta(hours=1))
        return await workflow.execute_activity_method(
            Workshop.work, start_to_close_timeout=timedelta(minutes=5)
        )


@workflow.defn(sandboxed=False)
class Beating:
    """Waits for an activity that gives signs of life; `enough` ends it without the result."""

    def __init__(self) -> None:
        self._is_enough = False

    @workflow.run
    async def run(self) -> int:
        work = workflow.start_activity_method(
            Workshop.work,
            start_to_close_timeout=timedelta(hours=5),
            heartbeat_timeout=timedelta(minutes=30),
        )
        await workflow.wait_condition(lambda: self._is_enough or work.done())
        return await work if work.done() else 0

    @workflow.signal
    def enough(self) -> None:
        self._is_enough = True


@workflow.defn(sandboxed=False)
class Listening:
    """Says what it has heard by the time of `enough`; `renew` begins a new run."""

    def __init__(self) -> None:
        self._heard: list[str] = []
        self._is_enough = False

    @workflow.run
    async def run(self, run: int) -> list[str]:
        await workflow.wait_condition(lambda: self._is_enough or self._heard[-1:] == ["renew"])
        if not self._is_enough:
            workflow.continue_as_new(run + 1)
        return [f"run {run}", *self._heard]

    @workflow.signal
    def say(self, word: str) -> None:
        self._heard.append(word)

    @workflow.signal
    def shout(self, word: str) -> None:
        self._heard.append(word)

    @workflow.signal
    def enough(self) -> None:
        self._is_enough = True


@workflow.defn(sandboxed=False)
class Telling:
    """Signals what it is told to the workflow that listens."""

    @workflow.run
    async def run(self, name: str, word: str) -> None:
        await workflow.get_external_workflow_handle("listening").signal(name, word)


async def work(indelible: IndelibleTest, workshop: Workshop) -> int:
    async with indelible.worker(workflows=[Working], activities=[workshop.work]):
        return await indelible.client.execute_workflow(
            Working.run, id=indelible.namespace, task_queue=indelible.task_queue
        )


@pytest.mark.parametrize(
    ("plan", "attempts", "result", "minutes"),
    [
        pytest.param(lambda _: None, [1], 1, 60, id="none"),
        pytest.param(lambda to: to.lose_completion("work"), [1, 2], 2, 65, id="lose"),
        pytest.param(lambda to: to.lose_completion("work", at=2), [1], 1, 60, id="lose another"),
        pytest.param(lambda to: to.duplicate_completion("work"), [1], 1, 60, id="duplicate"),
        pytest.param(
            lambda to: to.delay_completion("work", by=timedelta(minutes=4)), [1], 1, 64, id="delay"
        ),
        pytest.param(
            lambda to: to.delay_completion("work", by=timedelta(minutes=6)),
            [1, 2], 2, 65, id="delay too long",
        ),
        pytest.param(lambda to: to.fail_attempt("work"), [2], 2, 60, id="fail before"),
        pytest.param(lambda to: to.fail_completion("work"), [1, 2], 2, 60, id="fail after"),
        pytest.param(lambda to: to.kill_worker("Working"), [1], 1, 60, id="kill first"),
        pytest.param(lambda to: to.kill_worker("Working", at=2), [1], 1, 60, id="kill later"),
        pytest.param(lambda to: to.kill_worker("Working", at=3), [1], 1, 60, id="kill last"),
        pytest.param(
            lambda to: to.kill_worker_after("Working", "ActivityTaskScheduled"),
            [2], 2, 65, id="kill when scheduled",
        ),
        pytest.param(
            lambda to: to.kill_worker_after("Working", "ActivityTaskCompleted"),
            [1], 1, 60, id="kill when completed",
        ),
    ],
)  # fmt: skip
@pytest.mark.slow
@pytest.mark.timeout(60)
def test_what_happens_to_an_activity(
    indelible: IndelibleTest,
    plan: Callable[[Faults], None],
    attempts: list[int],
    result: int,
    minutes: int,
) -> None:
    async def body() -> None:
        workshop = Workshop()
        plan(indelible.faults)
        # A lost workflow task takes ten seconds to time out, a retry one second.
        async with indelible.takes(minutes=minutes, seconds=5, tolerance=timedelta(seconds=8)):
            assert await work(indelible, workshop) == result
        assert workshop.attempts == attempts

    asyncio.run(body())


@pytest.mark.parametrize(
    ("plan", "count"),
    [
        pytest.param(lambda _: None, 1, id="none"),
        pytest.param(lambda to: to.replay_every_step(), 3, id="replay"),
        pytest.param(lambda to: to.kill_worker("Working", at=2), 2, id="kill"),
        pytest.param(lambda to: to.kill_worker_after("Working", "TimerStarted"), 2, id="commanded"),
        pytest.param(lambda to: to.kill_worker_after("Working", "TimerFired"), 2, id="happened"),
        pytest.param(
            lambda to: to.kill_worker_after("Working", "TimerFired", at=2), 1, id="never happened"
        ),
        pytest.param(
            lambda to: to.kill_worker_after("Working", "ActivityTaskCompleted"), 2, id="reported"
        ),
        pytest.param(
            lambda to: to.kill_worker_after("Working", "WorkflowExecutionStarted"), 2, id="begun"
        ),
        pytest.param(
            lambda to: to.kill_worker_after("Working", "WorkflowExecutionCompleted"), 1, id="ended"
        ),
    ],
)
@pytest.mark.slow
@pytest.mark.timeout(60)
def test_what_workers_forget(
    indelible: IndelibleTest, plan: Callable[[Faults], None], count: int
) -> None:
    plan(indelible.faults)
    asyncio.run(work(indelible, Workshop()))
    assert BEGINNINGS.count(indelible.namespace) == count


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_an_event_of_before_is_counted_and_kills_nobody(indelible: IndelibleTest) -> None:
    async def body() -> None:
        workshop = Workshop()
        async with indelible.worker(workflows=[Working], activities=[workshop.work]):
            working = await indelible.client.start_workflow(
                Working.run, id=indelible.namespace, task_queue=indelible.task_queue
            )
            await indelible.skip(minutes=30)
            indelible.faults.kill_worker_after("Working", "TimerStarted")
            assert await working.result() == 1
        assert BEGINNINGS.count(indelible.namespace) == 1

    asyncio.run(body())


@pytest.mark.parametrize(("is_lost", "heard"), [(False, ["half"]), (True, [])])
@pytest.mark.slow
@pytest.mark.timeout(60)
def test_a_lost_heartbeat(indelible: IndelibleTest, is_lost: bool, heard: list[str]) -> None:
    workshop = Workshop()
    indelible.faults.lose_completion("work")
    if is_lost:
        indelible.faults.lose_heartbeat("work")
    asyncio.run(work(indelible, workshop))
    assert list(workshop.heard) == heard


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_a_lost_attempt_ends_when_no_heartbeat_comes(indelible: IndelibleTest) -> None:
    async def body() -> None:
        workshop = Workshop()
        indelible.faults.lose_completion("work")
        async with (
            indelible.worker(workflows=[Beating], activities=[workshop.work]),
            indelible.takes(minutes=30, seconds=1),
        ):
            result = await indelible.client.execute_workflow(
                Beating.run, id="beating", task_queue=indelible.task_queue
            )
        assert result == 2

    asyncio.run(body())


@pytest.mark.parametrize("is_told", [False, True], ids=["terminated", "told"])
@pytest.mark.slow
@pytest.mark.timeout(60)
def test_time_is_real_again_when_the_run_of_a_lost_attempt_ends(
    indelible: IndelibleTest, is_told: bool
) -> None:
    async def body() -> None:
        workshop = Workshop()
        indelible.faults.lose_completion("work")
        async with indelible.worker(workflows=[Beating], activities=[workshop.work]):
            beating = await indelible.client.start_workflow(
                Beating.run, id="beating", task_queue=indelible.task_queue
            )
            await indelible.skip(minutes=1)
            assert workshop.attempts == [1]
            async with indelible.takes(seconds=0):
                if is_told:
                    await beating.signal(Beating.enough)
                    assert await beating.result() == 0
                else:
                    await beating.terminate()
                for _ in range(10):
                    await beating.describe()

    asyncio.run(body())


async def by_client(indelible: IndelibleTest, word: str) -> None:
    await indelible.client.get_workflow_handle("listening").signal("say", word)


async def by_signal_with_start(indelible: IndelibleTest, word: str) -> None:
    await indelible.client.start_workflow(
        Listening.run,
        1,
        id="listening",
        task_queue=indelible.task_queue,
        start_signal="say",
        start_signal_args=[word],
    )


async def by_workflow(indelible: IndelibleTest, word: str) -> None:
    await indelible.client.execute_workflow(
        Telling.run, args=["say", word], id=f"telling-{word}", task_queue=indelible.task_queue
    )


@pytest.mark.parametrize(
    ("plan", "second", "result"),
    [
        pytest.param(lambda _: None, ("shout", "b"), ["run 1", "a", "b"], id="none"),
        pytest.param(
            lambda to: to.swap_signals("say"), ("shout", "b"), ["run 1", "b", "a"], id="swap"
        ),
        pytest.param(
            lambda to: to.swap_signals("say"), ("say", "b"), ["run 1", "b", "a"], id="swap alike"
        ),
        pytest.param(
            lambda to: to.delay_signal("say"), ("shout", "renew"), ["run 2", "a"],
            id="delay past continue-as-new",
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("send", [by_client, by_signal_with_start, by_workflow])
@pytest.mark.slow
@pytest.mark.timeout(120)
def test_what_happens_to_signals(
    indelible: IndelibleTest,
    plan: Callable[[Faults], None],
    send: Callable[[IndelibleTest, str], Coroutine[None, None, None]],
    second: tuple[str, str],
    result: list[str],
) -> None:
    async def body() -> None:
        plan(indelible.faults)
        indelible.faults.signal_patience = timedelta(seconds=60)
        async with indelible.worker(workflows=[Listening, Telling]):
            listening = await indelible.client.start_workflow(
                Listening.run, 1, id="listening", task_queue=indelible.task_queue
            )
            await indelible.skip(seconds=1)
            async with asyncio.TaskGroup() as group:
                first = group.create_task(send(indelible, "a"))
                while (Occasion.SIGNAL, ("say",)) not in indelible.faults.counts:
                    await listening.describe()
                if not indelible.faults.planned:
                    await first
                await listening.signal(*second)
            await listening.signal(Listening.enough)
            assert await listening.result() == result

    asyncio.run(body())


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_a_signal_is_overtaken_by_that_of_a_workflow(indelible: IndelibleTest) -> None:
    async def body() -> None:
        indelible.faults.swap_signals("say")
        indelible.faults.signal_patience = timedelta(seconds=60)
        async with indelible.worker(workflows=[Listening, Telling]):
            listening = await indelible.client.start_workflow(
                Listening.run, 1, id="listening", task_queue=indelible.task_queue
            )
            async with asyncio.TaskGroup() as group:
                group.create_task(by_client(indelible, "a"))
                while (Occasion.SIGNAL, ("say",)) not in indelible.faults.counts:
                    await listening.describe()
                await by_workflow(indelible, "b")
            await listening.signal(Listening.enough)
            assert await listening.result() == ["run 1", "b", "a"]

    asyncio.run(body())


def test_a_seed_is_a_plan() -> None:
    plans = [plan_of(seed, COUNTS) for seed in range(200)]
    assert plans == [plan_of(seed, COUNTS) for seed in range(200)]
    drawn = {fault for plan in plans for fault in plan}
    occasions = {occasion for occasion, _ in COUNTS} | {Occasion.WORKER}
    possible = {kind for kind, occasion in OCCASIONS.items() if occasion in occasions}
    assert {fault.kind for fault in drawn} == possible
    assert {(OCCASIONS[fault.kind], fault.subject) for fault in drawn} == {
        *COUNTS,
        (Occasion.WORKER, ()),
    }
    assert {fault.at for fault in drawn if fault.subject == ("charge",)} == {1, 2, 3}


@pytest.mark.parametrize("kind", FaultKind)
def test_a_fault_is_written_as_it_is_planned(kind: FaultKind) -> None:
    is_late = kind is FaultKind.DELAY_COMPLETION
    is_about_two = OCCASIONS[kind] in {
        Occasion.EVENT,
        Occasion.NEXUS_ATTEMPT,
        Occasion.NEXUS_ANSWER,
    }
    is_about_all = kind is FaultKind.REPLAY_EVERY_STEP
    planned = Fault(
        kind=kind,
        subject=() if is_about_all else ("a", "b") if is_about_two else ('"quoted" & ü',),
        at=1 if is_about_all else 2,
        span=timedelta(minutes=2) if is_late else None,
    )
    faults = Faults()
    names = {"indelible": SimpleNamespace(faults=faults), "timedelta": timedelta}
    eval(planned.code, names)  # noqa: S307 - our own line
    assert faults.planned == (planned,)
