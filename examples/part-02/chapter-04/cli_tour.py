"""Every command of the chapter about a workflow, from its start to its end, and the profiles.

The official `temporal` and our `indelible` take the same words. Each command's exit code is checked
and, since `--output json` is asked for, what it says.
"""

import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from temporalio import workflow
from temporalio.client import Client

with workflow.unsafe.imports_passed_through():
    from command_line import CommandLine, command_line
    from running import (
        check,
        connect,
        new_id,
        parse_options,
        run,
        until,
        working,
    )

TYPE = "ConversationWorkflow"
RUNNING = "WORKFLOW_EXECUTION_STATUS_RUNNING"
PAUSED = "WORKFLOW_EXECUTION_STATUS_PAUSED"
TERMINATED = "WORKFLOW_EXECUTION_STATUS_TERMINATED"
STATUS = "workflowExecutionInfo.status"


@workflow.defn
class ConversationWorkflow:
    """Listens and answers, until somebody says goodbye or it was long enough."""

    def __init__(self) -> None:
        """Nothing was said."""
        self.words: list[str] = []
        self.is_over = False

    @workflow.signal
    def say(self, word: str) -> None:
        """Listen."""
        self.words.append(word)

    @workflow.signal
    def part(self) -> None:
        """Come to an end."""
        self.is_over = True

    @workflow.query
    def said(self) -> str:
        """All words."""
        return " ".join(self.words)

    @workflow.update
    def ask(self, word: str) -> int:
        """Listen, and answer with the number of words."""
        self.words.append(word)
        return len(self.words)

    @workflow.run
    async def run(self, name: str, seconds: float = 600) -> str:
        """Return who has said what."""
        with suppress(TimeoutError):
            await workflow.wait_condition(lambda: self.is_over, timeout=seconds)
        return f"{name}: {' '.join(self.words)}"


async def a_run(cli: CommandLine, queue: str) -> None:
    """Start it, look at it, speak to it, and hear its result."""
    one = new_id("talk")
    start = f"--type {TYPE} --task-queue {queue} --workflow-id {one} --input '\"Ada\"'"
    shown = {"workflowId": one, "type": TYPE, "taskQueue": queue}
    await cli.see(f"workflow start {start}", shown)
    await cli.see(f"workflow start {start} --fail-existing", code=1)
    await cli.see(f"workflow describe --workflow-id {one}", {STATUS: RUNNING})
    await cli.see(f"workflow signal --workflow-id {one} --name say --input '\"good\"'")
    await cli.see(
        f"workflow update execute --workflow-id {one} --name ask --input '\"day\"'", {"result": 2}
    )
    await cli.see(f"workflow query --workflow-id {one} --name said", {"queryResult.0": "good day"})
    definition = {"queryResult.0.definition.updateDefinitions.0.name": "ask"}
    await cli.see(f"workflow metadata --workflow-id {one}", definition)
    stack = await cli.see(f"workflow stack --workflow-id {one}")
    check(f"id: {one}" in stack.at("queryResult.0"), "the stack trace is that of this run")
    await cli.see(f"workflow signal --workflow-id {one} --name part")
    ended = {"status": "COMPLETED", "result": "Ada: good day"}
    await cli.see(f"workflow result --workflow-id {one}", ended)
    history = await cli.see(f"workflow show --workflow-id {one}")
    kinds = [event["eventType"] for event in history.at("events")]
    check(kinds.count("EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED") == 2, "both signals are in it")
    drawn = await cli.see(f"workflow trace --workflow-id {one} --output text")
    check(one in drawn.text, "the trace is drawn")
    again = await cli.see(
        f"workflow reset --workflow-id {one} --type FirstWorkflowTask --reason 'once more'"
    )
    await cli.see(f"workflow result --workflow-id {one} --run-id {again.at('runId')}", ended)
    await cli.see(f"workflow describe --workflow-id {new_id('nobody')}", code=1)


