"""Which shard owns a workflow: a hash of its id, and nothing that anybody has to remember."""

from collections import Counter
from hashlib import blake2b

from running import check, connect, run, verified
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, GetClusterInfoRequest

WORKFLOW_COUNT = 20_000
DEVIATIONS_MAX = 6


def shard_of(namespace_id: str, workflow_id: str, shard_count: int) -> int:
    """Return the shard of a workflow, as Indelible computes it."""
    name = f"{namespace_id}\x00{workflow_id}".encode()
    return int.from_bytes(blake2b(name, digest_size=8).digest(), "big") % shard_count


async def main() -> None:
    """Ask for the number of shards, place many ids, and look at the spread."""
    client = await connect()
    cluster = await client.workflow_service.get_cluster_info(GetClusterInfoRequest())
    namespace = await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace=client.namespace)
    )
    # Ids that people use: they differ in their last characters only.
    ids = [f"order-{number:06}" for number in range(WORKFLOW_COUNT)]
    for shard_count in sorted({cluster.history_shard_count, 16, 512}):
        homes = [shard_of(namespace.namespace_info.id, one, shard_count) for one in ids]
        again = [shard_of(namespace.namespace_info.id, one, shard_count) for one in ids]
        check(homes == again, "the same id has the same shard")
        sizes = Counter(homes)
        mean = WORKFLOW_COUNT / shard_count
        # What dice would do: the share of a shard has a binomial distribution.
        allowed = DEVIATIONS_MAX * (mean * (1 - 1 / shard_count)) ** 0.5
        worst = max(abs(sizes[shard] - mean) for shard in range(shard_count))
        here = " (this server)" if shard_count == cluster.history_shard_count else ""
        print(f"{shard_count:>4} shards: {mean:8.1f} workflows each, at most {worst:.1f} off{here}")
        check(worst <= allowed, "the spread is that of chance")
    first = {shard_of(namespace_id, ids[0], 512) for namespace_id in ("a", "b", "c", "d", "e")}
    check(len(first) > 1, "the same id in another namespace lies elsewhere")
    verified("the same id, the same shard; many ids, an even spread")


if __name__ == "__main__":
    run(main)
