"""The subcommands of a command line, read from its own help.

Owns the reading of help pages. A subcommand that a newer executable brings is found by itself.
"""

import asyncio
import re
from pathlib import Path
from typing import Final

_SECTION: Final = re.compile(r"^Available Commands:\n((?:(?:  .*)?\n)+)", re.MULTILINE)
_NAME: Final = re.compile(r"^  (\S+)", re.MULTILINE)
# What cobra brings by itself.
_SHELL: Final = frozenset({"completion", "help", "options"})
_AT_ONCE_MAX: Final = 4


async def subcommands(cli: Path) -> list[str]:
    """Return the full names of all commands that have no commands below them."""
    at_once = asyncio.Semaphore(_AT_ONCE_MAX)

    async def below(*words: str) -> list[str]:
        async with at_once:
            process = await asyncio.create_subprocess_exec(
                str(cli), *words, "--help", stdout=asyncio.subprocess.PIPE
            )
            page, _ = await process.communicate()
        section = _SECTION.search(page.decode())
        if section is None:
            return [" ".join(words)]
        names = [name for name in _NAME.findall(section.group(1)) if name not in _SHELL]
        found = await asyncio.gather(*(below(*words, name) for name in names))
        # A group that is a command as well is told by its own usage line.
        own = [" ".join(words)] if words and _is_command(page.decode(), words) else []
        return [*own, *(one for some in found for one in some)]

    return await below()


def _is_command(page: str, words: tuple[str, ...]) -> bool:
    return f"temporal {' '.join(words)} [flags]" in page
