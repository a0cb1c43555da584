"""Secrets are struck from what is said, whole or in part, however a library puts it."""

from __future__ import annotations

import base64
import logging
import sys
from urllib.parse import quote

import pytest

from yt360 import redaction
from yt360.redaction import hide, is_secret_name, keep_out, secret_in, shown, strike


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test keeps out is nothing to the next."""
    monkeypatch.setattr(redaction, "_known", set())
    monkeypatch.setattr(redaction, "_pattern", None)
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, getattr(sys, name))


PROXY = "http://user:CANARY/SECOND@127.0.0.1:9"
_CODED = base64.b64encode(b"user:CANARY/SECOND").decode()


@pytest.mark.parametrize(
    "said",
    [
        f"cannot reach {PROXY}",
        "Failed to parse: 'user:CANARY' is not a valid host or port",
        f"Proxy-Authorization: Basic {_CODED}",
        f"http://user:{quote('CANARY/SECOND', safe='')}@127.0.0.1",
        "SECOND@127.0.0.1:9 refused",
    ],
)
def test_a_resolved_value_is_struck_in_every_form(said: str) -> None:
    """F10: a password with a slash was told by half."""
    keep_out([PROXY])
    struck = strike(said)
    assert "(hidden)" in struck
    for secret in ("CANARY", "SECOND", _CODED.rstrip("=")):
        assert secret not in struck


def test_what_libraries_print_themselves_is_struck_too(capsys: pytest.CaptureFixture[str]) -> None:
    handler = logging.StreamHandler(sys.stderr)
    log = logging.getLogger("of-a-library")
    log.addHandler(handler)
    try:
        keep_out(["web.gvs+CANARY-TOKEN"])
        print("token=CANARY-TOKEN")
        print("warning: web.gvs+CANARY-TOKEN", file=sys.stderr)
        sys.stderr.buffer.write(b"bytes: CANARY-TOKEN\n")
        log.warning("logged: %s", "CANARY-TOKEN")
        sys.stdout.flush()
    finally:
        log.removeHandler(handler)
    said = "".join(capsys.readouterr())
    assert "CANARY" not in said
    assert said.count("(hidden)") == 4


@pytest.mark.parametrize(
    "name", ["po_token", "api_key", "session", "cookies", "auth", "X-Amz-Signature", "sig", "Password"]
)
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["author", "player_client", "lang", "formats", "design", "list", "v", "keywords"])
def test_names_that_are_none(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://u:CANARY@h/x", True),
        ("a=https://CANARY@h/x", True),
        ("s3://KEY:CAN/ARY@bucket", True),
        ("https://h/x?a=1&token=CANARY", True),
        ("https://h/x#access_token=CANARY", True),
        ("https://$MY_USER@h/x?token=$MY_TOKEN", False),
        ("sftp://me@h/x", False),
        ("https://www.youtube.com/watch?v=dQw4w9WgXcQ&list=PL1&pp=x", False),
        ("no address: a@b, token=1", False),
    ],
)
def test_secrets_in_addresses(url: str, found: bool) -> None:
    assert bool(secret_in(url)) == found
    assert "CANARY" not in hide(url)


def test_values_in_messages_are_bounded_and_hidden() -> None:
    """F11, F25: refused secrets were repeated; aliases that stand for 10^7 values took seconds."""
    value: object = "x"
    for _ in range(60):
        value = [value, value, value]
    assert len(shown(value)) <= 80
    assert "CANARY" not in shown({"proxies": ["http://u:CANARY@h"], "api_key": "CANARY"})
    assert shown("CANARY", name="access.po_token") == "(hidden)"
    assert (shown("plain"), shown(3), shown([1, 2])) == ("'plain'", "3", "[1, 2]")
