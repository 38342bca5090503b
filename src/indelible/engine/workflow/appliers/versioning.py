"""How the versions of the workers change the state of a run, and what of it can be searched for."""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec.structs import replace
from temporalio.api.common.v1 import Payload, WorkerVersionStamp
from temporalio.api.enums.v1 import VersioningBehavior
from temporalio.api.history.v1 import HistoryEvent

from indelible.base.versions import Version, version_of_message, version_text
from indelible.engine.workflow.deltas import VersionTransitionStarted
from indelible.engine.workflow.state import FIELDS_KEY, FieldsRecord, MutableState
from indelible.engine.workflow.versioning import (
    AUTO_UPGRADE,
    PINNED,
    UNVERSIONED,
    VersioningRecord,
    is_one_time,
    override_version,
    parse_override,
)

_decoder: Final = msgspec.json.Decoder(list[str])
_UNVERSIONED_ENTRY: Final = "unversioned"
_PINNED_PREFIX: Final = "pinned:"
_ASSIGNED_PREFIX: Final = "assigned:"
_VERSIONED_PREFIX: Final = "versioned:"
_BEHAVIOR_NAMES: Final = {UNVERSIONED: "", PINNED: "Pinned", AUTO_UPGRADE: "AutoUpgrade"}
_BUILD_IDS: Final = "BuildIds"
_DEPLOYMENT: Final = "TemporalWorkerDeployment"
_VERSION: Final = "TemporalWorkerDeploymentVersion"
_BEHAVIOR: Final = "TemporalWorkflowVersioningBehavior"
_USED_VERSIONS: Final = "TemporalUsedWorkerDeploymentVersions"


def apply_started(state: MutableState, event: HistoryEvent) -> None:
    """The run takes its version from an override, its parent or the run before."""
    given = event.workflow_execution_started_event_attributes
    override = b""
    if given.HasField("versioning_override"):
        override = given.versioning_override.SerializeToString()
    if given.inherited_build_id:
        build_id = given.inherited_build_id
        state.execution = replace(
            state.execution, assigned_build_id=build_id, inherited_build_id=build_id
        )
        _index(state)
    versioning: VersioningRecord | None = None
    if given.HasField("inherited_auto_upgrade_info"):
        inherited = given.inherited_auto_upgrade_info
        versioning = VersioningRecord(
            behavior=AUTO_UPGRADE,
            version=version_of_message(inherited.source_deployment_version),
            revision=inherited.source_deployment_revision_number,
            initial_behavior=inherited.continue_as_new_initial_versioning_behavior,
        )
    if given.HasField("inherited_pinned_version"):
        version = version_of_message(given.inherited_pinned_version)
        versioning = VersioningRecord(behavior=PINNED, version=version)
    if versioning is None and not override:
        return
    state.execution = replace(state.execution, versioning=versioning, versioning_override=override)
    _index(state)


def apply_task_completed(state: MutableState, event: HistoryEvent) -> None:
    """The worker said which version it is, and how the run is to go on."""
    given = event.workflow_task_completed_event_attributes
    stamp = given.worker_version.SerializeToString()
    if stamp != state.execution.worker_stamp:
        state.execution = replace(state.execution, worker_stamp=stamp)
    version = version_of_message(given.deployment_version)
    before = state.execution.versioning
    if before is None and not given.versioning_behavior:
        if given.worker_version.use_versioning:
            build_id = given.worker_version.build_id
            state.execution = replace(state.execution, assigned_build_id=build_id)
        if given.worker_version.build_id:
            _index(state, stamp=given.worker_version)
        return
    before = before or VersioningRecord()
    is_arrived = before.is_in_transition and before.transition_version == version
    is_versioned = given.versioning_behavior != UNVERSIONED
    versioning = replace(
        before,
        behavior=given.versioning_behavior,
        version=version if is_versioned else None,
        is_in_transition=before.is_in_transition and not is_arrived,
        transition_version=None if is_arrived else before.transition_version,
    )
    override = state.execution.versioning_override
    if is_one_time(override) and override_version(parse_override(override)) == version:
        override = b""
    state.execution = replace(state.execution, versioning=versioning, versioning_override=override)
    _index(state, stamp=given.worker_version, used=version)


