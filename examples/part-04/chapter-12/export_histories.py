"""Find runs by a query and keep their histories as files, which the replay tests read."""

import os
import tempfile
from pathlib import Path

from running import Options, check, connect, new_id, parse_options, run, until, verified, working
from temporalio.client import Client, WorkflowHandle, WorkflowHistory
from temporalio.worker import Replayer
from trial import Customer, TrialWorkflow, charge, remind

# How long a day is for each kind of trial: so long that who acts within it is never too late.
DAYS_SECONDS = {"early": 86_400.0, "late": 2.0, "paid": 0.1}


async def export(client: Client, query: str, folder: Path) -> list[Path]:
    """Write the history of each run that the query finds; return the files."""
    paths: list[Path] = []
    async for one in client.list_workflows(query):
        history = await client.get_workflow_handle(one.id, run_id=one.run_id).fetch_history()
        path = folder / f"{one.id}.json"
        path.write_text(history.to_json() + "\n", encoding="utf-8")
        paths.append(path)
    return sorted(paths)


async def three_trials(client: Client, options: Options) -> list[str]:
    """One that pays, one that is given up early, one that is given up late; return their ids."""

    async def trial(kind: str) -> WorkflowHandle[TrialWorkflow, str]:
        return await client.start_workflow(
            TrialWorkflow.run,
            Customer("ada", day_seconds=DAYS_SECONDS[kind]),
            id=new_id(f"trial-{kind}"),
            task_queue=options.task_queue,
        )

    trials = {kind: await trial(kind) for kind in DAYS_SECONDS}

    async def is_reminded() -> bool:
        return await trials["late"].query(TrialWorkflow.current_status) == "reminded"

    await trials["early"].signal(TrialWorkflow.give_up)
    await until(is_reminded)
    await trials["late"].signal(TrialWorkflow.give_up)
    outcomes = [await one.result() for one in trials.values()]
    check(outcomes == ["given up", "given up", "ada-990-1"], "each trial went its way")
    return [one.id for one in trials.values()]


async def main() -> None:
    """Make three runs, find them, write them down, replay what was written."""
    options = parse_options()
    client = await connect()
    async with working(client, options, workflows=[TrialWorkflow], activities=[remind, charge]):
        ids = await three_trials(client, options)
        names = ", ".join(f"'{one}'" for one in ids)
        query = (
            "WorkflowType = 'TrialWorkflow' AND ExecutionStatus = 'Completed'"
            f" AND WorkflowId IN ({names})"
        )

        async def all_are_found() -> bool:
            return (await client.count_workflows(query)).count == len(ids)

        await until(all_are_found)
    with tempfile.TemporaryDirectory() as spare:
        folder = Path(os.environ.get("HISTORIES", spare))
        paths = await export(client, query, folder)
        replayer = Replayer(workflows=[TrialWorkflow])
        for path in paths:
            history = WorkflowHistory.from_json(path.stem, path.read_text(encoding="utf-8"))
            await replayer.replay_workflow(history)
            print(f"  {path.name}: {len(history.events)} events, replays")
    check([path.stem for path in paths] == sorted(ids), "a file for each run")
    verified("three histories found by a query, written, read and replayed")


if __name__ == "__main__":
    run(main)
