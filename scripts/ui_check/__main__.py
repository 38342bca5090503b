"""`python -m scripts.ui_check --ui URL --address HOST:PORT [--pictures FOLDER]`."""

import argparse
import asyncio
import logging
import sys
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client

from scripts.ui_check.chromium import EXECUTABLE, Browser, chromium
from scripts.ui_check.pages import pages
from scripts.ui_check.seeding import seeded

_QUIET_SECONDS: Final = 1.0
"""A page is there when it has asked nothing for so long,"""
_CALLS_MIN: Final = 3
"""and these at least: who is there, which version, which namespaces."""
_LOADING: Final = """!!document.querySelector('.background-animate, [data-testid="loading"]')"""
_PAGE_SECONDS_MAX: Final = 20.0
# The UI's own, against any server.
_HARMLESS: Final = ("net::ERR_NAME_NOT_RESOLVED", "net::ERR_INTERNET_DISCONNECTED")
# A query that is wrong on purpose.
_EXPECTED: Final = {"workflows-bad-query": {400}}


@dataclass(slots=True)
class Heard:
    """What one page said and asked."""

    errors: list[str] = field(default_factory=list[str])
    failed: list[str] = field(default_factory=list[str])
    calls: set[str] = field(default_factory=set[str])
    under_way: set[str] = field(default_factory=set[str])
    last_at: float = 0

    def listen(self, method: str, params: dict[str, Any]) -> None:
        """Take in one event."""
        now = asyncio.get_running_loop().time()
        if method == "Network.requestWillBeSent":
            self.under_way.add(params["requestId"])
            self.last_at = now
        elif method in {"Network.loadingFinished", "Network.loadingFailed"}:
            self.under_way.discard(params["requestId"])
            self.last_at = now
        elif method == "Network.responseReceived":
            self._response(params["response"])
        elif method == "Runtime.exceptionThrown":
            self.errors.append(_exception_text(params["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and params["type"] in {"error", "assert"}:
            words = [str(one.get("value", one.get("description"))) for one in params["args"]]
            self.errors.append(" ".join(words))
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            entry = params["entry"]
            self.errors.append(f"{entry['text']} {entry.get('url', '')}")

    def _response(self, response: dict[str, Any]) -> None:
        if "/api/" in response["url"]:
            self.calls.add(response["url"].partition("?")[0])
        if response["status"] >= 400:
            self.failed.append(f"{response['status']} {response['url']}")


def _exception_text(details: dict[str, Any]) -> str:
    return str(details.get("exception", {}).get("description", details["text"]))


async def main() -> int:
    """Open every page and report. Returns how the process shall end."""
    arguments = _arguments()
    # The workers fail on purpose, which the SDK tells at length.
    logging.getLogger("temporalio").setLevel(logging.CRITICAL)
    client = await Client.connect(arguments.address)
    await _register(client)
    bad_count = 0
    async with seeded(client) as seeds, chromium(arguments.chromium) as browser:
        for line in seeds.refused:
            print(f"not seeded: {line}")
        listed = [one for one in pages(seeds) if not arguments.only or arguments.only in one[0]]
        for name, path in listed:
            heard = await _opened(browser, arguments.ui.rstrip("/") + path)
            if arguments.pictures:
                picture = await browser.screenshot()
                await asyncio.to_thread((arguments.pictures / f"{name}.png").write_bytes, picture)
            bad_count += not _told(name, path, heard)
    print(f"{len(listed)} pages, {bad_count} with errors")
    return 1 if bad_count else 0


async def _opened(browser: Browser, url: str) -> Heard:
    heard = Heard()
    browser.listeners[:] = [heard.listen]
    loop = asyncio.get_running_loop()
    began = heard.last_at = loop.time()
    await browser.ask("Page.navigate", url=url)
    while loop.time() - began < _PAGE_SECONDS_MAX:
        await asyncio.sleep(0.1)
        is_quiet = loop.time() - heard.last_at > _QUIET_SECONDS and not heard.under_way
        if is_quiet and len(heard.calls) >= _CALLS_MIN and not await browser.evaluate(_LOADING):
            break
    return heard


def _told(name: str, path: str, heard: Heard) -> bool:
    expected = _EXPECTED.get(name, set[int]())
    failed = [one for one in heard.failed if int(one.partition(" ")[0]) not in expected]
    errors = [one for one in heard.errors if not _is_harmless(one, expected)]
    mark = "ok " if not failed and not errors else "BAD"
    print(f"{mark} {name:28} {len(heard.calls):2} calls  {path}")
    for line in (*failed, *errors):
        print(f"      {line[:400]}")
    return mark == "ok "


def _is_harmless(text: str, expected: Collection[int]) -> bool:
    harmless = [*_HARMLESS, *(f"status of {one}" for one in expected)]
    if expected:
        harmless.append("Initial count fetch failed")  # The UI says so of its own wrong query.
    return any(one in text for one in harmless)


async def _register(client: Client) -> None:
    keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
    await client.operator_service.add_search_attributes(
        AddSearchAttributesRequest(
            namespace=client.namespace, search_attributes={"UiKeyword": keyword}
        )
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.ui_check", description=__doc__)
    parser.add_argument("--ui", required=True, help="address of the UI server")
    parser.add_argument("--address", required=True, help="gRPC address of the server behind it")
    parser.add_argument("--pictures", type=Path, help="folder for a picture of every page")
    parser.add_argument("--only", help="pages whose name has this in it")
    parser.add_argument("--chromium", default=EXECUTABLE)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
