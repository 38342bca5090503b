"""The rules of the list that says to which addresses elsewhere completion callbacks may lead.

Owns what a rule matches. Must not know where rules come from, nor the grammar of a URL.
"""

from typing import NamedTuple

from indelible.base.wildcards import matches


class AddressRule(NamedTuple):
    """One entry of the list of addresses that callbacks may lead to."""

    pattern: str
    """Of host and port; `*` stands for any number of characters."""
    allows_insecure: bool = False
    """Whether the call may be made without TLS."""

    def matches(self, host: str) -> bool:
        """Whether a host, with its port if the URL names one, is meant."""
        return matches(self.pattern, host)


AddressRules = tuple[AddressRule, ...]
"""The first rule that matches a host decides."""
