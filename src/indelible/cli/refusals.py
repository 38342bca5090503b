"""What a server's refusal means to the person at the terminal.

Owns one hint per status. The server's own words always stand first.
"""

from collections.abc import Mapping
from typing import Final

from temporalio.service import RPCError, RPCStatusCode

_HINTS: Final[Mapping[RPCStatusCode, str]] = {
    RPCStatusCode.UNAVAILABLE: "the server is not reachable, or is starting or stopping; try again",
    RPCStatusCode.UNIMPLEMENTED: "this server does not know the request; is it older than this"
    " command?",
    RPCStatusCode.UNAUTHENTICATED: "see --api-key and the --tls options",
    RPCStatusCode.PERMISSION_DENIED: "see --api-key and the --tls options",
    RPCStatusCode.DEADLINE_EXCEEDED: "nobody answered in time; does a worker run?",
    RPCStatusCode.RESOURCE_EXHAUSTED: "a limit of the server; wait, or change it in its dynamic"
    " configuration",
}
_NAMESPACE: Final = "amespace"


def explained(error: RPCError) -> str:
    """Return the message for a refusal."""
    message = error.message or error.status.name
    if error.status is RPCStatusCode.NOT_FOUND and _NAMESPACE in message:
        return f"{message}\n  `indelible operator namespace list` shows what there is"
    hint = _HINTS.get(error.status)
    return f"{message}\n  {hint}" if hint else message
