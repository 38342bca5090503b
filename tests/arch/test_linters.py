"""The settings of the linter and of the type checker bite where they should, and only there."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

REPOSITORY: Final = Path(__file__).resolve().parents[2]


def _branching(count: int) -> str:
    tests = "".join(f"    if x == {number}:\n        return\n" for number in range(count))
    return f"def f(x: int) -> None:\n    x += 1\n{tests}"


TIME: Final = "import time\n\nNOW = time.time()\n"
SLEEP: Final = "import asyncio\n\nX = asyncio.sleep(1)\n"
ANYWHERE: Final = "src/indelible/services/a.py"

# Path, code, a rule, and whether it speaks there.
LINT_SAMPLES: Final = (
    ("src/indelible/services/history/a.py", TIME, "TID251", True),
    ("src/indelible/runtime/a.py", TIME, "TID251", False),
    ("tests/engine/test_a.py", SLEEP, "TID251", True),
    ("tests/sdk/python/test_a.py", SLEEP, "TID251", False),
    (ANYWHERE, "import random\n\nX = random.random()\n", "TID251", True),
    (ANYWHERE, "import uuid\n\nX = uuid.uuid4()\n", "TID251", True),
    (ANYWHERE, "import asyncio\n\nX = asyncio.create_task\n", "TID251", True),
    ("tests/engine/test_a.py", "from unittest import mock\n\nX = mock.Mock()\n", "TID251", True),
    (ANYWHERE, "from .ids import RunId\n\nX = RunId\n", "TID252", True),
    ("src/indelible/engine/a.py", "assert 1\n", "S101", True),
    ("tests/engine/test_a.py", "assert 1\n", "S101", False),
    (ANYWHERE, _branching(9), "C901", False),
    (ANYWHERE, _branching(10), "C901", True),
    (ANYWHERE, "def f() -> None:\n    return\n", "D103", True),
    (ANYWHERE, 'def f(x: bool) -> None:\n    """F."""\n', "FBT001", True),
    (ANYWHERE, f"X = {'1' * 97}\n", "E501", True),
    (ANYWHERE, "print(1)\n", "T201", True),
    ("src/indelible/cli/a.py", "print(1)\n", "T201", False),
)


@pytest.mark.parametrize(("path", "code", "rule", "speaks"), LINT_SAMPLES)
def test_the_linter_bites(path: str, code: str, rule: str, *, speaks: bool) -> None:
    words = ["ruff", "check", "--no-cache", "--output-format=json", "--stdin-filename", path, "-"]
    answer = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=REPOSITORY,
        input=code,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (rule in {fault["code"] for fault in json.loads(answer.stdout)}) is speaks


TYPE_SAMPLES: Final = {
    "src/indelible/any.py": ("from typing import Any\n\nX: Any = 1\n", {"reportExplicitAny"}),
    "src/indelible/bare.py": (
        "def f(x):\n    return x\n",
        {"reportMissingParameterType", "reportUnknownParameterType", "reportUnknownVariableType"},
    ),
    "src/indelible/wrong.py": ("X: int = 'a'\n", {"reportAssignmentType"}),
    "src/indelible/messages.py": (
        "from temporalio.api.history.v1 import HistoryEvent\n\nX: int = HistoryEvent().event_id\n",
        set[str](),
    ),
    "tests/wrong.py": ("X: int = 'a'\n", {"reportAssignmentType"}),
}


@pytest.mark.slow
def test_the_type_checker_bites(tmp_path: Path) -> None:
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    for path, (code, _) in TYPE_SAMPLES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(code)
    answer = subprocess.run(
        [sys.executable, "-m", "basedpyright", "--outputjson", "--level=error", "-p", tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )
    faults = json.loads(answer.stdout)["generalDiagnostics"]
    found = {
        path: {fault["rule"] for fault in faults if fault["file"].endswith(path)}
        for path in TYPE_SAMPLES
    }
    assert found == {path: rules for path, (_, rules) in TYPE_SAMPLES.items()}