def apply_options_updated(state: MutableState, event: HistoryEvent) -> None:
    """An override was set or unset: it can be searched for. It ends a transition."""
    versioning = state.execution.versioning
    if versioning is not None and versioning.is_in_transition:
        versioning = replace(versioning, is_in_transition=False, transition_version=None)
        state.execution = replace(state.execution, versioning=versioning)
    is_unset = event.workflow_execution_options_updated_event_attributes.unset_versioning_override
    if versioning is not None or state.execution.versioning_override or is_unset:
        _index(state)


def apply_transition_started(state: MutableState, delta: VersionTransitionStarted) -> None:
    """The run is on its way to another version."""
    state.execution = replace(
        state.execution,
        versioning=replace(
            state.execution.versioning or VersioningRecord(),
            is_in_transition=True,
            transition_version=delta.version,
            revision=delta.revision,
        ),
    )


def _index(
    state: MutableState, *, stamp: WorkerVersionStamp | None = None, used: Version | None = None
) -> None:
    """Bring the search attributes up to date; nothing is touched if they are."""
    behavior, version = _shown(state)
    fields = dict(state.search_attributes)
    assigned = state.execution.assigned_build_id
    if assigned and behavior == UNVERSIONED:
        _put_list(fields, _BUILD_IDS, _assigned_build_ids(fields, assigned))
    else:
        _put_list(fields, _BUILD_IDS, _build_ids(fields, behavior, version, stamp))
    if behavior or version is not None or not fields.keys().isdisjoint((_VERSION, _BEHAVIOR)):
        _put(fields, _DEPLOYMENT, "" if version is None else version.deployment_name)
        _put(fields, _VERSION, "" if version is None else version_text(version))
        _put(fields, _BEHAVIOR, _BEHAVIOR_NAMES[VersioningBehavior.ValueType(behavior)])
    if used is not None:
        used_before = _list(fields, _USED_VERSIONS)
        if version_text(used) not in used_before:
            _put_list(fields, _USED_VERSIONS, [*used_before, version_text(used)])
    if fields != state.search_attributes:
        state.search_attributes_table.put(FIELDS_KEY, FieldsRecord(fields=fields))


def _shown(state: MutableState) -> tuple[int, Version | None]:
    """Behavior and version of a run, without regard to a transition: it may come to nothing."""
    versioning = state.execution.versioning or VersioningRecord()
    if not state.execution.versioning_override:
        return versioning.behavior, versioning.version
    demanded = override_version(parse_override(state.execution.versioning_override))
    if demanded is None:
        return AUTO_UPGRADE, versioning.version
    return PINNED, demanded


def _assigned_build_ids(fields: dict[str, bytes], build_id: str) -> list[str]:
    """The build id that a rule has assigned, and all that the run has had."""
    used = f"{_VERSIONED_PREFIX}{build_id}"
    before = [one for one in _list(fields, _BUILD_IDS) if one.startswith(_VERSIONED_PREFIX)]
    return [f"{_ASSIGNED_PREFIX}{build_id}", *before, *(() if used in before else (used,))]


def _build_ids(
    fields: dict[str, bytes],
    behavior: int,
    version: Version | None,
    stamp: WorkerVersionStamp | None,
) -> list[str]:
    entries: list[str] = []
    if behavior == UNVERSIONED:
        entries.append(_UNVERSIONED_ENTRY)
    elif behavior == PINNED and version is not None:
        entries.append(_PINNED_PREFIX + version_text(version))
    entries += [
        entry
        for entry in _list(fields, _BUILD_IDS)
        if entry != _UNVERSIONED_ENTRY and not entry.startswith(_PINNED_PREFIX)
    ]
    if stamp is not None and stamp.build_id:
        own = f"{'versioned' if stamp.use_versioning else _UNVERSIONED_ENTRY}:{stamp.build_id}"
        if own not in entries:
            entries.append(own)
    return entries


def _list(fields: dict[str, bytes], name: str) -> list[str]:
    if name not in fields:
        return []
    return _decoder.decode(Payload.FromString(fields[name]).data or b"[]")


def _put_list(fields: dict[str, bytes], name: str, entries: Sequence[str]) -> None:
    if entries:
        fields[name] = _payload("KeywordList", msgspec.json.encode(entries))
    else:
        fields.pop(name, None)


def _put(fields: dict[str, bytes], name: str, text: str) -> None:
    if text:
        fields[name] = _payload("Keyword", msgspec.json.encode(text))
    else:
        fields.pop(name, None)


def _payload(type_name: str, content: bytes) -> bytes:
    metadata = {"encoding": b"json/plain", "type": type_name.encode()}
    return Payload(metadata=metadata, data=content).SerializeToString(deterministic=True)
