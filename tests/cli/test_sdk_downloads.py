"""`indelible sdk`: what stands where the SDKs look for servers, before, during and after."""

import asyncio
import os
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.testing import WorkflowEnvironment

from indelible.cli.main import main
from indelible.cli.sdk_downloads import SDKS, Place, ServerKind, State, places, temporary_folder

OFFICIAL = b"\x7fELF: somebody else's"


def place_in(folder: Path) -> Place:
    return Place(path=folder / "temporal-sdk-python-1.0", kind=ServerKind.DEV_SERVER)


def test_what_is_installed_can_be_taken_away_again(tmp_path: Path) -> None:
    place = place_in(tmp_path)
    assert place.state() is State.ABSENT
    assert not place.uninstall()
    for _ in range(2):
        place.install()
        assert place.state() is State.OURS
        assert os.access(place.path, os.X_OK)
    assert place.uninstall()
    assert list(tmp_path.iterdir()) == []


def test_a_download_that_was_there_comes_back(tmp_path: Path) -> None:
    place = place_in(tmp_path)
    place.path.write_bytes(OFFICIAL)
    for _ in range(2):
        place.install()
        assert place.state() is State.OURS
    assert place.uninstall()
    assert place.path.read_bytes() == OFFICIAL
    assert not place.uninstall()
    assert [one.name for one in tmp_path.iterdir()] == [place.path.name]


@pytest.mark.parametrize(
    ("sdk", "names"),
    [
        (
            "python",
            {
                "temporal-sdk-python-1.2",
                "temporal-test-server-sdk-python-1.2",
                "temporal-v3",
                "temporal-test-server-v3",
            },
        ),
        ("go", {"temporal-cli-go-sdk-1.2", "temporal-cli-v3"}),
    ],
)
def test_names_of_downloads(sdk: str, names: set[str], tmp_path: Path) -> None:
    found = places(SDKS[sdk], sdk_version="1.2", downloaded=("v3",), folder=tmp_path)
    assert {one.path.name for one in found} == names


def test_the_folder_is_the_one_that_the_sdks_take() -> None:
    assert temporary_folder({"TMPDIR": "/somewhere"}) == Path("/somewhere")
    assert temporary_folder({"TMPDIR": ""}) == temporary_folder({})


def test_the_version_of_another_language_must_be_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sdk", "install", "--sdk", "ruby"]) == 1
    assert "--sdk-version" in capsys.readouterr().err


def test_a_folder_that_is_not_there_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sdk", "install", "--folder", str(tmp_path / "none")]) == 1
    assert "No such file or directory" in capsys.readouterr().err


async def server_version(folder: str) -> str:
    async with await WorkflowEnvironment.start_local(
        download_dest_dir=folder, dev_server_startup_timeout=timedelta(seconds=30)
    ) as environment:
        info = await environment.client.workflow_service.get_system_info(GetSystemInfoRequest())
    return info.server_version


async def skipped(folder: str) -> timedelta:
    async with await WorkflowEnvironment.start_time_skipping(
        download_dest_dir=folder, test_server_startup_timeout=timedelta(seconds=30)
    ) as environment:
        began_at = await environment.get_current_time()
        await environment.sleep(timedelta(days=1))
        return await environment.get_current_time() - began_at


@pytest.mark.slow
def test_the_official_sdk_starts_our_servers_without_being_told_of_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(tmp_path)
    assert main(["sdk", "status", "--folder", folder]) == 1
    assert main(["sdk", "install", "--folder", folder]) == 0
    assert main(["sdk", "status", "--folder", folder]) == 0
    assert asyncio.run(server_version(folder))
    assert asyncio.run(skipped(folder)) >= timedelta(days=1)
    assert main(["sdk", "uninstall", "--folder", folder]) == 0
    assert list(tmp_path.iterdir()) == []
    assert "nothing" in capsys.readouterr().out
