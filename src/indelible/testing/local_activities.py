"""Local activities, which no server gives out: a worker does them, and reports them as markers.

Owns both ends: the attempts, inside the workers that tests make, and the marker that the SDKs with
the common core write (Go and Java have others of their own).
"""

import json
from collections.abc import Iterator
from typing import Final

from temporalio import activity
from temporalio.api.enums.v1 import CommandType
from temporalio.api.workflowservice.v1 import RespondWorkflowTaskCompletedRequest
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from indelible.testing.faults import FAILURE_TYPE, Faults, Occasion

_MARKER: Final = "core_local_activity"


class LocalActivityFaults(Interceptor):
    """Fails attempts of local activities in a worker, as the plan has it."""

    def __init__(self, faults: Faults) -> None:
        self._faults: Final = faults

    def intercept_activity(
        self,
        next: ActivityInboundInterceptor,  # noqa: A002 - the SDK's name
    ) -> ActivityInboundInterceptor:
        """Put the plan in front of the worker's activities."""
        return _Attempts(next, self._faults)


class _Attempts(ActivityInboundInterceptor):
    def __init__(self, following: ActivityInboundInterceptor, faults: Faults) -> None:
        super().__init__(following)
        self._faults: Final = faults

    async def execute_activity(
        self,
        input: ExecuteActivityInput,  # noqa: A002 - likewise
    ) -> object:
        attempt = activity.info()
        if not attempt.is_local:
            return await super().execute_activity(input)
        self._occur(Occasion.LOCAL_ATTEMPT, attempt.activity_type, "before it began")
        result: object = await super().execute_activity(input)
        self._occur(Occasion.LOCAL_COMPLETION, attempt.activity_type, "after its work was done")
        return result

    def _occur(self, occasion: Occasion, activity_type: str, when: str) -> None:
        if self._faults.occur(occasion, activity_type) is not None:
            raise ApplicationError(f"the test failed this attempt {when}", type=FAILURE_TYPE)


def recorded_local_activities(request: RespondWorkflowTaskCompletedRequest) -> Iterator[str]:
    """Yield the types of the local activities whose results a report brings."""
    for command in request.commands:
        marker = command.record_marker_command_attributes
        is_result = (
            command.command_type == CommandType.COMMAND_TYPE_RECORD_MARKER
            and marker.marker_name == _MARKER
            and not marker.HasField("failure")
        )
        if is_result:
            for payload in marker.details["data"].payloads:
                yield json.loads(payload.data)["activity_type"]
