"""What was told of Nexus operations without a workflow, held against what is stored of them.

Owns which ends an operation may have, by what its handler does. Must not know how one is called.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType

from indelible.engine.nexus_operation.state import OperationStatus
from simulation.checkers.journal import Contract, Journal, name_of
from simulation.checkers.promises import Promises
from simulation.workloads.program import decode_operation

Accuse = Callable[[str, str], None]
_S = OperationStatus
_E = EventType
_BY_OTHERS: Final = frozenset({_S.TERMINATED, _S.TIMED_OUT})
"""How any operation may end, whatever its handler does."""
_BY_HANDLER: Final[Mapping[str, frozenset[OperationStatus]]] = {
    "at_once": frozenset({_S.SUCCEEDED}),
    "refused": frozenset({_S.FAILED}),
    "mute": frozenset(),
    "by_workflow": frozenset({_S.SUCCEEDED, _S.FAILED, _S.CANCELED}),
}
_WORKFLOW_ENDS: Final[Mapping[OperationStatus, frozenset[int]]] = {
    _S.SUCCEEDED: frozenset({_E.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED}),
    _S.CANCELED: frozenset({_E.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED}),
    _S.FAILED: frozenset(
        {
            _E.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
            _E.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
            _E.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT,
        }
    ),
}


def check_contracts(promises: Promises, journal: Journal, accuse: Accuse) -> None:
    """An operation ends as its handler says, and everybody is told the same."""
    contracts: dict[str, Contract] = {
        contract.key.run_id: contract for contract in journal.operations.values()
    }
    for contract in contracts.values():
        for fault in _faults(contract, journal):
            accuse("operations end as they should", f"{name_of(contract.key)}: {fault}")
    told: dict[str, bytes] = {}
    for answer in promises.operations:
        if told.setdefault(answer.run_id, answer.digest) != answer.digest:
            accuse("an outcome is told once", f"{answer.run_id}: {answer}")
        contract = contracts.get(answer.run_id)
        if contract is None:
            accuse("an outcome is true", f"there is no operation {answer.run_id}")
            continue
        status = contract.state.core.status
        if (answer.failure is None) != (status is _S.SUCCEEDED):
            accuse("an outcome is true", f"{name_of(contract.key)}: {status}, told {answer}")


def _faults(contract: Contract, journal: Journal) -> Iterator[str]:
    state = contract.state
    status = state.core.status
    behavior = decode_operation(Payload.FromString(state.request.input)).behavior
    if status in _BY_OTHERS:
        return
    if status not in _BY_HANDLER[behavior]:
        yield f"{status.name}, and its handler is {behavior}"
    elif behavior == "at_once":
        result = state.outcome.result if state.outcome is not None else None
        if result is None or Payload.FromString(result).data != b"1":
            yield f"its result is {result!r}"
    elif behavior == "by_workflow":
        workflow_id = f"n.{state.core.request_id}"
        closings = {run.events[-1].event_type for run in journal.of_workflow(workflow_id)}
        if not closings & _WORKFLOW_ENDS[status]:
            yield f"{status.name}, and {workflow_id} ended with {closings}"
