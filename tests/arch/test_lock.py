"""The lock is complete, names no index, and fits what pyproject.toml asks for."""

import ast
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY: Final = Path(__file__).resolve().parents[2]
PROJECT: Final = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
RUNTIME: Final = [Requirement(line) for line in PROJECT["project"]["dependencies"]]
DEV: Final = [Requirement(line) for line in PROJECT["dependency-groups"]["dev"]]


def _locked(name: str) -> dict[str, str]:
    """Version by canonical name."""
    text = (REPOSITORY / "requirements" / name).read_text()
    pins = re.findall(r"^([\w.-]+)==([^\s;]+)", text, flags=re.MULTILINE)
    return {canonicalize_name(package): version for package, version in pins}


@pytest.mark.parametrize(
    ("name", "wanted"), [("runtime.txt", RUNTIME), ("dev.txt", [*RUNTIME, *DEV])]
)
def test_the_lock_fits_the_project(name: str, wanted: list[Requirement]) -> None:
    locked = _locked(name)
    misfits = [
        str(requirement)
        for requirement in wanted
        if not requirement.specifier.contains(locked.get(canonicalize_name(requirement.name), "0"))
    ]
    assert not misfits, "say make lock"


def test_users_and_developers_run_the_same_versions() -> None:
    assert _locked("runtime.txt").items() <= _locked("dev.txt").items()


@pytest.mark.parametrize("name", ["runtime.txt", "dev.txt"])
def test_every_pin_has_a_hash_and_none_has_an_address(name: str) -> None:
    text = (REPOSITORY / "requirements" / name).read_text()
    assert "://" not in text
    assert "--index" not in text
    blocks = re.split(r"^(?=[\w.-]+==)", text, flags=re.MULTILINE)[1:]
    assert [block for block in blocks if "--hash=sha256:" not in block] == []
    assert len(blocks) == len(_locked(name))


def _third_party_imports() -> set[str]:
    """The distributions that src/ imports from, by canonical name."""
    distributions = metadata.packages_distributions()
    imported = {
        name.split(".")[0]
        for path in (REPOSITORY / "src").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in _imported_names(node)
    }
    outside = imported - sys.stdlib_module_names - {"indelible"}
    # Two distributions share the name google; only protobuf's part of it is ours to import.
    names = {name: distributions[name][0] for name in outside} | {"google": "protobuf"}
    return {canonicalize_name(name) for name in names.values()}


def _imported_names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def test_the_product_depends_on_what_it_imports_and_on_nothing_else() -> None:
    # protobuf comes through temporalio, whose generated messages decide its version. Nothing of
    # ours imports google.api: the API's services do, when reflection is asked about them.
    # pytest imports the plugin, not the other way round.
    assert (_third_party_imports() - {"protobuf", "pytest"}) | {"googleapis-common-protos"} == {
        canonicalize_name(requirement.name) for requirement in RUNTIME
    }


def test_every_dependency_has_its_reason_in_the_architecture() -> None:
    table = (REPOSITORY / "ARCHITECTURE.md").read_text().partition("## Dependencies")[2]
    assert [
        requirement.name for requirement in RUNTIME if f"`{requirement.name}`" not in table
    ] == []


def test_every_requirement_line_of_the_project_has_a_lower_bound() -> None:
    assert [str(wanted) for wanted in (*RUNTIME, *DEV) if ">=" not in str(wanted.specifier)] == []
