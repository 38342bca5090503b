"""One worker for the four main programs of this chapter, for a terminal of its own.

Start `signal_example.py --no-worker` (or `query_example.py`, `update_example.py`,
`combined_example.py`) in the other terminal. With `--probe` it proves that it can connect and
register, and ends.
"""

import argparse
from pathlib import Path

from combined_example import OrderWorkflow, charge_card
from query_example import ImportWorkflow, import_row
from running import Options, connect, run, verified, working
from signal_example import RequestWorkflow, notify
from update_example import CartWorkflow, price_of


async def main() -> None:
    """Work until somebody says stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task-queue", default=Path(__file__).parent.name)
    parser.add_argument("--probe", action="store_true", help="connect, register, and end")
    words = parser.parse_args()
    options = Options(task_queue=words.task_queue, with_worker=True, only_worker=not words.probe)
    client = await connect()
    async with working(
        client,
        options,
        workflows=[RequestWorkflow, ImportWorkflow, CartWorkflow, OrderWorkflow],
        activities=[notify, import_row, price_of, charge_card],
    ):
        verified(f"a worker polled {options.task_queue}")


if __name__ == "__main__":
    run(main)
