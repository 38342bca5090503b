"""Workflow code that changes, and workflows that describe themselves."""

from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey

KEYWORD = SearchAttributeKey.for_keyword("TestKeyword")
NUMBER = SearchAttributeKey.for_int("TestInt")


@workflow.defn(name="Versioned")
class OldVersion:
    """Waits, then takes the only path there is."""

    def __init__(self) -> None:
        self.go = False

    @workflow.signal
    def proceed(self) -> None:
        self.go = True

    @workflow.run
    async def run(self) -> str:
        await workflow.wait_condition(lambda: self.go)
        return "old path"


@workflow.defn(name="Versioned")
class NewVersion:
    """The same with a patch in front of the wait."""

    def __init__(self) -> None:
        self.go = False

    @workflow.signal
    def proceed(self) -> None:
        self.go = True

    @workflow.run
    async def run(self) -> str:
        if workflow.patched("new-path"):
            await workflow.sleep(timedelta(milliseconds=10))
            await workflow.wait_condition(lambda: self.go)
            return "new path"
        await workflow.wait_condition(lambda: self.go)
        return "old path"


@workflow.defn
class Chance:
    """Randomness and fresh ids that are the same on replay."""

    @workflow.run
    async def run(self) -> dict[str, Any]:
        drawn = [workflow.random().randint(0, 1_000_000) for _ in range(3)]
        unique = str(workflow.uuid4())
        await workflow.sleep(timedelta(milliseconds=10))
        return {"drawn": drawn, "unique": unique, "again": workflow.random().random()}


@workflow.defn
class Labelled:
    """Changes its memo and search attributes, then waits."""

    def __init__(self) -> None:
        self.finished = False

    @workflow.signal
    def finish(self) -> None:
        self.finished = True

    @workflow.query
    def memo(self) -> dict[str, Any]:
        return dict(workflow.memo())

    @workflow.run
    async def run(self) -> dict[str, Any]:
        workflow.upsert_search_attributes([KEYWORD.value_set("changed"), NUMBER.value_set(7)])
        workflow.upsert_memo({"added": [1, 2], "replaced": "new", "removed": None})
        await workflow.wait_condition(lambda: self.finished)
        return {
            "keyword": workflow.info().typed_search_attributes.get(KEYWORD),
            "number": workflow.info().typed_search_attributes.get(NUMBER),
            "memo": dict(workflow.memo()),
        }
