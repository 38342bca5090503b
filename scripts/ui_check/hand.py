"""A person's hand and eyes: finds by what is written there, clicks, types, reads.

Owns patience. What is asked for may come late, but it has to come. Must not know the pages.
"""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from scripts.ui_check.chromium import Browser
from scripts.ui_check.listening import Heard

_PATIENCE_SECONDS: Final = 30.0
_PAUSE_SECONDS: Final = 0.1
_QUIET_SECONDS: Final = 1.0
"""A page is there when it has asked nothing for so long,"""
_CALLS_MIN: Final = 3
"""and these at least: who is there, which version, which namespaces."""
_LOADING: Final = """!!document.querySelector('.background-animate, [data-testid="loading"]')"""
_CLICKABLE: Final = (
    "button, a, label, summary, [role=menuitem], [role=option], [role=tab], [role=radio],"
    " input[type=checkbox]"
)
# What lies over the page is all that a hand can reach. Of two that fit the text, the exact one.
_FIND: Final = """
((selector, text) => {
  const over = [...document.querySelectorAll('dialog[open]')].at(-1) ?? document;
  const isThere = (one) => one.checkVisibility({ visibilityProperty: true })
    && one.getClientRects().length > 0 && !one.disabled && one.ariaDisabled !== 'true';
  const named = (one) => [one.ariaLabel, one.innerText, one.textContent, one.placeholder]
    .map((name) => (name ?? '').trim().toLowerCase());
  const wanted = text.toLowerCase();
  const there = [...over.querySelectorAll(selector)].filter(isThere);
  const exact = there.filter((one) => named(one).includes(wanted));
  const near = there.filter((one) => named(one).some((name) => name.includes(wanted)));
  return (exact[0] ?? near[0]) || null;
})
"""
_POINT: Final = """
((one) => {
  if (!one) return null;
  one.scrollIntoView({ block: 'center', inline: 'center', behavior: 'instant' });
  const box = one.getBoundingClientRect();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  const hit = document.elementFromPoint(x, y);
  return hit && (one.contains(hit) || hit.contains(one)) ? [x, y] : null;
})
"""
_TEXT: Final = "(document.querySelector('main') ?? document.body).innerText"
_EVERYTHING: Final = "document.body.innerText"


class NotThereError(Exception):
    """What a person would have looked for in vain."""


class Hand:
    """One person at one browser, in front of one UI."""

    def __init__(self, browser: Browser, ui: str) -> None:
        self._browser = browser
        self._ui = ui
        self.heard = Heard()

    def listen_anew(self) -> None:
        """Forget what was heard and hear what comes now."""
        self.heard = Heard(last_at=asyncio.get_running_loop().time())
        self._browser.listeners[:] = [self.heard.listen]

    async def open(self, path: str) -> None:
        """Go to a page and wait until it is there."""
        await self._browser.ask("Page.navigate", url=self._ui + path)
        await self.settle()

    async def settle(self) -> None:
        """Wait until the page asks nothing more and shows no placeholder."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while loop.time() - began < _PATIENCE_SECONDS:
            await asyncio.sleep(_PAUSE_SECONDS)
            is_quiet = loop.time() - self.heard.last_at > _QUIET_SECONDS
            if not is_quiet or self.heard.is_waiting or len(self.heard.calls) < _CALLS_MIN:
                continue
            if not await self._browser.evaluate(_LOADING):
                return

    async def click(self, text: str, selector: str = _CLICKABLE) -> None:
        """Click on what bears this text."""
        x, y = await self._point(selector, text)
        at = {"x": x, "y": y, "button": "left", "clickCount": 1}
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            await self._browser.ask("Input.dispatchMouseEvent", type=kind, **at)
        await asyncio.sleep(_PAUSE_SECONDS)

    async def press(self, selector: str) -> None:
        """Click on what has no text of its own."""
        await self.click("", selector)

    async def confirm(self) -> None:
        """Say yes to the question that lies over the page."""
        await self.press("[data-testid=confirm-modal-button]")

    async def choose(self, selector: str, option: str) -> None:
        """Open a list and take one of its options."""
        await self.press(selector)
        await self.click(option, "[role=option], [role=menuitem]")

    async def write(self, selector: str, text: str) -> None:
        """Put a text where another may be."""
        await self.press(selector)
        everything = {"key": "a", "code": "KeyA", "commands": ["selectAll"], "modifiers": 2}
        for kind in ("keyDown", "keyUp"):
            await self._browser.ask("Input.dispatchKeyEvent", type=kind, **everything)
        await self._browser.ask("Input.insertText", text=text)
        await asyncio.sleep(_PAUSE_SECONDS)

    async def upload(self, selector: str, path: Path) -> None:
        """Give a file to the input that takes one."""
        root = (await self._browser.ask("DOM.getDocument"))["root"]["nodeId"]
        found = await self._browser.ask("DOM.querySelector", nodeId=root, selector=selector)
        await self._browser.ask("DOM.setFileInputFiles", nodeId=found["nodeId"], files=[str(path)])

    def discard_downloads(self) -> None:
        """Delete what pages have saved so far."""
        for path in self._browser.downloads.iterdir():
            path.unlink()

    async def downloaded(self, ending: str) -> Path:
        """Return the file that the page has saved."""

        def complete() -> Path | None:
            found = sorted(self._browser.downloads.glob(f"*{ending}"))
            return found[-1] if found else None

        return await self._until(f"a download *{ending}", complete)

    async def sees(self, text: str) -> None:
        """Wait for a text anywhere on the page."""
        await self._until(repr(text), self._has, text)

    async def misses(self, text: str) -> None:
        """Wait until a text is nowhere on the page."""
        await self._until(f"no {text!r}", self._has_not, text)

    async def text(self) -> str:
        """Return what the page shows beside its navigation."""
        return str(await self._browser.evaluate(_TEXT))

    async def picture(self) -> bytes:
        """Return a picture of the page."""
        return await self._browser.screenshot()

    async def _has(self, text: str) -> bool:
        shown = str(await self._browser.evaluate(_EVERYTHING))
        return text.lower() in shown.lower()

    async def _has_not(self, text: str) -> bool:
        return not await self._has(text)

    async def _point(self, selector: str, text: str) -> tuple[float, float]:
        expression = f"({_POINT})({_FIND}({json.dumps(selector)}, {json.dumps(text)}))"

        async def place() -> list[float] | None:
            before = await self._browser.evaluate(expression)
            await asyncio.sleep(_PAUSE_SECONDS)
            # A drawer that still slides in would be missed.
            return before if before == await self._browser.evaluate(expression) else None

        x, y = await self._until(f"{text!r} in {selector}", place)
        return x, y

    async def _until(self, what: str, look: Callable[..., Any], *words: str) -> Any:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _PATIENCE_SECONDS
        while True:
            found = look(*words)
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return found
            if loop.time() > deadline:
                raise NotThereError(what)
            await asyncio.sleep(_PAUSE_SECONDS)
