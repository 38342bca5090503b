"""Where a server keeps its file unless told otherwise.

Owns the platform's convention and the creation of the folder. Must not know what is kept there.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from indelible.server.refusal import StartRefusedError

_NAME: Final = "indelible"


def default_data_folder(environment: Mapping[str, str], *, platform: str = sys.platform) -> Path:
    """Return the folder for user data that the platform prescribes."""
    if platform == "darwin":
        return Path.home() / "Library" / "Application Support" / _NAME
    base = environment.get("XDG_DATA_HOME", "")
    # The convention says to ignore a relative path there.
    root = Path(base) if base and Path(base).is_absolute() else Path.home() / ".local" / "share"
    return root / _NAME


def ensure_data_folder(folder: Path) -> Path:
    """Create the folder if it is missing and return it, absolute.

    Raises `StartRefusedError` if it cannot be created or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StartRefusedError(
            f"the data folder {folder} cannot be created ({error.strerror}); choose another with"
            " --data"
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StartRefusedError(
            f"the data folder {folder} may not be written by this user; change its permissions or"
            " choose another with --data"
        )
    return folder.resolve()
