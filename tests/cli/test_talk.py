"""What is said while one waits, and in which colour."""

from __future__ import annotations

import logging
import time

import click
import pytest
from click.testing import CliRunner

from yt360.cli import common, talk


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "yt360")
    return caplog


def test_what_takes_long_is_announced_and_what_does_not_is_not(
    said: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(talk, "_PATIENCE_S", 0.02)
    with talk.doing("reading the records"):
        time.sleep(0.2)
    assert said.messages == ["reading the records …"]
    monkeypatch.setattr(talk, "_PATIENCE_S", 60.0)
    with talk.doing("nothing much"):
        pass
    assert said.messages == ["reading the records …"]


@pytest.mark.parametrize(("option", "lines"), [("-v", 2), ("-q", 0)])
def test_verbose_tells_every_step_with_its_time_and_quiet_none(
    said: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, option: str, lines: int
) -> None:
    monkeypatch.setattr(talk, "_PATIENCE_S", 0.0)

    @click.command()
    @talk.talk_options
    def command() -> None:
        with talk.doing("reading"):
            time.sleep(0.05)

    level = logging.getLogger("yt360").level
    try:
        assert CliRunner().invoke(command, [option]).exit_code == 0
    finally:
        logging.getLogger("yt360").setLevel(level)
    assert len(said.messages) == lines


def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[" in talk.coloured("failed", "red")
    monkeypatch.setenv("NO_COLOR", "1")
    assert talk.coloured("failed", "red") == "failed"


def test_colours_do_not_move_columns_and_zeros_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, header = [["a", 0, 12], ["b", 3, 0]], ["stage", "filtered", "failed"]
    monkeypatch.setenv("NO_COLOR", "1")
    plain = common.table(rows, header)
    monkeypatch.delenv("NO_COLOR")
    painted = common.table(rows, header)
    assert click.unstyle(painted) == plain
    assert painted.count("\x1b[33m") == 1
    assert painted.count("\x1b[31m") == 1


def test_steps_say_how_far_they_are_where_nobody_watches_a_terminal(
    said: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = iter([0.0, 0.5, 0.5, 12.0, 12.0, 13.0])
    monkeypatch.setattr("yt360.cli.talk.time.monotonic", lambda: next(now, 13.0))
    with talk.Steps("looking at videos") as steps:
        for done in range(3):
            steps(done, 3, f"video{done}")
    assert said.messages[0].startswith("looking at videos: ")
    assert len(said.messages) < 3
