"""The command line as the programs of this chapter use it: words in, exit code and JSON out.

It is the official `temporal` if that is on the path, else `indelible`, which takes the same words.
"""

import asyncio
import json
import os
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from running import check, failed
from temporalio.client import Client


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
    """One program, and the options that tell it where the server is."""

    program: str
    options: tuple[str, ...]
    seen: list[str] = field(default_factory=list)

    async def ask(self, command: str) -> Answer:
        """Give a command, written as in a terminal, and wait for its end."""
        words = shlex.split(command)
        form = () if "--output" in words else ("--output", "json")
        process = await asyncio.create_subprocess_exec(
            *(self.program, *words, *self.options, *form),
            # Variables would come before the files with which some commands are tried.
            env={name: value for name, value in os.environ.items() if name[:9] != "TEMPORAL_"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        return Answer(code=process.returncode or 0, text=out.decode(), complaint=err.decode())

    async def see(
        self, command: str, expected: Mapping[str, Any] | None = None, *, code: int | None = 0
    ) -> Answer:
        """Show a command and give it; its exit code and these values of its JSON must be right.

        None as the code means that the caller looks at it.
        """
        print(f"  $ {Path(self.program).name} {command}")
        self.seen.append(command)
        answer = await self.ask(command)
        check(
            code in {None, answer.code},
            f"`{command}` ends with {code}, not {answer.code}; it said: {answer.complaint}",
        )
        for path, value in (expected or {}).items():
            check(answer.at(path) == value, f"{path} is {value!r}, not {answer.at(path)!r}")
        return answer


def command_line(client: Client) -> CommandLine:
    """The command line that is there, pointed at the server of this client."""
    program = shutil.which("temporal") or shutil.which("indelible")
    if program is None:
        failed("temporal or indelible is on the path")
    address = client.service_client.config.target_host
    return CommandLine(program, ("--address", address, "--namespace", client.namespace))
