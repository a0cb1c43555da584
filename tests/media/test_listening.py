"""How many tracks of a file are listened to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from yt360.media import listening
from yt360.media.containers.spatial import ContainerMetadata
from yt360.media.inspection import Inspection
from yt360.media.listening import MOST_TRACKS, listen
from yt360.media.probe import AudioStream, MediaInfo


def _heard(monkeypatch: pytest.MonkeyPatch, channels: list[int], families: dict[int, int] | None = None) -> list[int]:
    """Tracks that were listened to where none of them turns out to be ambisonics."""
    found: list[int] = []

    def listened(inspection: Any, info: Any, audio: AudioStream, *_: object) -> None:
        found.append(audio.index)

    monkeypatch.setattr(listening, "_listen_to", listened)
    tracks = tuple(
        AudioStream(index, "opus", 48_000, count, "", (families or {}).get(index), 0.0, 1.0)
        for index, count in enumerate(channels)
    )
    info = MediaInfo(Path("x.mkv"), "matroska", 1, 0.0, 1.0, (), tracks, ContainerMetadata())
    listen(Inspection(Path("x.mkv"), None, info), 28.0, "", None)
    return found


def test_a_file_of_very_many_tracks_costs_what_one_of_a_few_does(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _heard(monkeypatch, [4] * MOST_TRACKS) == list(range(MOST_TRACKS))
    assert _heard(monkeypatch, [4] * 500) == list(range(MOST_TRACKS))
    assert MOST_TRACKS == 8


def test_those_that_could_be_ambisonics_come_first_and_a_declared_one_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _heard(monkeypatch, [2] * 10 + [4, 6])[:2] == [10, 11]
    assert _heard(monkeypatch, [4] * 20, {17: 2}) == [17]
