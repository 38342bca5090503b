"""The rules of the house hold in every file, and each rule bites on a sample that breaks it."""

import re
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Final

import grpc
import pytest
from temporalio.api.operatorservice.v1 import request_response_pb2 as operator_messages
from temporalio.api.workflowservice.v1 import request_response_pb2 as workflow_messages

from tests.arch import house_rules, set_order
from tests.arch.house_rules import Module

REPOSITORY: Final = Path(__file__).resolve().parents[2]
PRODUCT: Final = ("src/",)
OWN_CODE: Final = ("src/", "simulation/", "bench/", "examples/", "scripts/")
EVERYWHERE: Final = (*OWN_CODE, "tests/")
ENGINE: Final = ("src/indelible/engine/", "src/indelible/base/")

# The testing package hands out SDK environments; the CLI is a client.
SDK_USERS: Final = ("src/indelible/testing/", "src/indelible/cli/")

# Written so that this file does not match itself.
MACHINE_PATHS: Final = re.compile(r"(?<![\w.])/(work|root|farm|tmp|home/\w+|Users/\w+)/")
REGISTRY_HOSTS: Final = re.compile(
    r"pypi\.org|pythonhosted\.org|proxy\.golang\.org|registry\.npmjs|repo1?\.maven|crates\.io"
)


@cache
def _files() -> tuple[str, ...]:
    """The repository's files, tracked or about to be."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    return tuple(
        path for path in sorted(set(listed.stdout.splitlines())) if (REPOSITORY / path).is_file()
    )


@cache
def _module(path: str) -> Module:
    return Module(path, (REPOSITORY / path).read_text())


def _modules(roots: tuple[str, ...]) -> list[Module]:
    return [_module(path) for path in _files() if path.endswith(".py") and path.startswith(roots)]


@cache
def _api_names() -> frozenset[str]:
    """The protocol's names as our code spells them: RPCs, messages, fields, status codes."""
    unseen = [
        message
        for file in (workflow_messages, operator_messages)
        for message in file.DESCRIPTOR.message_types_by_name.values()
    ]
    rpcs = {message.name.removesuffix("Request") for message in unseen}
    names = {re.sub(r"(?<!^)(?=[A-Z])", "_", rpc).lower() for rpc in rpcs}
    names.update(code.name for code in grpc.StatusCode)
    while unseen:
        message = unseen.pop()
        if message.full_name not in names:
            names.update({message.full_name, message.name})
            names.update(field.name for field in message.fields)
            unseen += [field.message_type for field in message.fields if field.message_type]
    # A part of a name is as good as the whole, but a single word is nobody's name in particular.
    names.update(name.split("_", start)[-1] for name in tuple(names) for start in (1, 2))
    return frozenset(name for name in names if re.search(r"_|[a-z][A-Z]", name))


# Names that somebody else's vocabulary forces on us, each in one file only.
BORROWED_WORDS: Final = {
    "src/indelible/cli/client_config.py": {  # properties of the SDKs' file of profiles
        "client_cert_data",
        "client_key_data",
        "server_ca_cert_data",
    },
    "src/indelible/engine/deployment/changes.py": {"set_manager_identity"},  # a deployment's field
    "src/indelible/engine/namespace/record.py": {"data"},  # NamespaceInfo.data
    "src/indelible/observability/logs.py": {"INFO"},  # the log level
    "src/indelible/wire/grpc/session.py": {"data", "data_received"},  # asyncio.Protocol
    "src/indelible/wire/http2/frames.py": {"DATA"},  # the frame's type
}


def _banned_names(module: Module) -> Iterator[str]:
    borrowed = BORROWED_WORDS.get(module.path, set[str]())
    return house_rules.banned_names(module, _api_names() | borrowed)


def _only_api_messages(module: Module) -> Iterator[str]:
    return iter(()) if module.path.startswith(SDK_USERS) else house_rules.only_api_messages(module)


@cache
def _set_fields() -> frozenset[str]:
    """The engine's fields that are sets, whichever module declares them."""
    return frozenset[str]().union(*(set_order.set_fields(module) for module in _modules(ENGINE)))


def _set_iteration(module: Module) -> Iterator[str]:
    return set_order.set_iteration(module, _set_fields())


Rule = Callable[[Module], Iterator[str]]
RULES: Final[tuple[tuple[Rule, tuple[str, ...]], ...]] = (
    (house_rules.module_length, EVERYWHERE),
    (house_rules.line_length, EVERYWHERE),
    (house_rules.function_length, EVERYWHERE),
    (house_rules.module_docstring, EVERYWHERE),
    (house_rules.open_marks, EVERYWHERE),
    (house_rules.public_docstrings, ("src/", "simulation/", "scripts/")),
    (_banned_names, ("src/", "simulation/", "bench/", "scripts/")),
    (house_rules.no_assert, PRODUCT),
    (house_rules.no_unfinished, PRODUCT),
    (house_rules.no_dataclass, PRODUCT),
    (_only_api_messages, PRODUCT),
    (_set_iteration, ENGINE),
)


@pytest.mark.parametrize(("rule", "roots"), RULES, ids=lambda value: getattr(value, "__name__", ""))
def test_every_module_keeps_the_rule(rule: Rule, roots: tuple[str, ...]) -> None:
    faults = [fault for module in _modules(roots) for fault in rule(module)]
    assert not faults, "\n" + "\n".join(faults)


