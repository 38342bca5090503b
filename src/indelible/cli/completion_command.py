"""`indelible completion SHELL`: completion for bash, zsh and fish.

Owns the three scripts and the answers that they ask for. A script holds no list of commands: it
asks `indelible __complete WORDS...`, which reads the tables, so it never grows old. Nothing is
asked of a server: a key press must not wait for a network.
"""

import argparse
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from indelible.cli.commands import Commands, add_command
from indelible.cli.parsing import options_of
from indelible.cli.tables import registry
from indelible.cli.tables.model import Command, Option
from indelible.cli.values import ValueRefusedError

WORD: Final = "__complete"
"""The command that the scripts call; not shown in help."""

_OWN: Final = {
    "completion": "print a script for shell completion",
    "options": "show the options that every command takes",
    "server": "run a server",
    "version": "print the version of Indelible and of Python",
}
_OWN_NEXT: Final = {
    "completion": ("bash", "fish", "zsh"),
    "server": ("start", "start-dev"),
}

_BASH: Final = """\
# Say `source <(indelible completion bash)`, or put that line into ~/.bashrc.
_indelible() {
    local IFS=$'\\n'
    COMPREPLY=($(indelible __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f1))
    if [ ${#COMPREPLY[@]} -eq 0 ]; then COMPREPLY=($(compgen -f -- "${COMP_WORDS[COMP_CWORD]}")); fi
}
complete -o nosort -F _indelible indelible
"""
_ZSH: Final = """\
#compdef indelible
# Say `source <(indelible completion zsh)`, or put that line into ~/.zshrc after compinit.
_indelible() {
    local -a answers
    local line
    while IFS=$'\\t' read -r word about; do
        answers+=("${word//:/\\\\:}:${about}")
    done < <(indelible __complete "${(@)words[2,CURRENT]}" 2>/dev/null)
    if (( ${#answers} )); then _describe 'indelible' answers; else _files; fi
}
compdef _indelible indelible
"""
_FISH: Final = """\
# Say `indelible completion fish | source`, or write it to
# ~/.config/fish/completions/indelible.fish.
function __indelible_answers
    set -l words (commandline -opc) (commandline -ct)
    set -l answers (indelible __complete $words[2..-1] 2>/dev/null)
    if set -q answers[1]
        printf '%s\\n' $answers
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c indelible -f -a '(__indelible_answers)'
"""
_SCRIPTS: Final = {"bash": _BASH, "fish": _FISH, "zsh": _ZSH}


def add_to(commands: Commands) -> None:
    """Add the command to the tree."""
    parser = add_command(commands, "completion", _OWN["completion"], _print)
    parser.add_argument("shell", choices=sorted(_SCRIPTS))


def _print(parsed: argparse.Namespace) -> int:
    sys.stdout.write(_SCRIPTS[parsed.shell])
    return 0


def complete(words: Sequence[str]) -> int:
    """Print what the last of these words may become, one answer a line with what it means."""
    for word, about in answers(words):
        print(f"{word}\t{about}")
    return 0


def answers(words: Sequence[str]) -> list[tuple[str, str]]:
    """Return what the last word may become."""
    *before, last = words or [""]
    prefix = ""
    if last.startswith("--") and "=" in last:
        # zsh and fish give `--output=js` as one word, and want one back.
        option, _, last = last.partition("=")
        before, prefix = [*before, option], f"{option}="
    elif "=" in {last, *before[-1:]}:
        # bash makes three words of it.
        before, last = ([*before], "") if last == "=" else (before[:-1], last)
    return [
        (f"{prefix}{word}", about) for word, about in _candidates(before) if word.startswith(last)
    ]


def _candidates(before: Sequence[str]) -> Iterator[tuple[str, str]]:
    if before and before[0] in _OWN_NEXT:
        yield from ((word, "") for word in _OWN_NEXT[before[0]] if len(before) == 1)
        return
    place = registry.located(before)
    if place.command is not None:
        yield from _options(place.command, before)
    yield from registry.children(place.path).items()
    if not place.path:
        yield from _OWN.items()


def _options(command: Command, before: Sequence[str]) -> Iterator[tuple[str, str]]:
    every = options_of(command)
    asked = _waiting(every, before[-1])
    if asked is not None:
        # Only its values may follow. None known: the shell offers the names of files.
        yield from ((choice, "") for choice in asked.choices or _known_values(asked))
        return
    used = set(before)
    for option in every:
        if option.is_repeatable or not used & set(option.names):
            yield option.names[0], option.about


def _known_values(option: Option) -> Iterable[str]:
    """What may follow, as far as it can be told without a server: names in files of this person."""
    # Imported here: it takes time, and only these options need it.
    from indelible.cli import client_config, environments  # noqa: PLC0415

    try:
        match option.names[0]:
            case "--profile":
                return client_config.read_profiles(client_config.file_path(None, os.environ))
            case "--prop":
                return client_config.PROPERTIES
            case "--env":
                return environments.read_environments(environments.file_path(None, os.environ))
            case _:
                return ()
    except ValueRefusedError:
        return ()


def _waiting(options: Sequence[Option], word: str) -> Option | None:
    """The option whose value is to come."""
    return next((one for one in options if word in one.names and one.takes_value), None)
