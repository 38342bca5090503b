"""Where the data lies by default, and folders that will not do."""

import os
from pathlib import Path

import pytest

from indelible.server.data_folder import default_data_folder, ensure_data_folder
from indelible.server.refusal import StartRefusedError

HOME = Path.home()


@pytest.mark.parametrize(
    ("environment", "platform", "expected"),
    [
        ({}, "linux", HOME / ".local/share/indelible"),
        ({"XDG_DATA_HOME": "/srv/state"}, "linux", Path("/srv/state/indelible")),
        ({"XDG_DATA_HOME": "relative"}, "linux", HOME / ".local/share/indelible"),
        ({"XDG_DATA_HOME": ""}, "linux", HOME / ".local/share/indelible"),
        ({}, "darwin", HOME / "Library/Application Support/indelible"),
    ],
)
def test_the_default_follows_the_platform(
    environment: dict[str, str], platform: str, expected: Path
) -> None:
    assert default_data_folder(environment, platform=platform) == expected


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    assert ensure_data_folder(folder) == folder
    assert folder.is_dir()


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    with pytest.raises(StartRefusedError, match="cannot be created"):
        ensure_data_folder(tmp_path / "a" / "b")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_rights_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StartRefusedError, match="may not be written"):
        ensure_data_folder(tmp_path)
