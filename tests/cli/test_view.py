"""`yt360 view` as a person calls it: the address, the token, who it warns, an exported folder."""

from __future__ import annotations

import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests import CHECKOUT
from tests.cli.conftest import Command
from tests.view.many_videos import many_videos
from yt360 import view


def test_it_prints_an_address_that_answers_with_its_token_only(tmp_path: Path) -> None:
    root = many_videos(tmp_path / "root", 10)
    before = {path: path.read_bytes() for path in root.path.rglob("*") if path.is_file()}
    command = [
        sys.executable,
        "-m",
        "yt360",
        "view",
        "--root",
        str(root.path),
        "--no-browser",
        "--labels",
        tmp_path / "l.tsv",
    ]
    with subprocess.Popen(
        [str(word) for word in command], cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        try:
            assert address.startswith("http://127.0.0.1:")
            with urllib.request.urlopen(address, timeout=60) as answer:
                assert answer.status == 200
            with pytest.raises(urllib.error.HTTPError, match="403"):
                urllib.request.urlopen(address.partition("?")[0], timeout=60)
        finally:
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=60)
    assert "Traceback" not in said
    assert address.partition("token=")[2] not in said
    assert {path: path.read_bytes() for path in root.path.rglob("*") if path.is_file()} == before


def test_wrong_use_is_said_before_anything_is_opened(command: Command, tmp_path: Path) -> None:
    root = many_videos(tmp_path / "root", 2)
    code, _, said = command("view", "--root", root.path, "--clips", "x")
    assert code == 2
    assert "--export" in said
    code, _, said = command("view", "--root", root.path, "--export", tmp_path / "site", "--clips", "video00001-00000")
    assert code == 2
    assert "shard first" in said
    code, _, said = command("view", "--root", tmp_path / "nothing")
    assert code == 2
    code, _, said = command("view", "--root", root.path, "--host", "203.0.113.7", "--no-browser")
    assert code == 2
    assert "--host 203.0.113.7" in said


def test_without_the_extra_it_says_what_to_install(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = many_videos(tmp_path / "root", 2)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.delitem(sys.modules, "yt360.view.server", raising=False)
    monkeypatch.delattr(view, "server", raising=False)
    code, _, said = command("view", "--root", root.path, "--no-browser")
    assert code == 2
    assert "pip install 'yt360[view]'" in said
