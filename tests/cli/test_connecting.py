"""Ways to a server: TLS, keys, headers, and what outdoes what."""

import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.stage import Ran
from tests.cli.tls_door import NAME, Certificates, Door, opened

pytestmark = pytest.mark.slow

Run = Callable[[list[str], str], Ran]
_NAMED = f"--tls-server-name {NAME}"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def door(address: str, certificates: Certificates) -> Iterator[Door]:
    with opened(address, certificates.server_context(asks_for_client=False)) as door:
        yield door


@pytest.fixture(scope="module")
def guarded_door(address: str, certificates: Certificates) -> Iterator[Door]:
    with opened(address, certificates.server_context(asks_for_client=True)) as door:
        yield door


@pytest.fixture
def count(run: Run, certificates: Certificates) -> Callable[[str, Door], Ran]:
    """Count workflows through a door; words in braces stand for the certificates' files."""

    def counted(words: str, door: Door) -> Ran:
        filled = words.format(
            ca=certificates.ca,
            cert=certificates.cert,
            key=certificates.key,
            ca_pem=shlex.quote(certificates.ca.read_text()),
            cert_pem=shlex.quote(certificates.cert.read_text()),
            key_pem=shlex.quote(certificates.key.read_text()),
        )
        return run(
            ["workflow", "count", "--address", door.address, *shlex.split(filled)], "default"
        )

    return counted


Count = Callable[[str, Door], Ran]


# ------------------------------------------------------------------------------------------- TLS
@pytest.mark.parametrize(
    "words",
    [
        f"--tls --tls-ca-path {{ca}} {_NAMED}",
        f"--tls-ca-path {{ca}} {_NAMED}",
        f"--tls-ca-data {{ca_pem}} {_NAMED}",
        f"--tls-ca-path {{ca}} {_NAMED} --client-authority other.example",
        f"--tls-ca-path {{ca}} --client-authority {NAME}",
    ],
)
def test_a_server_is_known_by_its_certificate(words: str, count: Count, door: Door) -> None:
    code, out, err = count(words, door)
    assert (code, err) == (0, "")
    assert out.startswith("Total: ")


@pytest.mark.parametrize(
    "words",
    [
        "",
        "--tls",
        f"--tls {_NAMED}",
        "--tls-ca-path {ca}",
        "--tls-ca-path {ca} --tls-server-name other.example",
        f"--tls-ca-path {{cert}} {_NAMED}",
        f"--tls=false --tls-ca-path {{ca}} {_NAMED}",
    ],
)
def test_a_server_that_is_not_known_is_not_talked_to(words: str, count: Count, door: Door) -> None:
    code, out, err = count(words, door)
    assert (code, out) == (1, "")
    assert f"cannot connect to {door.address}" in err
    assert "--tls options" in err


@pytest.mark.parametrize(
    ("words", "is_let_in"),
    [
        ("--tls-cert-path {cert} --tls-key-path {key}", True),
        ("--tls-cert-data {cert_pem} --tls-key-data {key_pem}", True),
        ("", False),
    ],
)
def test_a_client_shows_its_certificate(
    words: str, is_let_in: bool, count: Count, guarded_door: Door
) -> None:
    code, out, _ = count(f"--tls-ca-path {{ca}} {_NAMED} {words}", guarded_door)
    assert (code == 0, bool(out)) == (is_let_in, is_let_in)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--tls-cert-path {cert}", "a certificate needs its key"),
        ("--tls-ca-path nowhere.pem", "cannot read nowhere.pem (--tls-ca-path)"),
        ("--tls=false --client-authority a", "--client-authority needs TLS"),
        (f"--tls {_NAMED} --client-authority a", "needs --tls-ca-path"),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_sent(
    words: str, told: str, count: Count, door: Door
) -> None:
    code, _, err = count(words, door)
    assert code == 1
    assert told in err


# ------------------------------------------------------------ flags, variables, presets, profiles
_FILES = {
    "TLS_SERVER_CA_CERT_PATH": "ca",
    "TLS_CLIENT_CERT_PATH": "cert",
    "TLS_CLIENT_KEY_PATH": "key",
}
_OLD_FILES = {"TLS_CA": "ca", "TLS_CERT": "cert", "TLS_KEY": "key"}


