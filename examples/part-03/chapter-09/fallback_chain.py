"""Recommendations from the best source that answers: a model, rules, and what everybody likes."""

from dataclasses import dataclass, field

from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from running import check, connect, new_id, parse_options, run, span, verified, working

FAILURES_MAX = 2
DOWN: set[str] = set()
CALLS: list[str] = []


@dataclass
class Recommendation:
    """The answer says where it comes from, and whether it is less than the user deserves."""

    items: list[str]
    source: str
    degraded: bool


async def answer(source: str, items: list[str]) -> list[str]:
    """A source that is up or down."""
    CALLS.append(source)
    if source in DOWN:
        raise ConnectionError(f"{source} does not answer")
    return items


@activity.defn
async def ask_model(user: str) -> list[str]:
    """The best answer, from the least reliable source."""
    return await answer("model", [f"made for {user}"])


@activity.defn
async def apply_rules(user: str) -> list[str]:
    """A fair answer."""
    return await answer("rules", [f"good for {len(user)} letters"])


@activity.defn
async def list_popular(user: str) -> list[str]:
    """An answer that is always there."""
    return await answer("popular", [f"what everybody reads, {user} as well"])


CHAIN = (("model", ask_model), ("rules", apply_rules), ("popular", list_popular))


@dataclass
class Session:
    """What the breaker remembers: sources that failed often are not asked for a while."""

    failures: dict[str, int] = field(default_factory=dict[str, int])

    def is_open(self, source: str) -> bool:
        """Whether the source is left alone."""
        return self.failures.get(source, 0) >= FAILURES_MAX


@workflow.defn
class RecommendationSession:
    """One user's visit: the breaker is workflow state, so it survives a restart of the worker."""

    def __init__(self) -> None:
        """Trust everybody."""
        self.session = Session()
        self.is_over = False

    @workflow.update
    async def recommend(self, user: str) -> Recommendation:
        """Return the best answer that is to be had."""
        for source, step in CHAIN:
            if self.session.is_open(source):
                continue
            try:
                items = await workflow.execute_activity(
                    step,
                    user,
                    start_to_close_timeout=span(2),
                    # The user waits: one attempt, then the next source.
                    retry_policy=RetryPolicy(maximum_attempts=1),
                )
            except ActivityError:
                self.session.failures[source] = self.session.failures.get(source, 0) + 1
                continue
            self.session.failures.pop(source, None)
            return Recommendation(items, source, degraded=source != CHAIN[0][0])
        return Recommendation([], "nobody", degraded=True)

    @workflow.signal
    def repaired(self, source: str) -> None:
        """Somebody has mended it: ask it again."""
        self.session.failures.pop(source, None)

    @workflow.signal
    def leave(self) -> None:
        """The visit is over."""
        self.is_over = True

    @workflow.run
    async def run(self) -> None:
        """Serve until the user leaves."""
        await workflow.wait_condition(lambda: self.is_over and workflow.all_handlers_finished())


async def main() -> None:
    """Everything works; the model fails; the breaker opens; all fail; the model is mended."""
    options = parse_options(is_alone=True)
    client = await connect()
    seen: list[tuple[str, bool]] = []
    async with working(
        client,
        options,
        workflows=[RecommendationSession],
        activities=[step for _, step in CHAIN],
    ):
        visit = await client.start_workflow(
            RecommendationSession.run, id=new_id("visit"), task_queue=options.task_queue
        )

        async def ask() -> None:
            found = await visit.execute_update(RecommendationSession.recommend, "ada")
            print(f"  {found.source:<8} degraded {found.degraded}: {found.items}")
            seen.append((found.source, found.degraded))

        await ask()
        DOWN.add("model")
        await ask()
        await ask()
        calls_before = CALLS.count("model")
        await ask()  # The model has failed twice: it is not asked any more.
        calls_while_open = CALLS.count("model") - calls_before
        DOWN.update(("rules", "popular"))
        await ask()
        DOWN.clear()
        await visit.signal(RecommendationSession.repaired, "model")
        await ask()
        await visit.signal(RecommendationSession.leave)
        await visit.result()
    expected = [("model", False), *[("rules", True)] * 3, ("nobody", True), ("model", False)]
    check(seen == expected, "each answer came from the best source that was there")
    check(calls_while_open == 0, "the open breaker spared the model")
    verified("model, rules, popular: the answer says where it is from and what it is worth")


if __name__ == "__main__":
    run(main)
