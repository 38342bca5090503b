"""Who may call what."""

from typing import Protocol

from indelible.ports.rpc import Call


class Authorizer(Protocol):
    """Decides before anything else is looked at, the existence of the namespace included."""

    async def authorize(self, call: Call, *, namespace: str, access: str) -> str:
        """Return the name of who calls; raise `PermissionDeniedError` if they may not.

        `namespace` is the name in the request, empty for a request about the whole cluster;
        `access` is one of read, write, admin.
        """
        ...


class EveryoneMay:
    """Allows everything, as a service without authentication does."""

    async def authorize(self, call: Call, *, namespace: str, access: str) -> str:  # noqa: ARG002
        """Allow the call, to nobody in particular."""
        return ""
