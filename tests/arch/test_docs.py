"""The documents say what is true: commands exist, links lead somewhere, named paths are there."""

import re
from importlib import metadata
from pathlib import Path
from typing import Final

import pytest

import indelible

REPOSITORY: Final = Path(__file__).resolve().parents[2]
DOCUMENTS: Final = sorted(
    path
    for path in REPOSITORY.rglob("*.md")
    if not {".venv", ".run", "node_modules"} & set(path.relative_to(REPOSITORY).parts)
)
ROOT_FOLDERS: Final = "src|tests|simulation|bench|examples|docs|requirements|scripts"
LAYERS: Final = (
    "base|engine|ports|services|store|auth|observability|runtime|wire|server|cli|testing"
)

document = pytest.mark.parametrize(
    "path", DOCUMENTS, ids=[str(path.relative_to(REPOSITORY)) for path in DOCUMENTS]
)


def _makefile_targets() -> set[str]:
    makefile = (REPOSITORY / "Makefile").read_text()
    return set(re.findall(r"^([a-z][a-z-]*):", makefile, flags=re.MULTILINE))


def _headings(path: Path) -> set[str]:
    """The anchors of a document, as the usual renderers spell them."""
    titles = re.findall(r"^#+ (.+)$", path.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in titles}


@document
def test_every_make_command_exists(path: Path) -> None:
    commands = set(
        re.findall(r"(?:`|^\s*\$?\s*)make ([a-z][a-z-]*)", path.read_text(), re.MULTILINE)
    )
    assert commands <= _makefile_targets()


@document
def test_every_local_link_leads_somewhere(path: Path) -> None:
    broken: list[str] = []
    for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if "://" in link or link.startswith("mailto:"):
            continue
        name, _, anchor = link.partition("#")
        target = path.parent / name if name else path
        if not target.exists() or (
            anchor and target.suffix == ".md" and anchor not in _headings(target)
        ):
            broken.append(link)
    assert broken == []


@document
def test_every_named_path_exists(path: Path) -> None:
    """`src/...` and, within the package, `engine/...` in backticks are promises to the reader."""
    if path.name == "CHANGELOG.md":
        return  # It speaks of the past as well.
    roots = (REPOSITORY, REPOSITORY / "src/indelible", path.parent)
    missing = [
        name
        for name in re.findall(rf"`((?:{ROOT_FOLDERS}|{LAYERS})/[\w./-]*)`", path.read_text())
        if not any((root / f"{name}{end}").exists() for root in roots for end in ("", ".py"))
    ]
    assert missing == []


def test_continuous_integration_runs_the_readme_s_test_command() -> None:
    script = (REPOSITORY / ".ci/run").read_text()
    assert re.search(r"^exec make test\b", script, flags=re.MULTILINE)
    assert re.search(r"^\s*make test\b", (REPOSITORY / "README.md").read_text(), flags=re.MULTILINE)


def test_the_makefile_s_own_help_names_real_targets() -> None:
    header = (REPOSITORY / "Makefile").read_text().split("\n\n")[0]
    assert set(re.findall(r"^#   make ([a-z-]+)", header, re.MULTILINE)) <= _makefile_targets()


def test_the_changelog_has_a_place_for_the_next_change() -> None:
    assert "## [Unreleased]" in (REPOSITORY / "CHANGELOG.md").read_text()


def test_the_installed_package_has_the_source_s_version() -> None:
    assert metadata.version("indelible") == indelible.__version__
