"""Where callbacks may lead: which rule of the list matches, and what it allows."""

import pytest

from indelible.base.callback_addresses import AddressRule
from indelible.base.errors import InvalidArgumentError
from indelible.services.frontend.callback_addresses import check_callback_address

RULES = (
    AddressRule("*.example.com:443"),
    AddressRule("127.0.0.1:*", allows_insecure=True),
    AddressRule("a.*.c", allows_insecure=True),
    AddressRule("a.b.c"),
)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com:443/path?query=1",
        "https://a.b.example.com:443",
        "https://API.example.COM:443/",
        "http://127.0.0.1:7243/nexus/callback",
        "https://127.0.0.1:1",
        "http://a.b.c",
        "HTTPS://user:word@a.b.c/",
    ],
)
def test_an_address_on_the_list_is_allowed(url: str) -> None:
    check_callback_address(url, RULES)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://example.com:443/", "does not match any"),
        ("https://api.example.com/", "does not match any"),
        ("https://api-example.com:443/", "does not match any"),
        ("https://api.example.com:443.evil.org/", "Port"),
        ("https://evil.org/.example.com:443", "does not match any"),
        ("https://api.example.com:443@evil.org/", "does not match any"),
        ("https://evil.org\\@x.example.com:4430/", "does not match any"),
        ("http://127.0.0.10/", "does not match any"),
        ("http://xa.b.c/", "does not match any"),
        ("http://api.example.com:443/", "does not allow insecure"),
        ("ftp://a.b.c/", "unknown scheme"),
        ("temporal://system/x", "unknown scheme"),
        ("a.b.c", "unknown scheme"),
        ("", "unknown scheme"),
        ("http:///path", "missing host"),
        ("http://:80/", "missing host"),
        ("http://a.b.c:no/", "invalid callback url"),
        ("http://a.b.c:70000/", "invalid callback url"),
        ("http://[::1/", "invalid callback url"),
        ("http://a.b\t.c/", "invalid character"),
        ("http://a.b.c/ x", "invalid character"),
        ("http://a.b.c/\r\nhost: x", "invalid character"),
    ],
)
def test_any_other_is_refused(url: str, words: str) -> None:
    with pytest.raises(InvalidArgumentError, match=words):
        check_callback_address(url, RULES)


def test_without_a_list_nothing_is_allowed() -> None:
    with pytest.raises(InvalidArgumentError, match="does not match any"):
        check_callback_address("https://127.0.0.1/", ())


def test_the_first_rule_that_matches_decides() -> None:
    rules = (AddressRule("host"), AddressRule("*", allows_insecure=True))
    with pytest.raises(InvalidArgumentError, match="does not allow insecure"):
        check_callback_address("http://host/", rules)
    check_callback_address("http://other/", rules)
