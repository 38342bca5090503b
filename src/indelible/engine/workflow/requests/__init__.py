"""One file per API request on an execution: `decide(step, ...) -> reply`, or `ServiceError` before any change."""
