"""The worker of the project in `src`, for a terminal of its own; stop it with Ctrl-C.

Start `run_workflow.py --no-worker` in the other terminal. With `--probe` it proves that it can
connect and register, and ends.
"""

import argparse
from pathlib import Path

from running import Options, connect, run, verified, working
from src.workers.order import ACTIVITIES, WORKFLOWS


async def main() -> None:
    """Work until somebody says stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task-queue", default=Path(__file__).parent.name)
    parser.add_argument("--probe", action="store_true", help="connect, register, and end")
    words = parser.parse_args()
    options = Options(task_queue=words.task_queue, with_worker=True, only_worker=not words.probe)
    client = await connect()
    async with working(client, options, workflows=WORKFLOWS, activities=ACTIVITIES):
        verified(f"a worker polled {options.task_queue}")


if __name__ == "__main__":
    run(main)
