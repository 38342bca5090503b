"""What the reference says otherwise: on purpose, or because something is not built yet.

Owns the lists; the page in `docs/` shows them. An entry that a whole run did not need is an error,
so that the lists stay as short as they can be.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from scripts.cli_check.differing import Difference


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliberate:
    """A kind of difference that is meant."""

    commands: str
    """Pattern: what the command begins with."""
    path: str
    """Pattern: the whole path of the difference."""
    reason: str
    is_by_chance: bool = False
    """Whether a run may do without it: the reference is sometimes faster than the check."""

    def covers(self, command: str, difference: Difference) -> bool:
        """Say whether a difference of this command is of this kind."""
        return bool(re.match(self.commands, command) and re.fullmatch(self.path, difference.path))


def _meant(commands: str, path: str, reason: str, *, is_by_chance: bool = False) -> Deliberate:
    return Deliberate(commands=commands, path=path, reason=reason, is_by_chance=is_by_chance)


_EVENTS: Final = "workflow (show|result|describe|execute)"
_DESCRIBED: Final = "workflow describe"
_AN_ENTITY: Final = (
    "Schedules and versions of workers are entities of their own here, not workflows of the system:"
    " what is missing is named as what it is."
)
_CHECKED_AT_ONCE: Final = (
    "A query that is wrong is refused at once, in every request; the reference starts a job that"
    " fails later, or takes no notice."
)
_EMPTY: Final = "A stored run does not tell nothing from an empty message or a span of zero."

DELIBERATE: Final[tuple[Deliberate, ...]] = (
    _meant(
        _EVENTS,
        r".*/taskId",
        "Events carry no task id, which counts the steps of a shard for the replication of it.",
    ),
    _meant(
        _DESCRIBED,
        "/workflowExtendedInfo/runExpirationTime",
        "A run without a timeout has no time of expiration; the reference tells the year 1.",
    ),
    _meant(_DESCRIBED, "/workflowExecutionInfo/priority", _EMPTY),
    _meant("workflow show", r"/events/.*/(priority|workflowExecutionTimeout)", _EMPTY),
    _meant(_DESCRIBED, "/executionConfig/workflow(Execution|Run)Timeout", _EMPTY),
    _meant("activity describe", "/info/(header|startDelay)", _EMPTY),
    _meant(_DESCRIBED, "/workflowExecutionInfo/versioningInfo", _EMPTY),
    _meant(
        "workflow reset .*--event-id 5",
        "error",
        "A reset to an event that is no boundary is refused with the events that are.",
    ),
    _meant(
        _DESCRIBED,
        r"/workflowExtendedInfo/requestIdInfos/<id>:\d+(:0)?",
        "The request id of a child's start ends with the event that began it; the reference adds"
        " the version of a failover.",
    ),
    _meant("schedule .*(-s missing|delete -s)", "error", _AN_ENTITY),
    _meant("worker deployment update-version-metadata", "error", _AN_ENTITY),
    _meant("workflow signal -q 'Nothing", "exit|error|/", _CHECKED_AT_ONCE),
    _meant("worker (list|count) -q 'Nothing", "exit|error|/", _CHECKED_AT_ONCE),
    _meant(
        "workflow count .*GROUP BY CliWord",
        "exit|error|/",
        "Lists are counted by any keyword; the reference knows ExecutionStatus alone.",
    ),
    _meant(
        _DESCRIBED,
        "/closeEvent/workflowExecutionTerminatedEventAttributes/identity",
        "A batch operation acts under the name of who began it, not of a worker of the system.",
    ),
    _meant(
        "operator namespace (describe|list)",
        r"(/\*)?/replicationConfig/state|(/\*)?/namespaceInfo/ownerEmail|/\*",
        "The namespaces that exist from the start are in the normal state of replication like all"
        " others, and nobody has to be written to.",
    ),
    _meant(
        "operator cluster (describe|list)",
        r".*/historyShardCount|/\*",
        "A data file has four shards unless told otherwise; the reference's dev server has one.",
    ),
    _meant(
        "task-queue list-partition",
        ".*",
        "A task queue is one ordered queue and has one partition.",
    ),
    _meant(
        "(activity|nexus operation) list",
        r"/\*/searchAttributes/indexedFields",
        "Rows carry what users have set; the reference shows its inner division of the namespace.",
    ),
    _meant(
        "(activity|nexus operation) list",
        r"/\*/stateSizeBytes",
        "Rows of standalone activities and operations tell their size as well.",
    ),
    _meant(
        "operator nexus endpoint (get|list)",
        r"(/\*)?/createdTime",
        "An endpoint tells when it was made, also before its first change.",
    ),
    _meant(
        "nexus operation describe",
        "/cancellationInfo/requestedTime",
        "A cancellation tells when it was asked for.",
    ),
    _meant(
        "activity describe",
        "/longPollToken",
        "A closed activity has no token: there is nothing left to wait for.",
    ),
    _meant(
        "schedule describe",
        "/schedule/policies/catchupWindow",
        "A catch-up window that nobody set is not told, since SDKs compare what they read with what"
        " they wrote.",
    ),
    _meant(
        "(workflow|activity|schedule|nexus operation) list -q",
        "error",
        "The reference reads queries in two ways, which refuse in different words; ours are of"
        " the stricter one.",
    ),
    _meant(
        "schedule (describe|list)",
        r"(/\*)?/info/recentActions/\*/startWorkflowStatus",
        "A recent action tells how its workflow ended, also if nothing else depends on it.",
    ),
    _meant(
        "batch describe --job-id \\$slow",
        "/(total|complete)OperationCount",
        "A batch operation that was ended tells how far it had come.",
    ),
    _meant(
        "batch (terminate|describe) --job-id \\$slow|batch list",
        r"exit|error|(/\*)?/state",
        "A batch operation keeps to the rate that it was given; the reference takes no notice of it"
        " and may be done before anybody can stop it.",
        is_by_chance=True,
    ),
    _meant(
        "activity complete -a sa-6",
        "error",
        "What has ended is not found, as an activity of a workflow; the reference says that"
        " its state does not allow it.",
    ),
    _meant(
        "operator namespace",
        r"(/\*)?/namespaceInfo/limits/workflowTaskCompletionSizeLimitError",
        "The completion of a workflow task comes in one message, and the limit is a message's; the"
        " reference tells how much it would take in pages, which it does not take.",
    ),
    _meant(
        "task-queue describe .*--legacy-mode",
        r"/taskQueues/\*/.*",
        "Tasks are rows of a queue: there are no blocks of ids and no levels of reading.",
    ),
    _meant(
        "task-queue describe .*--legacy-mode",
        "/versioning_info/update_time",
        "A routing that never changed has no time of a change; the reference tells the year 1.",
    ),
    _meant(
        "task-queue get-build-id-reachability",
        r"/\*/reachability",
        "What is no default any more is not reached by new workflows from that moment on; the"
        " reference says so for five minutes more, in which its servers hear of the change.",
    ),
)

NOT_BUILT: Final[tuple[Deliberate, ...]] = (
    _meant(
        "worker deployment (create-version .*--aws|update-version-comp)|operator cluster system",
        "error|/capabilities/serverScaledDeployments",
        "This server does not run workers, so versions have no compute configuration.",
    ),
    _meant(
        "workflow describe -w r-3",
        "/workflowExecutionInfo/versioningInfo/versioningOverride/behavior",
        "An override that comes with a reset does not fill in the deprecated field for its kind.",
    ),
    _meant(
        "operator cluster (upsert|remove)",
        "error",
        "There is one cluster: no other can be connected.",
    ),
)


def unmeant(
    command: str, found: Iterable[Difference], used: set[Deliberate]
) -> Iterator[Difference]:
    """Yield the differences that nobody meant; note in `used` what covers the others."""
    for difference in found:
        covering = [one for one in (*DELIBERATE, *NOT_BUILT) if one.covers(command, difference)]
        used.update(covering)
        if not covering:
            yield difference
