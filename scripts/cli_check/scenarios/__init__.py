"""The scenarios, and the subcommands that none of them drives."""

from typing import Final

from scripts.cli_check.scenarios.activities import ACTIVITIES
from scripts.cli_check.scenarios.client_side import CLIENT_SIDE
from scripts.cli_check.scenarios.operators import OPERATORS
from scripts.cli_check.scenarios.schedules import SCHEDULES
from scripts.cli_check.scenarios.task_queues import TASK_QUEUES
from scripts.cli_check.scenarios.workflows import WORKFLOWS

SCENARIOS: Final = (
    *WORKFLOWS,
    *ACTIVITIES,
    *SCHEDULES,
    *TASK_QUEUES,
    *OPERATORS,
    *CLIENT_SIDE,
)
NOT_DRIVEN: Final = {"server start-dev": "it is what the reference server is started with"}
