from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent / "plugin"))  # where yt-dlp's plugin mechanism looks

from yt_dlp.plugins import load_all_plugins

from tests.crawling.tube import Tube

load_all_plugins()


@pytest.fixture
def tube(monkeypatch: pytest.MonkeyPatch) -> Iterator[Tube]:
    """A running server that the plugin takes YouTube's answers from."""
    with Tube() as running:
        monkeypatch.setenv("YT360_TEST_TUBE", running.base)
        yield running
