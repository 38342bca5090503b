"""Whether a port can be had, asked before anything else is opened.

Owns the question and the words of the refusal. The answer may be outdated a moment later; the
listeners themselves fail then.
"""

import errno
import socket
from contextlib import closing
from typing import Final

from indelible.server.refusal import StartRefusedError

_REASONS: Final = {
    errno.EADDRINUSE: "is already in use; stop the other server, or choose another port with",
    errno.EACCES: "needs more rights than this user has; choose one above 1023 with",
}


def resolved(host: str) -> str:
    """Return the address of a host name; an address is its own.

    Raises `StartRefusedError` for a name that means nothing.
    """
    if host == "localhost":
        return "127.0.0.1"  # Clients that try ::1 first fall back; one listener is enough.
    try:
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
    except OSError as error:
        raise StartRefusedError(f"{host} is no address; try --ip 127.0.0.1") from error


def is_free(host: str, port: int) -> bool:
    """Return whether a port can be listened on; 0 always can."""
    return _bind_error(host, port) is None


def require_free(host: str, port: int, *, flag: str) -> None:
    """Raise `StartRefusedError`, naming the flag that changes the port, unless it can be had."""
    error = _bind_error(host, port)
    if error is None:
        return
    if error.errno == errno.EADDRNOTAVAIL:
        raise StartRefusedError(
            f"{host} is not an address of this machine; choose another with --ip"
        ) from error
    reason = _REASONS.get(error.errno or 0, f"cannot be used ({error.strerror}); choose with")
    raise StartRefusedError(f"port {port} on {host} {reason} {flag}") from error


def _bind_error(host: str, port: int) -> OSError | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
        # A port whose last connections are still fading away is free all the same.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            return error
    return None
