"""The lock is complete, names no index, and fits what pyproject.toml asks for."""

import re
import tomllib
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


def test_every_requirement_line_of_the_project_has_a_lower_bound() -> None:
    assert [str(wanted) for wanted in (*RUNTIME, *DEV) if ">=" not in str(wanted.specifier)] == []
