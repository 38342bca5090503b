"""The table of RPCs agrees with the protocol and with the handlers."""

import pytest
from google.protobuf.descriptor import Descriptor
from temporalio.api.operatorservice.v1 import request_response_pb2 as operator_messages
from temporalio.api.workflowservice.v1 import request_response_pb2 as workflow_messages

from indelible.services.frontend.rpcs import (
    ANY_STATE,
    LIVING_STATES,
    OPERATOR_SERVICE,
    REGISTERED_ONLY,
    RPCS,
    WORKFLOW_SERVICE,
    Access,
    Naming,
    Rpc,
    Wait,
)
from tests.services.frontend.world import World, rpc_names


def request_of(service: str, rpc: Rpc) -> Descriptor:
    file = workflow_messages if service == WORKFLOW_SERVICE else operator_messages
    found = file.DESCRIPTOR.message_types_by_name[f"{rpc.name}Request"]
    assert isinstance(found, Descriptor)
    return found


@pytest.mark.parametrize(
    ("service", "package"),
    [(WORKFLOW_SERVICE, "workflowservice"), (OPERATOR_SERVICE, "operatorservice")],
)
def test_the_table_lists_every_rpc_once_and_no_other(service: str, package: str) -> None:
    listed = [name for owner, name in RPCS if owner == service]
    assert listed == rpc_names(package)


def test_what_is_built_has_a_handler_and_what_is_not_has_none() -> None:
    built = {key for key, rpc in RPCS.items() if rpc.is_built}
    assert built == set(World().handlers)


def test_a_request_has_the_fields_by_which_it_names_its_namespace() -> None:
    wrong: list[str] = []
    for (service, name), rpc in RPCS.items():
        fields = request_of(service, rpc).fields_by_name
        has_token = "task_token" in fields
        expected = {
            Naming.NONE: "namespace" not in fields,
            Naming.TOKEN: "namespace" in fields and has_token,
            Naming.NAME_OR_ID: "namespace" in fields and "namespace_id" in fields,
        }.get(rpc.namespace, "namespace" in fields and not has_token)
        if not expected:
            wrong.append(name)
    assert wrong == []


def test_polls_always_wait_and_reads_do_not_write() -> None:
    for (_, name), rpc in RPCS.items():
        assert (rpc.wait is Wait.ALWAYS) == name.startswith("Poll"), name
        if name.startswith(("Get", "Describe", "List", "Count", "Scan")):
            is_admin = rpc.access is Access.ADMIN and rpc.namespace is Naming.NONE
            assert rpc.access is Access.READ or is_admin, name


def test_only_a_registered_namespace_takes_new_executions() -> None:
    narrow = {name for (_, name), rpc in RPCS.items() if rpc.states == REGISTERED_ONLY}
    wide = {name for (_, name), rpc in RPCS.items() if rpc.states == ANY_STATE}
    assert narrow == {
        "StartWorkflowExecution",
        "SignalWithStartWorkflowExecution",
        "ExecuteMultiOperation",
    }
    assert wide == {"DeleteNamespace"}
    assert len(LIVING_STATES) == 2
