"""`yt360 --version`."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Command
from yt360 import __version__, shipped
from yt360.cli import version


def test_version_names_commit_and_what_it_stands_on(command: Command) -> None:
    code, out, _ = command("--version")
    assert code == 0
    first, *others = out.splitlines()
    assert first == f"yt360 {__version__} (commit {shipped.commit()})"
    assert {line.split()[0] for line in others} >= {"Python", "ffmpeg", "PyAV", "numpy", "pyarrow", "yt-dlp"}


def test_a_broken_ffmpeg_is_said_and_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YT360_FFMPEG", "/no/such/ffmpeg")
    assert "none that runs" in version.versions()["ffmpeg"]
