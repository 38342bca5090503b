"""The pure state machines: `(state, input, now) -> changes, tasks, reply`."""
