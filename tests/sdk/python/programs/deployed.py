"""A workflow that stays on the version of its worker."""

from temporalio import workflow
from temporalio.common import VersioningBehavior


@workflow.defn(versioning_behavior=VersioningBehavior.PINNED)
class Deployed:
    @workflow.run
    async def run(self) -> str:
        return "done"
