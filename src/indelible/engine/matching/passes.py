"""The turns that tasks of one priority take, so that no key starves another.

Owns the pass of a task: a number that stands between its priority and its id in the order of its
queue. It is stride scheduling, as the reference's fair task writer does it: each task of a key lies
one stride behind the one before, the stride is the longer the smaller the weight, and a key that
was away joins where the queue has arrived. So the order needs neither the tasks that wait nor a
count of keys, and what is written keeps its place whatever comes later.

The counters are memory: after a restart they are made of the passes that the waiting tasks have.
Must not know how tasks are kept or who polls.
"""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

from indelible.base.fair_shares import FairShare
from indelible.base.ids import QueueKey

STRIDE: Final = 1_000
"""Between two tasks of a key of weight one; the reference's `strideFactor`."""
WEIGHT_MIN: Final = 0.001

_Level = tuple[QueueKey, int]
_Counter = tuple[QueueKey, int, str]


def effective_weight(share: FairShare, overrides: Mapping[str, float]) -> float:
    """Return the weight of a share: what the queue says of its key, else what the task says."""
    weight = overrides.get(share.key, share.weight)
    return max(weight, WEIGHT_MIN) if weight > 0 else 1.0


class PassCounters:
    """The passes of all queues. A key that is forgotten, for want of room, is a new key."""

    __slots__ = ("_counters", "_counters_max", "_reached")

    def __init__(self, *, counters_max: int) -> None:
        self._counters_max = counters_max
        # Both the least recently used first.
        self._counters: OrderedDict[_Counter, int] = OrderedDict()
        self._reached: OrderedDict[_Level, int] = OrderedDict()

    def assign(self, queue: QueueKey, priority: int, key: str, weight: float) -> int:
        """Return the pass of a new task."""
        stride = max(1, int(STRIDE / weight))
        counter = (queue, priority, key)
        assigned = max(
            self._reached.get((queue, priority), 0), self._counters.get(counter, 0) + stride
        )
        self._count(counter, assigned)
        return assigned

    def reach(self, queue: QueueKey, priority: int, pass_number: int) -> None:
        """Note that a task went to a worker: nobody may claim turns from before it any more."""
        level = (queue, priority)
        self._reached[level] = max(pass_number, self._reached.get(level, 0))
        self._reached.move_to_end(level)
        if len(self._reached) > self._counters_max:
            self._reached.popitem(last=False)

    def restore(self, queue: QueueKey, priority: int, key: str, *, first: int, last: int) -> None:
        """Take in the passes of a key's waiting tasks; once for each key, before anything else."""
        level = (queue, priority)
        self._reached[level] = min(first, self._reached.get(level, first))
        if len(self._reached) > self._counters_max:
            self._reached.popitem(last=False)
        self._count((queue, priority, key), last)

    def _count(self, counter: _Counter, pass_number: int) -> None:
        self._counters[counter] = pass_number
        self._counters.move_to_end(counter)
        if len(self._counters) > self._counters_max:
            self._counters.popitem(last=False)
