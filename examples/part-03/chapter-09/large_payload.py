"""Data that is too big for a history: pass a reference, or compress what just does not fit."""

import gzip
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from temporalio import activity, workflow
from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.converter import DataConverter, PayloadCodec
from temporalio.service import RPCError, RPCStatusCode

with workflow.unsafe.imports_passed_through():
    from running import check, connect, failed, new_id, parse_options, run, span, verified, working

MEGABYTE = 1024 * 1024
TOO_BIG = "x" * (3 * MEGABYTE)


@dataclass
class Reference:
    """What travels through the history: where the data lies, and how to know that it is right."""

    path: str
    sha256: str


@activity.defn
async def produce(folder: str, megabytes: int) -> Reference:
    """Write the data where the next activity finds it: a bucket, in earnest.

    The name is the content's hash: a second attempt writes the same file again.
    """
    data = bytes(range(256)) * (megabytes * MEGABYTE // 256)
    digest = hashlib.sha256(data).hexdigest()
    path = Path(folder) / digest
    path.write_bytes(data)
    return Reference(str(path), digest)


@activity.defn
async def measure(reference: Reference) -> int:
    """Read the data and make sure that it is what was written."""
    data = Path(reference.path).read_bytes()
    if hashlib.sha256(data).hexdigest() != reference.sha256:
        raise ValueError("the stored data is not what was written")
    return len(data)


@workflow.defn
class ReferenceWorkflow:
    """Never sees the data."""

    @workflow.run
    async def run(self, folder: str, megabytes: int) -> int:
        """Return the size of what was produced."""
        reference = await workflow.execute_activity(
            produce, args=[folder, megabytes], start_to_close_timeout=span(20)
        )
        return await workflow.execute_activity(measure, reference, start_to_close_timeout=span(20))


@workflow.defn
class LengthWorkflow:
    """Takes its input by value."""

    @workflow.run
    async def run(self, text: str) -> int:
        """Return how long it is."""
        return len(text)


class GzipCodec(PayloadCodec):
    """Compresses whatever is large; server, CLI and web UI see the compressed bytes."""

    ENCODING = b"binary/gzip"

    async def encode(self, payloads: Iterable[Payload]) -> list[Payload]:
        """On the way out."""
        return [self._compressed(payload) for payload in payloads]

    async def decode(self, payloads: Iterable[Payload]) -> list[Payload]:
        """On the way in."""
        return [
            Payload.FromString(gzip.decompress(payload.data))
            if payload.metadata.get("encoding") == self.ENCODING
            else payload
            for payload in payloads
        ]

    def _compressed(self, payload: Payload) -> Payload:
        if payload.ByteSize() < 1_000:
            return payload
        data = gzip.compress(payload.SerializeToString(), mtime=0)
        return Payload(metadata={"encoding": self.ENCODING}, data=data)


def compressing(client: Client) -> Client:
    """The same client with the codec; clients and workers have to agree on it."""
    settings = client.config()
    settings["data_converter"] = replace(DataConverter.default, payload_codec=GzipCodec())
    return Client(**settings)


async def refusal(client: Client, task_queue: str) -> str:
    """What the server says to three megabytes of input."""
    try:
        await client.start_workflow(
            LengthWorkflow.run, TOO_BIG, id=new_id("big"), task_queue=task_queue
        )
    except RPCError as error:
        refused = error
    else:
        failed("three megabytes must not be accepted")
    check(refused.status is RPCStatusCode.INVALID_ARGUMENT, "the client is to blame")
    return refused.message


async def main() -> None:
    """By value: refused. By reference: fine. Compressed: fine, if it compresses."""
    options = parse_options(is_alone=True)
    client = await connect()
    zipping = compressing(client)
    with TemporaryDirectory() as folder:
        async with working(
            client,
            options,
            workflows=[ReferenceWorkflow, LengthWorkflow],
            activities=[produce, measure],
        ):
            reason = await refusal(client, options.task_queue)
            handle = await client.start_workflow(
                ReferenceWorkflow.run,
                args=[folder, 5],
                id=new_id("reference"),
                task_queue=options.task_queue,
            )
            size = await handle.result()
    history = (await handle.fetch_history()).to_json()
    zipped_options = replace(options, task_queue=new_id("zipped"))
    async with working(zipping, zipped_options, workflows=[LengthWorkflow]):
        length = await zipping.execute_workflow(
            LengthWorkflow.run, TOO_BIG, id=new_id("zip"), task_queue=zipped_options.task_queue
        )
    print(f"by value: {reason}")
    print(f"by reference: {size} bytes, a history of {len(history)} characters")
    print(f"compressed: {length} characters")
    check("size exceeds limit" in reason, "the server says that it is the size")
    check(size == 5 * MEGABYTE, "five megabytes went by reference, checksum verified")
    check(len(history) < 20_000, "the history has seen none of them")
    check(length == len(TOO_BIG), "compressed, the same input fits")
    verified("too big by value, fine by reference, fine compressed")


if __name__ == "__main__":
    run(main)
