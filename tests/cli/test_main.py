"""What the entry point sets up for every command."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Iterator

import pytest

from yt360.cli.main import main


@pytest.fixture
def bare_log() -> Iterator[logging.Logger]:
    """The package's log without handlers, as a fresh process has it."""
    log = logging.getLogger("yt360")
    handlers, level = log.handlers[:], log.level
    log.handlers[:] = []
    yield log
    log.handlers[:] = handlers
    log.setLevel(level)


def test_log_lines_follow_standard_error_where_it_goes(
    bare_log: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: the handler kept the stream of its first day, and wrote to it after it was closed."""
    first = io.StringIO()
    monkeypatch.setattr(sys, "stderr", first)
    with pytest.raises(SystemExit):
        main(["--version"])
    first.close()
    second = io.StringIO()
    monkeypatch.setattr(sys, "stderr", second)
    logging.getLogger("yt360.crawl").warning("a folder was left out")
    assert second.getvalue() == "a folder was left out\n"
