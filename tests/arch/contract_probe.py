"""Plants each violation in a copy of the package and notes which import contracts break.

Owns the planting and the reading of import-linter's verdict. It runs as a process of its own,
because import-linter finds the package by name and must find the copy, not the installed original.
It must not know what verdict is expected.

Called with three paths: the copy's `src` folder, the configuration, and the JSON file of
violations, where each entry has an `importer` (module) and a `statement`. The answer goes to
standard output.
"""

import json
import sys
from pathlib import Path
from typing import Any

from importlinter.application import use_cases
from importlinter.configuration import configure


def plant(source: Path, importer: str, statement: str) -> dict[Path, str | None]:
    """Append the statement to the module; return each touched file's earlier text (None: new)."""
    path = source.joinpath(*importer.split("."))
    module = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    before: dict[Path, str | None] = {}
    for parent in reversed(module.parents[: len(module.relative_to(source).parents) - 1]):
        package = parent / "__init__.py"
        if not package.exists():
            parent.mkdir(exist_ok=True)
            before[package] = None
            package.touch()
    before[module] = module.read_text() if module.exists() else None
    module.write_text(f"{before[module] or ''}\n{statement}\n")
    return before


def restore(before: dict[Path, str | None]) -> None:
    """Undo `plant`; folders that it made stay, as folders without Python files are no packages."""
    for path, text in before.items():
        if text is None:
            path.unlink()
        else:
            path.write_text(text)


def broken_contracts(config: Path, cache: Path) -> list[str]:
    """Return the ids of the contracts that the package breaks as it lies on disk."""
    options = use_cases.read_user_options(str(config))
    use_cases._register_contract_types(
        options
    )  # create_report, though public, leaves this to its caller
    report = use_cases.create_report(options, cache_dir=str(cache))
    if report.could_not_run:
        return [f"invalid: {sorted(report.invalid_contract_options)}"]
    ids = {contract["name"]: contract["id"] for contract in options.contracts_options}
    return [
        ids[contract.name]
        for contract, check in report.get_contracts_and_checks()
        if not check.kept
    ]


def main() -> None:
    """Print, as JSON, the broken contracts of the clean copy and then of each violation."""
    source, config, violations = (Path(argument) for argument in sys.argv[1:4])
    configure()
    cache = source.parent / "cache"
    verdicts: list[list[str]] = [broken_contracts(config, cache)]
    entries: list[dict[str, Any]] = json.loads(violations.read_text())
    for entry in entries:
        before = plant(source, entry["importer"], entry["statement"])
        verdicts.append(broken_contracts(config, cache))
        restore(before)
    sys.stdout.write(json.dumps(verdicts))


if __name__ == "__main__":
    main()
