"""One upgrade per host at a time: the child's workflow id is the lock."""

from temporalio import workflow
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.workflow import ChildWorkflowHandle

with workflow.unsafe.imports_passed_through():
    from running import check, connect, new_id, parse_options, run, until, verified, working


@workflow.defn
class HostUpgrade:
    """Upgrades one host; it is over when the host has come back."""

    def __init__(self) -> None:
        """The host is still up with the old version."""
        self.is_back = False

    @workflow.signal
    def back(self) -> None:
        """The host reports after its restart."""
        self.is_back = True

    @workflow.run
    async def run(self, host: str) -> str:
        """Return what happened."""
        await workflow.wait_condition(lambda: self.is_back)
        return f"{host}: upgraded"


@workflow.defn
class FleetUpgrade:
    """Upgrades many hosts, none of them twice at once."""

    def __init__(self) -> None:
        """Nothing started yet."""
        self.started: list[str] = []

    @workflow.query
    def hosts_started(self) -> list[str]:
        """The hosts whose upgrade belongs to this fleet."""
        return self.started

    @workflow.run
    async def run(self, hosts: list[str]) -> list[str]:
        """Return one line per host."""
        lines: list[str] = []
        upgrades: list[ChildWorkflowHandle[HostUpgrade, str]] = []
        for host in hosts:
            try:
                upgrade = await workflow.start_child_workflow(
                    HostUpgrade.run, host, id=f"upgrade-{host}"
                )
            except WorkflowAlreadyStartedError:
                lines.append(f"{host}: somebody else is at it")
            else:
                upgrades.append(upgrade)
                self.started.append(host)
        return [*lines, *[await upgrade for upgrade in upgrades]]


async def main() -> None:
    """Two fleets share a host."""
    options = parse_options()
    client = await connect()
    hosts = [new_id("host") for _ in range(3)]
    async with working(client, options, workflows=[FleetUpgrade, HostUpgrade]):
        first = await client.start_workflow(
            FleetUpgrade.run, hosts[:2], id=new_id("fleet"), task_queue=options.task_queue
        )

        async def first_has_started() -> bool:
            return await first.query(FleetUpgrade.hosts_started) == hosts[:2]

        await until(first_has_started)
        second = await client.start_workflow(
            FleetUpgrade.run, hosts[1:], id=new_id("fleet"), task_queue=options.task_queue
        )

        async def second_has_started() -> bool:
            return await second.query(FleetUpgrade.hosts_started) == hosts[2:]

        await until(second_has_started)
        try:
            await client.start_workflow(
                HostUpgrade.run,
                hosts[0],
                id=f"upgrade-{hosts[0]}",
                task_queue=options.task_queue,
            )
        except WorkflowAlreadyStartedError as error:
            print(f"client: {error} ({error.workflow_id})")
            refused = error.workflow_id
        else:
            refused = ""
        for host in hosts:
            await client.get_workflow_handle(f"upgrade-{host}").signal(HostUpgrade.back)
        lines = [*await first.result(), *await second.result()]
        print("\n".join(f"  {line}" for line in lines))
        check(refused == f"upgrade-{hosts[0]}", "a client cannot start a second upgrade, either")
        check(
            lines
            == [
                f"{hosts[0]}: upgraded",
                f"{hosts[1]}: upgraded",
                f"{hosts[1]}: somebody else is at it",
                f"{hosts[2]}: upgraded",
            ],
            "each host was upgraded once",
        )
        again = await client.start_workflow(
            HostUpgrade.run,
            hosts[0],
            id=f"upgrade-{hosts[0]}",
            task_queue=options.task_queue,
            start_signal="back",
        )
        check(await again.result() == lines[0], "the id is free again after the upgrade")
    verified("a workflow id admits one upgrade per host at a time")


if __name__ == "__main__":
    run(main)
