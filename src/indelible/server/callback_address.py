"""Where handlers elsewhere complete the operations that workflows here wait for.

Owns the URL of the node's own HTTP listener, which is known once it is bound.
"""

from dataclasses import dataclass
from urllib.parse import quote


@dataclass(slots=True)
class CallbackAddress:
    """The address of a node on its host."""

    host: str
    port: int | None = None
    """None until the listener is bound, and for good if there is none."""

    def of(self, namespace: str) -> str:
        """Return the URL for completions of a namespace; empty if there is no listener."""
        if self.port is None:
            return ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/namespaces/{quote(namespace, safe='')}/nexus/callback"
