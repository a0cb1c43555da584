"""What the entry point sets up for every command, and takes away after it."""

from __future__ import annotations

import io
import logging
import sys

import click
import pytest

from yt360.cli import main as entry

log = logging.getLogger("yt360.crawl")


@pytest.fixture
def talkative(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that has something to say."""

    @click.command()
    def talk() -> None:
        log.warning("a folder was left out")

    monkeypatch.setattr(entry, "group", click.Group(commands={"talk": talk}))


def _run() -> None:
    with pytest.raises(SystemExit) as end:
        entry.main(["talk"])
    assert end.value.code == 0


@pytest.mark.usefixtures("talkative")
def test_log_lines_follow_standard_error_where_it_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: the handler kept the stream of its first day, and wrote to it after it was closed."""
    for _ in range(2):
        stream = io.StringIO()
        monkeypatch.setattr(sys, "stderr", stream)
        _run()
        assert stream.getvalue() == "a folder was left out\n"
        stream.close()


@pytest.mark.usefixtures("talkative")
def test_a_command_leaves_the_log_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    """Regression: after one command, everything else in the process wrote to the terminal too."""
    handlers, level = logging.getLogger("yt360").handlers[:], logging.getLogger("yt360").level
    _run()
    capsys.readouterr()
    assert (logging.getLogger("yt360").handlers, logging.getLogger("yt360").level) == (handlers, level)
    log.warning("nobody asked")
    assert "nobody asked" not in capsys.readouterr().err