def test_no_file_names_a_machine_or_a_registry() -> None:
    faults: list[str] = []
    for path in _files():
        text = (REPOSITORY / path).read_bytes().decode(errors="replace")
        for number, line in enumerate(text.splitlines(), start=1):
            if MACHINE_PATHS.search(line) or REGISTRY_HOSTS.search(line):
                faults.append(f"{path}:{number}: {line.strip()[:80]}")
    assert not faults, "\n" + "\n".join(faults)


def test_every_folder_of_the_package_is_a_package() -> None:
    """A folder without __init__ would be invisible to the import contracts."""
    folders = {
        Path(path).parent for path in _files() if re.fullmatch(r"src/indelible/.*\.py", path)
    }
    assert [
        str(folder)
        for folder in sorted(folders)
        if not (REPOSITORY / folder / "__init__.py").exists()
    ] == []


# ----------------------------------------------------------------------------- the rules themselves
def _long(lines: int, opening: str = "x = 1\n") -> str:
    return opening + "    y = 2\n" * (lines - 1)


BITES: Final[tuple[tuple[Rule, str, int], ...]] = (
    (house_rules.module_length, "x = 1\n" * 600, 0),
    (house_rules.module_length, "x = 1\n" * 601, 1),
    (house_rules.line_length, f"x = {'1' * 96}\n", 0),
    (house_rules.line_length, f"x = {'1' * 97}\n", 1),
    (house_rules.function_length, _long(60, "def f():\n"), 0),
    (house_rules.function_length, _long(61, "def f():\n"), 1),
    (house_rules.function_length, _long(61, "async def f():\n"), 1),
    (house_rules.module_docstring, "", 0),
    (house_rules.module_docstring, '"""Owns x."""\nx = 1\n', 0),
    (house_rules.module_docstring, "x = 1\n", 1),
    (house_rules.public_docstrings, "def f():\n    pass\nasync def g():\n    pass\n", 2),
    (
        house_rules.public_docstrings,
        'class C:\n    """A c."""\n    def f(self):\n        pass\n',
        1,
    ),
    (house_rules.public_docstrings, "def _f():\n    pass\nclass _C:\n    def f(self): ...\n", 0),
    (_banned_names, "class TimerManager: ...\n", 1),
    (_banned_names, "def f(user_data): ...\n", 1),
    (_banned_names, "for info in (): ...\n", 1),
    (_banned_names, "def do_start(): ...\n", 1),
    (_banned_names, "def _handle_start(): ...\n", 1),
    (_banned_names, "def get_system_info(): ...\nworkflow_execution_info = 1\n", 0),
    (_banned_names, "def open_data_folder(data_file): ...\n", 0),
    (_banned_names, "handle = start()\ndatabase = metadata = domain = undo = 1\n", 0),
    (house_rules.open_marks, f"# {'TO'}DO: later\n# {'FIX'}ME(#3): now\n", 2),
    (house_rules.open_marks, "# TODO(#12): when the shard moves\n", 0),
    (house_rules.no_assert, "assert x\n", 1),
    (house_rules.no_unfinished, "def f():\n    raise NotImplementedError\n", 1),
    (house_rules.no_dataclass, "from dataclasses import dataclass\nimport dataclasses\n", 2),
    (house_rules.no_dataclass, "from dataclasses import replace\n", 0),
    (house_rules.only_api_messages, "from temporalio.api.enums.v1 import EventType\n", 0),
    (house_rules.only_api_messages, "from temporalio.client import Client\n", 1),
    (
        house_rules.only_api_messages,
        "from temporalio import api, worker\nimport temporalio.common\n",
        2,
    ),
    (_set_iteration, "for x in {1, 2}: ...\n", 1),
    (_set_iteration, "names = set()\nlist(names)\n[x for x in names]\n", 2),
    (_set_iteration, "def f(xs: frozenset[int]):\n    return [*xs], ','.join(xs), xs.pop()\n", 3),
    (
        _set_iteration,
        "class C:\n    ids: set[int]\ndef f(c):\n    for x in c.ids | c.more: ...\n",
        1,
    ),
    (_set_iteration, "names = set()\nsorted(names)\nany(x for x in names)\nx in names\n", 0),
    (_set_iteration, "names = {}\nfor x in names: ...\n", 0),
)


@pytest.mark.parametrize(("rule", "sample", "count"), BITES)
def test_the_rule_bites(rule: Rule, sample: str, count: int) -> None:
    assert len(list(rule(Module("src/indelible/sample.py", sample)))) == count


@pytest.mark.parametrize("folder", ["common", "base_utils"])
def test_a_folder_with_an_empty_name_is_refused(folder: str) -> None:
    assert len(list(_banned_names(Module(f"src/indelible/{folder}/sample.py", "")))) == 1


@pytest.mark.parametrize(
    ("line", "is_refused"),
    [
        ("cd /" + "root/project", True),
        ("--db-filename=/" + "tmp/x.db", True),
        ("index = https://" + "pypi" + ".org/simple", True),
        ("see https://example.org/a/b and src/" + "work/x", False),
    ],
)
def test_the_search_for_machines_bites(line: str, is_refused: bool) -> None:
    assert bool(MACHINE_PATHS.search(line) or REGISTRY_HOSTS.search(line)) is is_refused
