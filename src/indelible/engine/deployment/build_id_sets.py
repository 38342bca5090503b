"""Sets of compatible build ids of a task queue: the first generation of worker versioning.

Owns the stored form, the five operations and what they refuse, in the reference's words. The last
set is the default of the queue, the last build id of a set is the default of the set. Must not
know how work is routed by it.
"""

from typing import Final

import msgspec
from temporalio.api.taskqueue.v1 import CompatibleVersionSet
from temporalio.api.workflowservice.v1 import UpdateWorkerBuildIdCompatibilityRequest

from indelible.base.errors import FailedPreconditionError, InvalidArgumentError, NotFoundError

SETS_MAX: Final = 10
BUILD_IDS_MAX: Final = 100
QUEUES_PER_BUILD_ID_MAX: Final = 20

Sets = tuple[tuple[str, ...], ...]
Request = UpdateWorkerBuildIdCompatibilityRequest

_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Sets)


def encode_sets(sets: Sets) -> bytes:
    """Return the stored form."""
    return _encoder.encode(sets)


def decode_sets(record: bytes) -> Sets:
    """Return the sets of a stored record."""
    return _decoder.decode(record)


def set_messages(sets: Sets, sets_max: int) -> list[CompatibleVersionSet]:
    """Return the sets as clients see them; of more than `sets_max` (0: all) the newest."""
    shown = sets[-sets_max:] if sets_max > 0 else sets
    return [CompatibleVersionSet(build_ids=build_ids) for build_ids in shown]


def update_sets(sets: Sets, request: Request) -> Sets:
    """Carry out the operation of a request."""
    match request.WhichOneof("operation"):
        case "add_new_build_id_in_new_default_set":
            changed = _add_set(sets, request.add_new_build_id_in_new_default_set)
        case "add_new_compatible_build_id":
            changed = _add_compatible(sets, request.add_new_compatible_build_id)
        case "promote_set_by_build_id":
            place = _place(sets, request.promote_set_by_build_id)
            changed = (*_without(sets, place), sets[place])
        case "promote_build_id_within_set":
            changed = _promote_within(sets, request.promote_build_id_within_set)
        case "merge_sets":
            changed = _merge(sets, request.merge_sets)
        case _:
            raise InvalidArgumentError(
                "request to update worker build ID compatability requires: , an operation to be "
                "specified"
            )
    _check_bounds(changed)
    return changed


def _check_bounds(sets: Sets) -> None:
    if len(sets) > SETS_MAX:
        raise FailedPreconditionError(
            "update would exceed number of compatible version sets permitted in namespace dynamic "
            f"config ({len(sets)}/{SETS_MAX})"
        )
    count = sum(len(one) for one in sets)
    if count > BUILD_IDS_MAX:
        raise FailedPreconditionError(
            "update would exceed number of build IDs permitted in namespace dynamic config "
            f"({count}/{BUILD_IDS_MAX})"
        )


def _find(sets: Sets, build_id: str) -> int | None:
    return next((place for place, one in enumerate(sets) if build_id in one), None)


def _place(sets: Sets, build_id: str, what: str = "version") -> int:
    place = _find(sets, build_id)
    if place is None:
        raise NotFoundError(f"targeted {what} {build_id} not found")
    return place


def _without(sets: Sets, place: int) -> Sets:
    return sets[:place] + sets[place + 1 :]


def _add_set(sets: Sets, build_id: str) -> Sets:
    if sets and sets[-1] == (build_id,):
        return sets  # The same request again.
    if _find(sets, build_id) is not None:
        raise InvalidArgumentError(f"version {build_id} already exists")
    return (*sets, (build_id,))


def _add_compatible(sets: Sets, given: Request.AddNewCompatibleVersion) -> Sets:
    build_id, existing = given.new_build_id, given.existing_compatible_build_id
    place = _find(sets, existing)
    if place is None:
        raise NotFoundError(f"targeted compatible_version {existing} not found")
    found = _find(sets, build_id)
    if found is not None and found != place:
        raise InvalidArgumentError(
            f"{build_id} requested to be made compatible with {existing} but both versions exist "
            "and are incompatible"
        )
    if found is not None:
        if given.make_set_default and place != len(sets) - 1:
            raise InvalidArgumentError(
                f"version {build_id} already exists and is not default for queue"
            )
        if sets[place][-1] != build_id:
            raise InvalidArgumentError(
                f"version {build_id} already exists and is not default in set"
            )
        return sets
    grown = (*sets[place], build_id)
    if given.make_set_default:
        return (*_without(sets, place), grown)
    return (*sets[:place], grown, *sets[place + 1 :])


def _promote_within(sets: Sets, build_id: str) -> Sets:
    place = _place(sets, build_id)
    others = tuple(one for one in sets[place] if one != build_id)
    return (*sets[:place], (*others, build_id), *sets[place + 1 :])


def _merge(sets: Sets, given: Request.MergeSets) -> Sets:
    """Put the secondary set before the primary one, whose default goes on being the default."""
    primary = _place(sets, given.primary_set_build_id, "primary version")
    secondary = _place(sets, given.secondary_set_build_id, "secondary version")
    if primary == secondary:
        return sets
    kept = tuple(one for one in sets[primary] if one != given.primary_set_build_id)
    merged = (*sets[secondary], *kept, given.primary_set_build_id)
    is_default = len(sets) - 1 in (primary, secondary)
    rest = [one for place, one in enumerate(sets) if place not in (primary, secondary)]
    at = len(rest) if is_default else primary - (secondary < primary)
    return (*rest[:at], merged, *rest[at:])
