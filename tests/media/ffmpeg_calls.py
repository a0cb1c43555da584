"""What ffmpeg is asked for while a test runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from yt360.media import ffmpeg


def ffmpeg_calls(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The arguments of every ffmpeg whose output is read from now on."""
    asked: list[list[str]] = []
    stream = ffmpeg.stream

    def noted(arguments: Sequence[str], **named: Any) -> Any:
        asked.append(list(arguments))
        return stream(arguments, **named)

    monkeypatch.setattr(ffmpeg, "stream", noted)
    return asked
