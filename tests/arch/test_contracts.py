"""Every import contract holds, and a violation breaks exactly the contract meant for it."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final, NamedTuple

import pytest

REPOSITORY: Final = Path(__file__).resolve().parents[2]
CONFIG: Final = REPOSITORY / "pyproject.toml"


class Violation(NamedTuple):
    """One import that must not be, and the contracts that say so."""

    importer: str
    statement: str
    breaks: tuple[str, ...]


def _violation(importer: str, imported: str, *breaks: str) -> Violation:
    return Violation(f"indelible.{importer}", f"import {imported}", breaks)


VIOLATIONS: Final = (
    # Layers: upward, sideways, and a new package that nobody placed.
    _violation("base.ids", "indelible.ports", "layers"),
    _violation("ports", "indelible.services", "layers"),
    _violation("engine.workflow.state", "indelible.ports", "layers"),
    _violation("services.frontend", "indelible.wire", "layers"),
    _violation("services.history", "indelible.observability", "layers"),
    _violation("store.sqlite", "indelible.services.history", "layers"),
    _violation("auth", "indelible.observability", "layers"),
    _violation("wire.grpc", "indelible.server", "layers"),
    _violation("server", "indelible.cli", "layers"),
    _violation("testing", "indelible.cli", "layers"),
    _violation("utils", "indelible.base", "layers"),
    # Inside the engine.
    _violation("engine.workflow.commands", "indelible.engine.workflow.requests", "engine-layers"),
    _violation("engine.workflow.requests", "indelible.engine.workflow.replay", "engine-layers"),
    _violation("engine.workflow.rules", "indelible.engine.workflow.commands", "engine-layers"),
    _violation("engine.workflow.transition", "indelible.engine.workflow.rules", "engine-layers"),
    _violation("engine.workflow.appliers", "indelible.engine.workflow.commands", "engine-layers"),
    _violation("engine.workflow.state", "indelible.engine.workflow.deltas", "engine-layers"),
    _violation(
        "engine.workflow.tasks", "indelible.engine.workflow.history_events", "engine-layers"
    ),
    _violation("engine.workflow.deltas", "indelible.engine.workflow.tasks", "engine-layers"),
    _violation("engine.workflow.shortcuts", "indelible.base", "engine-layers"),
    _violation(
        "engine.workflow.commands", "indelible.engine.workflow.appliers", "one-road-to-state"
    ),
    _violation(
        "engine.workflow.requests", "indelible.engine.workflow.appliers", "one-road-to-state"
    ),
    _violation("engine.schedule", "indelible.engine.workflow", "engine-features"),
    # Time, chance, the outside.
    _violation("engine.workflow.transition", "time", "sans-io"),
    _violation("engine.workflow.state", "logging", "sans-io"),
    _violation("engine.schedule", "asyncio", "sans-io"),
    _violation("base.ids", "uuid", "sans-io"),
    # Stores, services, wire.
    _violation("store.memory", "indelible.store.sqlite", "stores"),
    _violation("wire.grpc", "indelible.wire.http", "wires"),
    _violation("wire.calls", "indelible.wire.grpc", "wires"),
    _violation("wire.calls", "grpc", "grpc"),
    _violation("services.history", "indelible.services.frontend", "services-layers"),
    _violation("services.matching", "indelible.services.history", "services-layers"),
    _violation("services.worker", "indelible.services.frontend", "services-layers"),
    _violation("services.namespaces", "indelible.services.matching", "services-layers"),
    _violation("services.replication", "indelible.base", "services-layers"),
    _violation("wire.grpc", "indelible.services.frontend", "wire-seam"),
    _violation("wire.grpc", "indelible.store.sqlite", "drivers"),
    _violation("wire.grpc", "indelible.runtime", "drivers"),
    _violation("cli", "indelible.store.sqlite", "drivers"),
    _violation("services.frontend", "grpc", "grpc"),
    _violation("wire.http", "grpc_health", "grpc"),
    _violation("wire.grpc", "grpc", "grpc"),
    _violation("server", "grpc_reflection", "grpc"),
    _violation("wire.http2", "asyncio", "http2"),
    _violation("wire.http2", "indelible.ports", "http2"),
    _violation("wire.http2", "indelible.wire.calls", "wires"),
    _violation("store.memory", "sqlite3", "sql"),
    _violation("server", "apsw", "sql"),
    _violation(
        "engine.workflow.requests", "indelible.engine.workflow.description", "engine-layers"
    ),
    # And what has to be possible breaks nothing.
    _violation("wire.grpc", "indelible.wire.http2"),
    _violation("wire.grpc", "indelible.ports"),
    _violation("store.sqlite", "sqlite3"),
    _violation("server", "indelible.store.sqlite"),
    _violation("engine.workflow.transition", "indelible.engine.workflow.appliers"),
)

# What a violation may need on either side and the package may not have yet.
PLANNED_MODULES: Final = (
    "ports", "services.frontend", "services.history", "services.matching", "services.worker",
    "store.memory", "store.sqlite", "auth", "observability", "runtime", "wire.grpc", "wire.http",
    "server", "cli", "testing", "engine.schedule", "engine.workflow.state",
    "engine.workflow.deltas", "engine.workflow.tasks", "engine.workflow.history_events",
    "engine.workflow.appliers", "engine.workflow.timer_sequence", "engine.workflow.transition",
    "engine.workflow.rules", "engine.workflow.commands", "engine.workflow.requests",
    "engine.workflow.expirations", "engine.workflow.replay",
)  # fmt: skip


def _complete(package: Path) -> None:
    """Add the planned modules that the copy lacks, empty, so that every violation has two ends."""
    for name in PLANNED_MODULES:
        path = package.joinpath(*name.split("."))
        if path.with_suffix(".py").exists():
            continue
        path.mkdir(parents=True, exist_ok=True)
        for folder in (path, *path.parents[: name.count(".")]):
            (folder / "__init__.py").touch()


def _verdicts(folder: Path) -> list[list[str]]:
    """Return the broken contracts of a clean copy, then of each violation in order."""
    package = folder / "src" / "indelible"
    ignore = shutil.ignore_patterns("__pycache__", "*.sql")
    shutil.copytree(REPOSITORY / "src" / "indelible", package, ignore=ignore)
    _complete(package)
    violations = folder / "violations.json"
    violations.write_text(json.dumps([violation._asdict() for violation in VIOLATIONS]))
    probe = Path(__file__).with_name("contract_probe.py")
    answer = subprocess.run(
        [sys.executable, probe, package.parent, CONFIG, violations],
        env=os.environ | {"PYTHONPATH": str(package.parent)},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout.splitlines()[-1])


@pytest.mark.slow
def test_each_violation_breaks_exactly_the_contract_meant_for_it(tmp_path: Path) -> None:
    clean, *broken = _verdicts(tmp_path)
    assert clean == []
    found = {
        violation[:2]: sorted(verdict)
        for violation, verdict in zip(VIOLATIONS, broken, strict=True)
    }
    assert found == {violation[:2]: sorted(violation.breaks) for violation in VIOLATIONS}


def test_every_contract_has_a_violation() -> None:
    contracts = tomllib.loads(CONFIG.read_text())["tool"]["importlinter"]["contracts"]
    assert {contract["id"] for contract in contracts} == {
        contract for violation in VIOLATIONS for contract in violation.breaks
    }
