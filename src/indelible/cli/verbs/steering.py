"""What is asked of a workflow, or of many at once: cancel, terminate, signal, delete, pause."""

from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.batch.v1 import (
    BatchOperationCancellation,
    BatchOperationDeletion,
    BatchOperationSignal,
    BatchOperationTermination,
    BatchOperationUpdateWorkflowExecutionOptions,
)
from temporalio.api.deployment.v1 import WorkerDeploymentVersion
from temporalio.api.workflow.v1 import VersioningOverride, WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import (
    DeleteWorkflowExecutionRequest,
    PauseWorkflowExecutionRequest,
    RequestCancelWorkflowExecutionRequest,
    SignalWorkflowExecutionRequest,
    TerminateWorkflowExecutionRequest,
    UnpauseWorkflowExecutionRequest,
    UpdateWorkflowExecutionOptionsRequest,
)

from indelible.cli.session import Session
from indelible.cli.values import ValueRefusedError
from indelible.cli.verbs.batches import batch_request, is_single, start_batch
from indelible.cli.verbs.messages import execution
from indelible.cli.verbs.payloads import header, input_payloads

_PINNED = VersioningOverride.PinnedOverrideBehavior.PINNED_OVERRIDE_BEHAVIOR_PINNED
VERSIONING_MASK = FieldMask(paths=["versioning_override"])


async def cancel(session: Session) -> None:
    """Ask workflows to cancel."""
    if is_single(session):
        await session.workflows.request_cancel_workflow_execution(
            RequestCancelWorkflowExecutionRequest(
                namespace=session.namespace,
                workflow_execution=execution(session.options),
                identity=session.identity,
            )
        )
        session.output.say("Cancellation requested")
        return
    request = await batch_request(session)
    request.cancellation_operation.CopyFrom(BatchOperationCancellation(identity=session.identity))
    await start_batch(session, request)


async def terminate(session: Session) -> None:
    """End workflows at once."""
    if is_single(session, allowed=("reason",)):
        await session.workflows.terminate_workflow_execution(
            TerminateWorkflowExecutionRequest(
                namespace=session.namespace,
                workflow_execution=execution(session.options),
                reason=session.reason(),
                identity=session.identity,
            )
        )
        session.output.say("Workflow terminated")
        return
    request = await batch_request(session)
    request.termination_operation.CopyFrom(BatchOperationTermination(identity=session.identity))
    await start_batch(session, request)


async def delete(session: Session) -> None:
    """Delete workflows with their histories."""
    options = session.options
    if is_single(session, allowed=("yes",)):
        run = f", run {options.run_id}" if options.run_id else ""
        session.confirm(f"Delete workflow {options.workflow_id}{run}?")
        await session.workflows.delete_workflow_execution(
            DeleteWorkflowExecutionRequest(
                namespace=session.namespace, workflow_execution=execution(options)
            )
        )
        session.output.say("Workflow deleted")
        return
    request = await batch_request(session)
    request.deletion_operation.CopyFrom(BatchOperationDeletion(identity=session.identity))
    await start_batch(session, request)


async def signal(session: Session) -> None:
    """Send a signal."""
    options = session.options
    arguments = input_payloads(options)
    if is_single(session):
        await session.workflows.signal_workflow_execution(
            SignalWorkflowExecutionRequest(
                namespace=session.namespace,
                workflow_execution=execution(options),
                signal_name=options.name,
                input=arguments,
                identity=session.identity,
                header=header(options.headers) if options.headers else None,
            )
        )
        session.output.say("Signal sent")
        return
    request = await batch_request(session)
    request.signal_operation.CopyFrom(
        BatchOperationSignal(
            signal=options.name,
            input=arguments,
            identity=session.identity,
            header=header(options.headers) if options.headers else None,
        )
    )
    await start_batch(session, request)


async def pause(session: Session) -> None:
    """Pause a workflow."""
    wanted = execution(session.options)
    await session.workflows.pause_workflow_execution(
        PauseWorkflowExecutionRequest(
            namespace=session.namespace,
            workflow_id=wanted.workflow_id,
            run_id=wanted.run_id,
            identity=session.identity,
            reason=session.options.reason or "",
        )
    )
    session.output.say("Workflow paused")


async def unpause(session: Session) -> None:
    """Let a paused workflow go on."""
    wanted = execution(session.options)
    await session.workflows.unpause_workflow_execution(
        UnpauseWorkflowExecutionRequest(
            namespace=session.namespace,
            workflow_id=wanted.workflow_id,
            run_id=wanted.run_id,
            identity=session.identity,
            reason=session.options.reason or "",
        )
    )
    session.output.say("Workflow goes on")


async def update_options(session: Session) -> None:
    """Change the versioning of workflows."""
    changed = WorkflowExecutionOptions(versioning_override=versioning_override(session))
    if is_single(session):
        await session.workflows.update_workflow_execution_options(
            UpdateWorkflowExecutionOptionsRequest(
                namespace=session.namespace,
                workflow_execution=execution(session.options),
                workflow_execution_options=changed,
                update_mask=VERSIONING_MASK,
                identity=session.identity,
            )
        )
        session.output.say("Options changed")
        return
    request = await batch_request(session)
    request.update_workflow_options_operation.CopyFrom(
        BatchOperationUpdateWorkflowExecutionOptions(
            identity=session.identity,
            workflow_execution_options=changed,
            update_mask=VERSIONING_MASK,
        )
    )
    await start_batch(session, request)


def versioning_override(session: Session) -> VersioningOverride | None:
    """Return the override that `--versioning-override-...` ask for; None removes it."""
    options = session.options
    behavior = options.versioning_override_behavior
    name = options.versioning_override_deployment_name
    build_id = options.versioning_override_build_id
    if behavior not in {"pinned", "one_time"}:
        if name or build_id:
            raise ValueRefusedError(f"{behavior} takes no deployment name and no build id")
        return VersioningOverride(auto_upgrade=True) if behavior == "auto_upgrade" else None
    if not (name and build_id):
        raise ValueRefusedError(
            f"{behavior} needs --versioning-override-deployment-name and"
            " --versioning-override-build-id"
        )
    version = WorkerDeploymentVersion(deployment_name=name, build_id=build_id)
    if behavior == "one_time":
        return VersioningOverride(
            one_time=VersioningOverride.OneTimeOverride(target_deployment_version=version)
        )
    return VersioningOverride(
        pinned=VersioningOverride.PinnedOverride(behavior=_PINNED, version=version)
    )