@pytest.mark.parametrize("names", [_FILES, _OLD_FILES], ids=["new", "old"])
def test_variables_say_the_same(
    names: dict[str, str],
    count: Count,
    guarded_door: Door,
    certificates: Certificates,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TEMPORAL_TLS_SERVER_NAME", NAME)
    for name, field in names.items():
        monkeypatch.setenv(f"TEMPORAL_{name}", str(getattr(certificates, field)))
    assert count("", guarded_door)[0] == 0
    assert count("--disable-config-env", guarded_door)[0] == 1
    assert count("--tls=false", guarded_door)[0] == 1
    monkeypatch.setenv("TEMPORAL_TLS", "false")
    assert count("", guarded_door)[0] == 1
    assert count("--tls", guarded_door)[0] == 0


def test_a_profile_says_the_same(
    run: Run, guarded_door: Door, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TEMPORAL_ADDRESS")
    properties = {
        "address": guarded_door.address,
        "api_key": "secret",
        "authority": "door.example",
        "grpc_meta.Shop": "7",
        "grpc_meta.color": "red",
        "tls.server_name": NAME,
        "tls.server_ca_cert_path": str(certificates.ca),
        "tls.client_cert_data": certificates.cert.read_text(),
        "tls.client_key_data": certificates.key.read_text(),
    }
    for prop, value in properties.items():
        words = ["config", "set", "--profile", "shop", "--prop", prop, "--value", value]
        assert run(words, "default")[0] == 0
    monkeypatch.setenv("TEMPORAL_GRPC_META_COLOR", "blue")
    words = ["workflow", "count", "--profile", "shop", "--grpc-meta", "Size=1"]
    assert run(words, "default")[0] == 0
    headers = guarded_door.call("CountWorkflowExecutions")
    assert headers["authorization"] == "Bearer secret"
    assert headers[":authority"] == "door.example"
    assert [headers[name] for name in ("shop", "color", "size")] == ["7", "blue", "1"]
    assert run([*words, "--disable-config-file"], "default")[0] == 1


def test_an_environment_says_the_same(run: Run, door: Door, certificates: Certificates) -> None:
    presets = {"tls-server-name": NAME, "tls-ca-path": str(certificates.ca), "api-key": "preset"}
    for key, value in presets.items():
        assert run(["env", "set", "--env", "shop", "-k", key, "-v", value], "default")[0] == 0
    words = ["workflow", "count", "--env", "shop", "--address", door.address]
    assert run(words, "default")[0] == 0
    assert door.call("CountWorkflowExecutions")["authorization"] == "Bearer preset"
    assert run([*words, "--api-key", "typed"], "default")[0] == 0
    assert door.call("CountWorkflowExecutions")["authorization"] == "Bearer typed"


# ------------------------------------------------------------------------------- keys and headers
def test_a_key_is_not_sent_in_plain_text(run: Run, address: str) -> None:
    words = ["workflow", "count", "--address", address, "--api-key", "secret"]
    assert run(words, "default")[0] == 1
    assert run([*words, "--tls=false"], "default")[0] == 0


def test_headers_are_sent(count: Count, door: Door) -> None:
    words = f"--tls-ca-path {{ca}} {_NAMED} --grpc-meta Shop_Number=7 --grpc-meta note=a=b"
    assert count(words, door)[0] == 0
    headers = door.call("CountWorkflowExecutions")
    assert (headers["shop-number"], headers["note"]) == ("7", "a=b")
    assert count(f"{words} --grpc-meta note", door)[0] == 1


def test_the_namespace_may_be_a_part_of_the_address(run: Run, address: str) -> None:
    port = address.rpartition(":")[2]
    words = ["operator", "cluster", "health", "-n", "localhost"]
    assert run([*words, "--address", f"${{namespace}}:{port}"], "default")[0] == 0


def test_a_profile_that_is_named_must_exist(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["workflow", "count", "--profile", "none"], "default")[0] == 1
    monkeypatch.setenv("TEMPORAL_PROFILE", "none")
    code, _, err = run(["workflow", "count"], "default")
    assert (code, 'no profile "none"' in err) == (1, True)
    assert run(["workflow", "count", "--disable-config-file"], "default")[0] == 0
    assert run(["config", "list"], "default") == (0, "  Name\n", "")
    assert list(tmp_path.iterdir()) == []
