"""The simulation knows every command and every RPC that is built: teach it whatever is new."""

import pytest
from temporalio.api.enums.v1 import CommandType

from indelible.engine.workflow.commands.registry import COMMANDS
from indelible.services.frontend.rpcs import RPCS
from simulation.runs import simulate

pytestmark = pytest.mark.simulation

SEEDS = range(1, 61)
ANSWERED_ELSEWHERE = {
    "RespondActivityTaskCanceledById",
    "RespondActivityTaskFailedById",
    "RecordActivityTaskHeartbeatById",
    "ListArchivedWorkflowExecutions",
}
"""What differs from a simulated RPC by its target alone, and what is always refused, since there is
no archive: `tests/services/frontend` holds it."""


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_command_and_every_rpc_is_simulated() -> None:
    methods: set[str] = set()
    commands: set[int] = set()
    for seed in SEEDS:
        verdict = simulate(seed)
        methods |= verdict.answered_methods
        commands |= verdict.command_types
    built = {name for (_, name), rpc in RPCS.items() if rpc.is_built}
    assert sorted(built - methods - ANSWERED_ELSEWHERE) == []
    assert sorted(CommandType.Name(one) for one in set(COMMANDS) - commands) == []
