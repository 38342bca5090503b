"""Where handlers of Nexus operations bring the end of what workflows here wait for.

Owns the URL of the node's own HTTP listener, which is known once it is bound, and what an operator
puts in its place.
"""

from collections.abc import Callable

import msgspec

from indelible.base.limits import Limits
from indelible.engine.namespace.record import Namespace
from indelible.server.callback_template import NAME, callback_url


class CallbackAddress(msgspec.Struct):
    """The address of a node on its host."""

    host: str
    limits_of: Callable[[str], Limits]
    port: int | None = None
    """None until the listener is bound, and for good if there is none."""

    def of(self, namespace: Namespace) -> str:
        """Return the URL for completions of a namespace; empty if there is none."""
        template = self.limits_of(namespace.name).nexus_callback_template or self._own_template()
        return callback_url(template, namespace)

    def _own_template(self) -> str:
        if self.port is None:
            return ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/namespaces/{{{{.{NAME}}}}}/nexus/callback"
