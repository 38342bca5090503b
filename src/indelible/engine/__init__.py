"""The pure state machines: `(state, input, now) -> changes, tasks, reply`. No I/O, clock or entropy."""
