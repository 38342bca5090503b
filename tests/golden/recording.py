"""Recording: all scenarios side by side on one server, and their histories as files.

Owns where the golden histories lie and how a difference is told. Must not know which server it is
that answers.
"""

import asyncio
import difflib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client

from tests.golden.normal import Json
from tests.golden.scenarios import SCENARIOS
from tests.golden.stage import Scene

HISTORIES: Final = Path(__file__).parent / "histories"
SETTINGS: Final = (
    "frontend.WorkflowPauseEnabled=true",
    "frontend.WorkflowTimeSkippingEnabled=true",
    "system.enableEagerWorkflowStart=true",
    "component.nexusoperations.recordCancelRequestCompletionEvents=true",
    "history.enableChasm=true",
    "history.enableTransitionHistory=true",
    "history.enableCHASMCallbacks=true",
    "history.enableCHASMSignalBacklinks=true",
    'system.refreshNexusEndpointsMinWait="0s"',
)
"""What the reference must be told to do, as the SDK's own tests do; here it is the default."""
_AT_ONCE_MAX: Final = 24
"""Scenarios that share the server: most of their time they wait for a timeout."""
_SCENARIO_SECONDS_MAX: Final = 50.0
_ARRIVAL_SECONDS_MAX: Final = 20


async def record(client: Client, names: Sequence[str], *, prefix: str) -> Mapping[str, Json | str]:
    """Play scenarios; return the recording of each, or the text of the error that ended it."""
    await _prepare(client)
    gate = asyncio.Semaphore(_AT_ONCE_MAX)

    async def play(name: str) -> Json | str:
        scene = Scene(client, f"{prefix}-{name.replace('_', '-')}-")
        async with gate:
            try:
                async with asyncio.timeout(_SCENARIO_SECONDS_MAX):
                    await SCENARIOS[name](scene)
                return await scene.recording()
            except Exception as error:  # noqa: BLE001 - the report tells it, and the others go on
                return f"{type(error).__name__}: {error}"

    results = await asyncio.gather(*(play(name) for name in names))
    return dict(zip(names, results, strict=True))


async def _prepare(client: Client) -> None:
    await client.operator_service.add_search_attributes(
        AddSearchAttributesRequest(
            namespace=client.namespace,
            search_attributes={"GoldenKeyword": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD},
        )
    )


def golden(name: str) -> Json:
    """The history that the reference service wrote; `KeyError` without a recording."""
    path = HISTORIES / f"{name}.json"
    if not path.exists():
        raise KeyError(name)
    found: Json = json.loads(path.read_text())
    return found


def store(name: str, recording: Json) -> None:
    """Keep a recording."""
    (HISTORIES / f"{name}.json").write_text(_text(recording))


def difference(name: str, recording: Json | str) -> str:
    """How a recording differs from the golden one; nothing if it does not."""
    if isinstance(recording, str):
        return recording
    return "\n".join(
        difflib.unified_diff(
            _text(golden(name)).splitlines(),
            _text(recording).splitlines(),
            "golden",
            "recorded",
            lineterm="",
            n=12,
        )
    )


def _text(recording: Json) -> str:
    return json.dumps(recording, indent=1, ensure_ascii=False, sort_keys=False) + "\n"
