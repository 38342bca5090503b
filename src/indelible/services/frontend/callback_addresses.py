"""Which URLs completion callbacks may lead to: those that a rule of the list allows."""

from urllib.parse import urlsplit

from indelible.base.callback_addresses import AddressRules
from indelible.base.errors import InvalidArgumentError


def check_callback_address(url: str, rules: AddressRules) -> None:
    """Refuse a URL that no rule allows; raise `InvalidArgumentError`."""
    # The parser drops some control characters without a word: what was checked would not be what
    # is called.
    if not url.isprintable() or " " in url:
        raise InvalidArgumentError("invalid callback url: invalid character in URL")
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        is_complete = bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise InvalidArgumentError(f"invalid callback url: {error}") from error
    if parts.scheme not in {"http", "https"}:
        raise InvalidArgumentError(f"invalid url: unknown scheme: {url}")
    if not is_complete:
        raise InvalidArgumentError("invalid url: missing host")
    rule = next((rule for rule in rules if rule.matches(host)), None)
    if rule is None:
        raise InvalidArgumentError(
            f"invalid url: url does not match any configured callback address: {url}"
        )
    if parts.scheme != "https" and not rule.allows_insecure:
        raise InvalidArgumentError(
            f"invalid url: callback address does not allow insecure connections: {url}"
        )
