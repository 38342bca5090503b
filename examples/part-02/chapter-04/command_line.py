"""The command line as the programs of this chapter use it: words in, exit code and JSON out.

It is the official `temporal` if that is on the path, else `indelible`, which takes the same words.
"""

import asyncio
import json
import shutil
from dataclasses import dataclass
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


@dataclass(frozen=True)
class CommandLine:
    """One program, and the server that it talks to."""

    program: str
    address: str
    namespace: str

    async def ask(self, *words: str) -> Answer:
        """Give a command, and wait for its end."""
        process = await asyncio.create_subprocess_exec(
            *(self.program, *words),
            *("--address", self.address, "--namespace", self.namespace, "--output", "json"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        return Answer(code=process.returncode or 0, text=out.decode(), complaint=err.decode())

    async def tell(self, *words: str) -> Any:
        """Give a command that must succeed; return its JSON."""
        answer = await self.ask(*words)
        check(answer.code == 0, f"`{' '.join(words)}` succeeds; it said: {answer.complaint}")
        return answer.json


def command_line(client: Client) -> CommandLine:
    """The command line that is there, pointed at the server of this client."""
    program = shutil.which("temporal") or shutil.which("indelible")
    if program is None:
        failed("temporal or indelible is on the path")
    print(f"the command line is {Path(program).name}")
    return CommandLine(program, client.service_client.config.target_host, client.namespace)
