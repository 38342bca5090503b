"""The worker of this chapter's two sagas, for a terminal of its own; stop it with Ctrl-C.

Other programs start `OrderSaga`, or `CheckpointedMigration`, on its queue:
`temporal workflow execute --type CheckpointedMigration --task-queue chapter-08`. With `--probe` it
proves that it can connect and register, and ends.
"""

import argparse
from pathlib import Path

import saga_partial
import saga_workflow
from running import Options, connect, run, verified, working


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
        workflows=[saga_workflow.OrderSaga, saga_partial.CheckpointedMigration],
        activities=[
            *saga_workflow.ACTIVITIES,
            saga_partial.do,
            saga_partial.refuse,
            saga_partial.undo,
            saga_partial.undo_at_the_third_attempt,
        ],
    ):
        verified(f"a worker polled {options.task_queue}")


if __name__ == "__main__":
    run(main)
