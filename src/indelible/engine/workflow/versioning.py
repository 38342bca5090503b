"""Under which version of the workers a run goes on.

Owns the record of it, and what an operator's override makes of it. Must not know where tasks lie,
nor which version is the current one.
"""

from temporalio.api.enums.v1 import ContinueAsNewVersioningBehavior, VersioningBehavior
from temporalio.api.workflow.v1 import VersioningOverride

from indelible.base.versions import Version, parse_old_version, version_of_message
from indelible.engine.workflow.records import Record

PINNED = VersioningBehavior.VERSIONING_BEHAVIOR_PINNED
AUTO_UPGRADE = VersioningBehavior.VERSIONING_BEHAVIOR_AUTO_UPGRADE
UNVERSIONED = VersioningBehavior.VERSIONING_BEHAVIOR_UNSPECIFIED
_Initial = ContinueAsNewVersioningBehavior
USE_RAMPING = _Initial.CONTINUE_AS_NEW_VERSIONING_BEHAVIOR_USE_RAMPING_VERSION


class VersioningRecord(Record, frozen=True, kw_only=True):
    """What the last workflow task and the chain of runs say of the version."""

    behavior: int = UNVERSIONED
    """A `VersioningBehavior`."""
    version: Version | None = None
    is_in_transition: bool = False
    """A worker of another version has the workflow task: activities wait until it is done."""
    transition_version: Version | None = None
    revision: int = 0
    """Of the routing that led to the version."""
    initial_behavior: int = 0
    """A `ContinueAsNewVersioningBehavior`: how the first workflow task finds its version."""


class EffectiveVersion(Record, frozen=True, kw_only=True):
    """Where the tasks of a run go, with everything taken into account."""

    behavior: int = UNVERSIONED
    version: Version | None = None
    """None for unversioned workers."""

    @property
    def pinned(self) -> Version | None:
        """The one version that may have the tasks; None if the routing decides."""
        return self.version if self.behavior == PINNED else None


_UNVERSIONED = EffectiveVersion()


def effective_version(record: VersioningRecord | None, override: bytes) -> EffectiveVersion:
    """Return the version of a run. `override` is a serialized `VersioningOverride`, or empty.

    A transition comes before an override, which comes before what the worker said.
    """
    if record is None and not override:
        return _UNVERSIONED
    found = record or VersioningRecord()
    if found.is_in_transition:
        return EffectiveVersion(behavior=AUTO_UPGRADE, version=found.transition_version)
    if not override:
        return EffectiveVersion(
            behavior=found.behavior, version=found.version if found.behavior else None
        )
    given = VersioningOverride.FromString(override)
    version = override_version(given)
    if version is not None:
        return EffectiveVersion(behavior=PINNED, version=version)
    return EffectiveVersion(behavior=AUTO_UPGRADE, version=found.version)


def override_version(override: VersioningOverride) -> Version | None:
    """Return the version that an override demands; None if it leaves it to the routing."""
    if override.HasField("pinned"):
        return version_of_message(override.pinned.version)
    if override.HasField("one_time"):
        return version_of_message(override.one_time.target_deployment_version)
    if override.pinned_version:
        return parse_old_version(override.pinned_version)
    if override.behavior == PINNED and override.deployment.series_name:
        return Version(override.deployment.series_name, override.deployment.build_id)
    return None


def parse_override(override: bytes) -> VersioningOverride:
    """Return the override of its stored form."""
    return VersioningOverride.FromString(override)


def is_one_time(override: bytes) -> bool:
    """Whether an override ends as soon as its version has completed a workflow task."""
    return bool(override) and parse_override(override).HasField("one_time")