async def endings(cli: CommandLine, queue: str) -> None:
    """Four runs: executed, cancelled, terminated, deleted; and how to find them."""
    begin = f"--type {TYPE} --task-queue {queue} --input '\"Bob\"' --workflow-id"
    executed, cancelled, terminated = (new_id(end) for end in ("executed", "cancelled", "over"))
    await cli.see(f"workflow execute {begin} {executed} --input 0.1", {"result": "Bob: "})
    signal = "--signal-name say --signal-input '\"hello\"'"
    await cli.see(f"workflow signal-with-start {begin} {cancelled} {signal}", {"type": TYPE})
    await cli.see(f"workflow cancel --workflow-id {cancelled}")
    await cli.see(f"workflow result --workflow-id {cancelled}", {"status": "CANCELED"}, code=1)
    update = "--update-name ask --update-input '\"hello\"' --id-conflict-policy UseExisting"
    await cli.see(
        f"workflow execute-update-with-start {begin} {terminated} {update}", {"updateResult": 1}
    )
    await pause(cli, terminated)
    await cli.see(f"workflow terminate --workflow-id {terminated} --reason enough")
    await cli.see(f"workflow describe --workflow-id {terminated}", {STATUS: TERMINATED})
    found = f"--query \"WorkflowId IN ('{cancelled}', '{terminated}')\""

    async def both_are_listed() -> bool:
        listed = (await cli.ask(f"workflow list {found}")).json
        return sorted(row["status"].rpartition("_")[2] for row in listed) == [
            "CANCELED",
            "TERMINATED",
        ]

    await until(both_are_listed)
    await cli.see(f"workflow list {found} --limit 1", {"0.type.name": TYPE, "1": None})
    await cli.see(f"workflow count {found}", {"count": "2"})
    # When it is gone is up to the server: Temporal's 1.32 takes half a minute now and then.
    await cli.see(f"workflow delete --workflow-id {terminated} --yes")
    await cli.see(f"workflow delete --workflow-id {new_id('nobody')} --yes", code=1)


async def pause(cli: CommandLine, workflow_id: str) -> None:
    """A run stands still, and goes on; a server may be set up to refuse that."""
    if await cli.see_where_allowed(f"workflow pause --workflow-id {workflow_id} --reason tea"):
        await cli.see(f"workflow describe --workflow-id {workflow_id}", {STATUS: PAUSED})
        await cli.see(f"workflow unpause --workflow-id {workflow_id}")


async def profiles(cli: CommandLine, client: Client, queue: str) -> None:
    """Two files that save typing: profiles, which SDKs read as well, and presets of options."""
    address, namespace = client.service_client.config.target_host, client.namespace
    found = f"workflow list --query \"TaskQueue = '{queue}'\" --limit 1"
    with tempfile.TemporaryDirectory() as folder:
        by_profile = replace(cli, options=("--config-file", str(Path(folder) / "temporal.toml")))
        await by_profile.see(f"config set --profile shop --prop address --value {address}")
        await by_profile.see(f"config set --profile shop --prop namespace --value {namespace}")
        await by_profile.see("config list", {"0.name": "shop"})
        kept = {"address": address, "namespace": namespace}
        await by_profile.see("config get --profile shop", kept)
        await by_profile.see(f"{found} --profile shop", {"0.type.name": TYPE})
        await by_profile.see("config delete --profile shop --prop namespace")
        await by_profile.see("config get --profile shop", {"namespace": None})
        await by_profile.see("config delete-profile --profile shop")
        await by_profile.see("config get --profile shop", code=1)
        by_preset = replace(cli, options=("--env-file", str(Path(folder) / "temporal.yaml")))
        await by_preset.see(f"env set --env shop --key address --value {address}")
        await by_preset.see(f"env set --env shop --key namespace --value {namespace}")
        await by_preset.see("env list", {"0.name": "shop"})
        await by_preset.see("env get --env shop --key address", {"0.value": address})
        await by_preset.see(f"{found} --env shop", {"0.type.name": TYPE})
        await by_preset.see("env delete --env shop")
        await by_preset.see(f"{found} --env shop", code=1)


async def main() -> None:
    """Take the tour."""
    options = parse_options()
    client = await connect()
    cli = command_line(client)
    async with working(client, options, workflows=[ConversationWorkflow]):
        await a_run(cli, options.task_queue)
        await endings(cli, options.task_queue)
    await profiles(cli, client, options.task_queue)
    cli.conclude()


if __name__ == "__main__":
    run(main)
