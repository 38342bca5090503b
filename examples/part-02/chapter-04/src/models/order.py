"""What goes into the workflow of an order and what comes out: plain records that JSON can carry."""

from dataclasses import dataclass


@dataclass
class Item:
    """Some pieces of one article."""

    article: str
    count: int
    cents_each: int


@dataclass
class Order:
    """Who wants what."""

    number: str
    customer: str
    items: list[Item]

    @property
    def cents(self) -> int:
        """What it costs, all together. Computed: it is no field, so JSON does not carry it."""
        return sum(item.count * item.cents_each for item in self.items)


@dataclass
class Receipt:
    """What became of an order."""

    order: str
    cents: int
    payment: str
    pieces: int
