"""The world of one run: loop, disk, network, and the node or nodes that serve.

Owns the seed's streams of chance, the life of nodes, and the list of what must not be. Must not
know what workers and clients want.
"""

from dataclasses import dataclass
from random import Random
from typing import Final, TypeVar

from google.protobuf.message import Message
from temporalio.api.workflowservice.v1 import RespondWorkflowTaskCompletedRequest

from indelible.base.instants import HOUR, MILLISECOND, SECOND, Duration, Instant
from indelible.base.limits import Limits
from indelible.ports.stores import StoreError
from simulation.world.character import CALM, GOOD, Character, Mischief, draw_character
from simulation.world.disk import Disk
from simulation.world.loop import SimulatedLoop
from simulation.world.network import Caller, Network
from simulation.world.node import Node
from simulation.world.process import Process, adopt_by_owner
from simulation.world.trace import Trace

M = TypeVar("M", bound=Message)

START: Final = Instant(1_800_000_000 * SECOND)
RETENTION: Final = HOUR
_CALM_LATENCY_MAX: Final = Duration(5 * MILLISECOND)
_STALE_ANSWERS_TRAVEL: Final = Duration(15 * SECOND)
_RESTART_DELAY_MIN: Final = Duration(2 * MILLISECOND)


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that must not be."""

    invariant: str
    what: str


class FailedRunError(Exception):
    """The run need not go on: an invariant is broken."""


class World:
    """Everything that one run consists of."""

    def __init__(self, seed: int, character: Character | None = None) -> None:
        self.seed = seed
        self.character = character or draw_character(self.stream("character"))
        self.loop = SimulatedLoop(
            self.stream("order"), start=START, is_shuffled=self.character.is_shuffled
        )
        self.loop.new_task = adopt_by_owner
        self.trace = Trace(start=START)
        self.disk = Disk(shard_count=self.character.shard_count)
        self.failures: list[Failure] = []
        self.answered_methods: set[str] = set()
        """Methods that a node has answered with something else than a refusal."""
        self.command_types: set[int] = set()
        """Commands that a node has taken."""
        self.is_calm = False
        self.node: Node | None = None
        self.old_node: Node | None = None
        """One that lost its shards and does not know it yet."""
        self._network = Network(self.loop, self)
        self._latencies = self.stream("latency")
        self._routes = self.stream("routes")
        self._node_chance = self.stream("node")
        self._node_count = 0
        self._two_owners_until = Instant(0)
        self._processes: list[Process] = []

    def stream(self, name: str) -> Random:
        """Return a source of chance that depends on the seed and on nothing else."""
        return Random(f"{self.seed}/{name}")

    # -- the record --------------------------------------------------------------------------------

    @property
    def now(self) -> Instant:
        """The present."""
        return self.loop.now

    def note(self, who: str, what: str) -> None:
        """Write a line of the trace."""
        self.trace.add(self.loop.now, who, what)

    def accuse(self, invariant: str, what: str) -> None:
        """Say that something must not be."""
        self.failures.append(Failure(invariant, what))
        self.note("CHECKER", f"{invariant}: {what}")

    def require_innocence(self) -> None:
        """Raise `FailedRunError` if something is wrong already."""
        for node in (self.node, self.old_node):
            if node is not None:
                for death in node.process.deaths:
                    self.accuse("no defects", death)
        for complaint in self.loop.complaints:
            self.accuse("no defects", complaint)
        if self.failures:
            raise FailedRunError

    # -- time and calls ----------------------------------------------------------------------------

    @property
    def mischief(self) -> Mischief:
        """What workers do wrong at the moment."""
        return GOOD if self.is_calm else self.character.mischief

    async def pause(self, span: Duration) -> None:
        """Let virtual time pass."""
        await self.loop.pause(span)

    def latency(self) -> Duration:
        """How long the next message travels."""
        longest = self.character.latency_max
        if self.is_calm:
            # A network that is slower than a timeout is a fault, too.
            longest = Duration(min(longest, _CALM_LATENCY_MAX))
        return Duration(int(self._latencies.random() * longest))

    def node_to_call(self) -> Node | None:
        """The node that a new connection reaches."""
        nodes = [
            node
            for node in (self.node, self.old_node)
            if node is not None and node.is_serving and not node.process.is_dead
        ]
        return self._routes.choice(nodes) if nodes else None

    async def call(
        self,
        caller: Caller,
        method: str,
        request: Message,
        response_type: type[M],
        *,
        patience: Duration,
    ) -> M:
        """Call a method of the service; raises `RpcError`."""
        response = await self._network.call(
            caller, method, request, response_type, patience=patience
        )
        self.answered_methods.add(method)
        if isinstance(request, RespondWorkflowTaskCompletedRequest):
            self.command_types.update(command.command_type for command in request.commands)
        return response

    def process(self, name: str) -> Process:
        """Return a new process for a worker or client."""
        process = Process(name, self.loop)
        self._processes.append(process)
        return process

    async def end(self) -> None:
        """Let go of everything that still runs."""
        nodes = [node.process for node in (self.node, self.old_node) if node is not None]
        for process in (*nodes, *self._processes):
            await process.kill()

    # -- nodes -------------------------------------------------------------------------------------

    async def start_node(self) -> None:
        """Start a node, again and again until the disk lets it."""
        while True:
            node = self._new_node()
            try:
                await node.process.start(node.start(), "start node")
            except StoreError as error:
                self.note(node.process.name, f"cannot start: {error}")
                await node.die()
                await self.pause(Duration(100 * MILLISECOND))
                continue
            self.node = node
            self.note(node.process.name, "serves")
            return

    def _new_node(self) -> Node:
        self._node_count += 1
        return Node(
            f"node-{self._node_count}",
            self.disk,
            loop=self.loop,
            chance=self._node_chance,
            rates=CALM if self.is_calm else self.character.disk,
            retention=RETENTION,
            entries_max=self.character.entries_max * self.character.shard_count,
            limits=Limits(time_skipping=True),
        )

    async def crash(self, downtime: Duration) -> None:
        """Kill the node and start another one later."""
        node, self.node = self.node, None
        if node is not None:
            self.note(node.process.name, "dies")
            await self._bury(node)
        await self.pause(Duration(max(downtime, _RESTART_DELAY_MIN)))
        await self.start_node()

    async def take_over(self, overlap: Duration) -> None:
        """Start another node while the old one goes on for a while, without its shards."""
        self.old_node, self.node = self.node, None
        await self.start_node()
        await self.pause(overlap)
        node, self.old_node = self.old_node, None
        if node is not None:
            self.note(node.process.name, "dies, having lost its shards")
            await self._bury(node)
        self._two_owners_until = self.now

    @property
    def may_reads_be_stale(self) -> bool:
        """Whether an answer may come from a node that has lost its shards: leases are to come."""
        is_recent = self.now < self._two_owners_until + _STALE_ANSWERS_TRAVEL
        return self.old_node is not None or is_recent

    async def _bury(self, node: Node) -> None:
        for death in node.process.deaths:
            self.accuse("no defects", death)
        await node.die()

    def make_calm(self) -> None:
        """From now on nothing goes wrong any more."""
        self.is_calm = True
        self.note("world", "is calm")
        if self.node is not None:
            self.node.store.rates = CALM
