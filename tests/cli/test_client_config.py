"""The file of profiles: where it is, what a change leaves alone, and who may read it."""

import stat
from pathlib import Path

import pytest
from temporalio.envconfig import ClientConfig

from indelible.cli.client_config import (
    PROPERTIES,
    delete_property,
    file_path,
    profile_at,
    read_profiles,
    set_property,
    value_of,
    values_of,
)
from indelible.cli.tables.shared import CONNECTION
from indelible.cli.values import ValueRefusedError

_FILE = """\
# Ours, and that of another tool.
[profile.shop]
address = "till:7233"  # by the door
codec = { endpoint = "http://codec" }

[profile.shop.oauth]
client_id = "shop"

[profile.shop.grpc_meta]
Shop_Number = "7"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "temporal.toml"
    path.write_text(_FILE)
    return path


@pytest.mark.parametrize(
    ("named", "environment", "platform", "expected"),
    [
        ("a.toml", {"TEMPORAL_CONFIG_FILE": "b.toml"}, "linux", "a.toml"),
        (None, {"TEMPORAL_CONFIG_FILE": "b.toml"}, "linux", "b.toml"),
        (None, {}, "linux", "~/.config/temporalio/temporal.toml"),
        (None, {"XDG_CONFIG_HOME": "/etc/xdg"}, "linux", "/etc/xdg/temporalio/temporal.toml"),
        (None, {"XDG_CONFIG_HOME": "xdg"}, "linux", "~/.config/temporalio/temporal.toml"),
        (None, {}, "darwin", "~/Library/Application Support/temporalio/temporal.toml"),
    ],
)
def test_the_file_is_where_the_sdks_look(
    named: str | None, environment: dict[str, str], platform: str, expected: str
) -> None:
    found = file_path(named, environment, platform=platform)
    assert found == Path(expected).expanduser()


def test_a_change_leaves_all_else_as_it_is(path: Path) -> None:
    set_property(path, "shop", "namespace", "till")
    changed = _FILE.replace(
        'endpoint = "http://codec" }\n', 'endpoint = "http://codec" }\nnamespace = "till"\n'
    )
    assert path.read_text() == changed


def test_tables_of_a_profile_may_stand_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "temporal.toml"
    path.write_text(
        '[profile.a]\naddress = "a:1"\n[profile.b]\naddress = "b:1"\n[other]\n[profile.a.tls]\n'
    )
    set_property(path, "a", "tls.server_name", "a")
    set_property(path, "a", "namespace", "a")
    set_property(path, "c", "address", "c:1")
    delete_property(path, "b", "address")
    found = {name: dict(values_of(profile)) for name, profile in read_profiles(path).items()}
    assert found == {
        "a": {"address": "a:1", "namespace": "a", "tls": True, "tls.server_name": "a"},
        "b": {},
        "c": {"address": "c:1"},
    }


def test_a_header_is_one_however_it_is_written(path: Path) -> None:
    set_property(path, "shop", "grpc_meta.SHOP-number", "8")
    assert profile_at(path, "shop").grpc_meta == {"shop-number": "8"}
    delete_property(path, "shop", "grpc_meta.shop_number")
    assert profile_at(path, "shop").grpc_meta == {}


def test_the_sdk_reads_what_was_set(tmp_path: Path) -> None:
    path = tmp_path / "new" / "temporal.toml"
    for prop, value in (
        ("address", "till:7233"),
        ("tls.server_name", "shop"),
        ("tls.client_cert_path", "till.pem"),
        ("grpc_meta.Shop_Number", "7"),
    ):
        set_property(path, "shop", prop, value)
    profile = ClientConfig.load(config_source=path, config_file_strict=True).profiles["shop"]
    assert profile.address == "till:7233"
    assert profile.tls is not None
    assert (profile.tls.server_name, profile.tls.client_cert) == ("shop", Path("till.pem"))
    assert profile.grpc_meta == {"shop-number": "7"}


def test_nobody_else_reads_a_file_that_may_hold_keys(tmp_path: Path) -> None:
    path = tmp_path / "new" / "temporal.toml"
    set_property(path, "default", "api_key", "secret")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [one.name for one in path.parent.iterdir()] == ["temporal.toml"]


def test_a_link_stays_a_link(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.toml"
    link.symlink_to(path)
    set_property(link, "shop", "address", "door:7233")
    assert link.is_symlink()
    assert profile_at(path, "shop").address == "door:7233"


@pytest.mark.parametrize(
    "text", ["profile = 1", "[profile.a]\naddress = 7233", "[profile", "[profile.a]\ntls = true"]
)
def test_what_is_no_file_of_profiles_is_refused_and_kept(text: str, tmp_path: Path) -> None:
    path = tmp_path / "temporal.toml"
    path.write_text(text)
    with pytest.raises(ValueRefusedError, match="is not a file of profiles"):
        set_property(path, "a", "namespace", "b")
    assert path.read_text() == text


def test_a_file_that_does_not_exist_has_no_profiles(tmp_path: Path) -> None:
    assert read_profiles(tmp_path / "none.toml") == {}


@pytest.mark.parametrize("prop", PROPERTIES)
def test_every_property_is_read_as_it_was_set(prop: str, tmp_path: Path) -> None:
    path = tmp_path / "temporal.toml"
    is_flag = isinstance(PROPERTIES[prop], bool)
    set_property(path, "a", prop, "true" if is_flag else "some")
    assert value_of(profile_at(path, "a"), prop) == (True if is_flag else "some")


def test_what_the_options_name_is_a_property() -> None:
    named = {one.prop for one in CONNECTION if one.prop} - {"grpc_meta.KEY"}
    assert named <= set(PROPERTIES)
