"""Assertions that survive `python -O`."""


class InvariantError(Exception):
    """A defect of ours: the step that found it is abandoned, the process lives."""


def invariant(condition: object, message: str) -> None:
    """Raise `InvariantError` unless the condition holds."""
    if not condition:
        raise InvariantError(message)
