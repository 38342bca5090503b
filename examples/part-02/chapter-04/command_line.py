"""The command line as the programs of this chapter use it: words in, exit code and JSON out.

It is the official `temporal` if that is on the path, else `indelible`, which takes the same words.
"""

import asyncio
import json
import os
import re
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from running import check, failed, verified
from temporalio.client import Client

REFUSAL = re.compile(r"is not enabled|is disabled on this namespace")


@dataclass(frozen=True)
class Answer:
    """What a command has left behind."""

    code: int
    text: str
    complaint: str

    @property
    def json(self) -> Any:
        """The text as a value; commands that only say that they are done may say nothing."""
        return json.loads(self.text or "null")

    def at(self, path: str) -> Any:
        """One value of the JSON, or None: `events.0.eventType`."""
        value = self.json
        for step in path.split("."):
            if isinstance(value, list):
                value = value[int(step)] if int(step) < len(value) else None
            else:
                value = (value or {}).get(step)
        return value


@dataclass(frozen=True)
class CommandLine:
    """One program, and the options that tell it where the server is.

    What was seen is counted together, also by copies with other options.
    """

    program: str
    options: tuple[str, ...]
    seen: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    async def ask(self, command: str) -> Answer:
        """Give a command, written as in a terminal, and wait for its end."""
        words = shlex.split(command)
        form = () if "--output" in words else ("--output", "json")
        process = await asyncio.create_subprocess_exec(
            *(self.program, *words, *self.options, *form),
            # Variables would come before the files with which some commands are tried.
            env={name: os.environ[name] for name in os.environ if not name.startswith("TEMPORAL_")},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        return Answer(code=process.returncode or 0, text=out.decode(), complaint=err.decode())

    async def see(
        self, command: str, expected: Mapping[str, Any] | None = None, *, code: int = 0
    ) -> Answer:
        """Show a command and give it; its exit code and these values of its JSON must be right."""
        answer = await self._shown(command)
        check(
            answer.code == code,
            f"`{command}` ends with {code}, not {answer.code}; it said: {answer.complaint}",
        )
        for path, value in (expected or {}).items():
            check(answer.at(path) == value, f"{path} is {value!r}, not {answer.at(path)!r}")
        return answer

    async def see_where_allowed(self, command: str) -> bool:
        """Like `see`, for what some servers are set up to refuse; tell whether it was done."""
        answer = await self._shown(command)
        if answer.code == 0:
            return True
        check(bool(REFUSAL.search(answer.complaint)), f"`{command}` said: {answer.complaint}")
        self.refused.append(command)
        return False

    async def _shown(self, command: str) -> Answer:
        print(f"  $ {Path(self.program).name} {command}")
        self.seen.append(command)
        return await self.ask(command)

    def conclude(self) -> None:
        """Say how many commands were given, and how many of them the server does not allow."""
        verified(f"{len(self.seen)} commands, {len(self.refused)} of them refused by the server")


def command_line(client: Client) -> CommandLine:
    """The command line that is there, pointed at the server of this client."""
    program = shutil.which("temporal") or shutil.which("indelible")
    if program is None:
        failed("temporal or indelible is on the path")
    address = client.service_client.config.target_host
    return CommandLine(program, ("--address", address, "--namespace", client.namespace))
