"""Why a server does not start."""


class StartRefusedError(Exception):
    """The server does not start; the message is one sentence that says what to do about it."""
