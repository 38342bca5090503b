"""Why a server does not start, or does not go on."""


class StartRefusedError(Exception):
    """The server does not start; the message is one sentence that says what to do about it."""


class ServerFailedError(Exception):
    """The server had to stop by itself; the message says why, the log says it in full."""
