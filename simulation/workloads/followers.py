"""Clients that follow histories by long polls, as `temporal workflow show --follow` does.

Owns the check that a follower sees every event once and in order, and keeps what it saw: an event
that was shown may not become another one later.
"""

from typing import Final

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import HistoryEventFilterType
from temporalio.api.workflowservice.v1 import (
    GetWorkflowExecutionHistoryRequest,
    GetWorkflowExecutionHistoryResponse,
)

from indelible.base.errors import StatusCode
from indelible.base.instants import MILLISECOND, SECOND, Duration
from simulation.checkers.journal import Journal
from simulation.checkers.promises import Promises, SeenHistory
from simulation.workloads.worker import event_digest
from simulation.world.network import Caller, RpcError
from simulation.world.node import NAMESPACE
from simulation.world.world import World

_CLOSE: Final = HistoryEventFilterType.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT


class Follower:
    """Follows the runs of one workflow id."""

    def __init__(
        self, world: World, promises: Promises, journal: Journal, workflow_id: str
    ) -> None:
        self.name = f"follower-{workflow_id}"
        self.process = world.process(self.name)
        self._world = world
        self._promises = promises
        self._journal = journal
        self._workflow_id = workflow_id
        self._chance = world.stream(self.name)
        # A plain client is not shown what may still vanish: the events of a transient task.
        self._caller = Caller(self.name, client_name="temporal-cli")

    async def live(self) -> None:
        """Follow one run after the other."""
        followed: list[str] = []
        while True:
            run = self._journal.current_run(self._workflow_id)
            if run is None or run.key.run_id in followed:
                await self._world.pause(Duration(700 * MILLISECOND))
                continue
            followed.append(run.key.run_id)
            if self._chance.random() < 0.3:
                await self._await_close(run.key.run_id)
            else:
                await self._follow(run.key.run_id)

    async def _follow(self, run_id: str) -> None:
        seen = SeenHistory(who=self.name, run_id=run_id, events=[])
        self._promises.seen.append(seen)
        token = b""
        while True:
            page = await self._page(run_id, token, is_close_only=False)
            if page is None:
                return
            for event in page.history.events:
                if event.event_id != len(seen.events) + 1:
                    self._world.accuse(
                        "followers see every event once",
                        f"{self._workflow_id} {run_id[-6:]}: after {len(seen.events)} came"
                        f" {event.event_id}",
                    )
                    return
                seen.events.append(event_digest(event))
            token = page.next_page_token
            if not token:
                return

    async def _await_close(self, run_id: str) -> None:
        token = b""
        while True:
            page = await self._page(run_id, token, is_close_only=True)
            if page is None:
                return
            token = page.next_page_token
            if not token:
                if len(page.history.events) != 1:
                    self._world.accuse(
                        "the close event comes alone",
                        f"{self._workflow_id}: {len(page.history.events)} events",
                    )
                return

    async def _page(
        self, run_id: str, token: bytes, *, is_close_only: bool
    ) -> GetWorkflowExecutionHistoryResponse | None:
        request = GetWorkflowExecutionHistoryRequest(
            namespace=NAMESPACE,
            execution=WorkflowExecution(workflow_id=self._workflow_id, run_id=run_id),
            wait_new_event=True,
            next_page_token=token,
            maximum_page_size=self._chance.choice((1, 3, 0)),
        )
        if is_close_only:
            request.history_event_filter_type = _CLOSE
        while True:
            try:
                return await self._world.call(
                    self._caller,
                    "GetWorkflowExecutionHistory",
                    request,
                    GetWorkflowExecutionHistoryResponse,
                    patience=Duration(self._chance.choice((2, 30)) * SECOND),
                )
            except RpcError as error:
                if error.code is StatusCode.NOT_FOUND:
                    return None
                if not error.is_vague:
                    self._world.accuse("answers", f"a follower was answered {error}")
                    return None
                await self._world.pause(Duration(200 * MILLISECOND))
