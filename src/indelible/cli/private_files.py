"""Files of one person that may hold keys: nobody else reads them, and nobody sees half of one."""

import os
from pathlib import Path
from typing import Final

from indelible.cli.values import ValueRefusedError

_FOLDER_MODE: Final = 0o700


def read_text(path: Path) -> str:
    """Return what the file says, nothing if there is none. Raises `ValueRefusedError`."""
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise ValueRefusedError(f"cannot read {path}: {_reason(error)}") from None


def write_text(path: Path, text: str) -> None:
    """Write the file whole, with the folders that it needs. Raises `ValueRefusedError`."""
    import tempfile  # noqa: PLC0415 - reading comes with every command, writing with few

    target = path.resolve()  # A link stays one.
    try:
        target.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        number, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(number, "w") as file:
                file.write(text)
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ValueRefusedError(f"cannot write {path}: {_reason(error)}") from None


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
