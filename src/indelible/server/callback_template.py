"""The template of the URL to which handlers of Nexus operations bring the end.

Owns the part of the reference's template language that has a meaning in it: the two names of the
namespace. Whatever else it could say would be a part of the URL, or break a call long after the
mistake; so it is refused when it is set.
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from indelible.engine.namespace.record import Namespace

NAME: Final = "NamespaceName"
ID: Final = "NamespaceID"
_PLACE: Final = re.compile(r"\{\{\s*\.(\w+)\s*\}\}")


def is_template(text: str) -> bool:
    """Whether a text is a template of a URL."""
    rest = _PLACE.sub("", text)
    is_url = rest.lower().startswith(("http://", "https://"))
    return is_url and "{{" not in rest and set(_PLACE.findall(text)) <= {NAME, ID}


def callback_url(template: str, namespace: Namespace) -> str:
    """Return the URL for a namespace, whose name can have characters that URLs have not."""
    places: Mapping[str, str] = {NAME: quote(namespace.name, safe=""), ID: namespace.id}
    return _PLACE.sub(lambda place: places[place[1]], template)
