"""The two ways of naming a test: pytest's node id, and the dotted name that reports use.

`tests/worker/test_fork.py::TestFork::test_x[1]` is `tests.worker.test_fork.TestFork::test_x[1]`.
Owns the translation. It must not know what becomes of a test.
"""

from collections.abc import Sequence
from pathlib import Path


def dotted_name(node_id: str) -> str:
    """Return the name under which a report has the test of a node id."""
    path, *inner = node_id.split("::")
    module = path.removesuffix(".py").replace("/", ".")
    if not inner:
        return module  # A file that could not be collected.
    # A parameter may hold the separator itself; nothing before it can.
    classes = [name for name in inner[:-1] if "[" not in name]
    return ".".join([module, *classes]) + "::" + "::".join(inner[len(classes) :])


def node_id(name: str, root: Path) -> str:
    """Return pytest's id for a dotted name. Raises LookupError if no file has such a test."""
    if "::" not in name or name.partition("::")[0].endswith(".py"):
        return name  # It is one already, or a whole file.
    dotted, _, test = name.partition("::")
    parts = dotted.split(".")
    for count in range(len(parts), 0, -1):
        path = Path(*parts[:count]).with_suffix(".py")
        if (root / path).is_file():
            return "::".join([path.as_posix(), *parts[count:], test])
    raise LookupError(f"no file of the suite has a test {name}")


def read_names(path: Path) -> Sequence[str]:
    """Return the names in a file: one a line, with empty lines and `#` comments between."""
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]
