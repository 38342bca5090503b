"""Chromium by its DevTools protocol, over two pipes: enough to open pages and to hear them.

Owns the process and the conversation. It must not know the pages.
"""

import asyncio
import base64
import json
import os
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

EXECUTABLE: Final = "/usr/bin/chromium"
_ANSWER_SECONDS_MAX: Final = 60
_FLAGS: Final = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--window-size=1400,1000", "--remote-debugging-pipe"),
    *("--disable-extensions", "--force-prefers-reduced-motion", "--in-process-gpu"),
)


class Browser:
    """One Chromium with one tab."""

    def __init__(self, reader: asyncio.StreamReader, commands: int, downloads: Path) -> None:
        self.downloads = downloads
        """Folder of the files that pages have saved."""
        self._reader = reader
        self._commands = commands
        self._number = 0
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._session = ""
        self.listeners: list[Callable[[str, dict[str, Any]], None]] = []

    async def read(self) -> None:
        """Take in what Chromium says, until it ends."""
        while True:
            try:
                text = await self._reader.readuntil(b"\0")
            except asyncio.IncompleteReadError:
                return
            told = json.loads(text[:-1])
            answer = self._answers.pop(told.get("id", 0), None)
            if answer is not None and not answer.done():
                answer.set_result(told)
            elif "method" in told:
                for listen in self.listeners:
                    listen(told["method"], told.get("params", {}))

    async def open_tab(self) -> None:
        """Attach to a fresh tab and listen to its console and its network."""
        saving = {"behavior": "allow", "downloadPath": str(self.downloads)}
        await self.ask("Browser.setDownloadBehavior", **saving)
        target = (await self.ask("Target.createTarget", url="about:blank"))["targetId"]
        attached = await self.ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "DOM"):
            await self.ask(f"{domain}.enable")

    async def ask(self, method: str, **params: object) -> dict[str, Any]:
        """Send a command and return its result."""
        self._number += 1
        command: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session:
            command["sessionId"] = self._session
        answer = self._answers[self._number] = asyncio.get_running_loop().create_future()
        os.write(self._commands, json.dumps(command).encode() + b"\0")
        async with asyncio.timeout(_ANSWER_SECONDS_MAX):
            told = await answer
        if "error" in told:
            raise RuntimeError(f"{method}: {told['error']}")
        return told["result"]

    async def evaluate(self, expression: str) -> Any:
        """Return the value of an expression in the page; promises are awaited."""
        told = await self.ask(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in told:
            raise RuntimeError(str(told["exceptionDetails"]))
        return told["result"].get("value")

    async def screenshot(self) -> bytes:
        """Return a picture of what the tab shows."""
        told = await self.ask("Page.captureScreenshot", format="png")
        return base64.b64decode(told["data"])


@asynccontextmanager
async def chromium(executable: str = EXECUTABLE) -> AsyncIterator[Browser]:
    """Run Chromium for the time of the context."""
    commands_read, commands_write = os.pipe()
    events_read, events_write = os.pipe()

    def at_its_numbers() -> None:
        # Chromium reads commands from 3 and writes events to 4, whatever their numbers are here.
        spare_read, spare_write = os.dup(commands_read), os.dup(events_write)
        os.dup2(spare_read, 3)
        os.dup2(spare_write, 4)

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            *(executable, *_FLAGS, f"--user-data-dir={profile}"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            preexec_fn=at_its_numbers,
            close_fds=False,
        )
        os.close(commands_read)
        os.close(events_write)
        reader = asyncio.StreamReader(limit=64 * 1024 * 1024)
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(events_read, "rb")
        )
        downloads = Path(profile) / "saved"
        downloads.mkdir()
        browser = Browser(reader, commands_write, downloads)
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(browser.read())
            try:
                await browser.open_tab()
                yield browser
            finally:
                process.kill()
                await process.wait()
                os.close(commands_write)
                reading.cancel()
