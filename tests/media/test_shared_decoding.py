"""A look that is taken along is the look that is read alone, to the last bit, or is not taken along."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.media.ffmpeg_calls import ffmpeg_calls
from tests.media.test_superseded import _CODINGS, _coded
from yt360.media import ffmpeg, shared_decoding
from yt360.media.containers.spatial import Bounds
from yt360.media.picture import VideoDecodeSpec
from yt360.media.reading_picture import read_frames
from yt360.media.shared_decoding import Look, UnlikeAloneError, on_the_same_frames, sharing, taken_along

_SPANS = ((0.0, 4.9), (0.4, 4.2))
_LOOKS = ((16.0, 0.5, 1.5), (16.0, 1.1403, 2.0), (2.0, 0.4, 4.0), (24.0, 2.37, 1.2))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shared")


def _reading(path: Path, **more: Any) -> VideoDecodeSpec:
    return VideoDecodeSpec(192, 96, path.stem.partition("-")[0], **more)


def _look(path: Path, fps: float = 16.0, start_s: float = 1.0, duration_s: float = 2.0, **more: Any) -> Look:
    return Look(path, _reading(path, **more), 24, 48, fps, start_s, duration_s)


def _read(look: Look) -> Iterator[np.ndarray]:
    return read_frames(
        look.path, look.reading, height=look.height, width=look.width, fps=look.fps, start_s=look.start_s,
        duration_s=look.duration_s, gray=True,
    )  # fmt: skip


def _whole(path: Path, start_s: float = 0.0, duration_s: float | None = 4.9, **more: Any) -> Iterator[np.ndarray]:
    """What the one who decodes wants to see himself."""
    return read_frames(
        path, _reading(path, **more), height=48, width=96, fps=16.0, start_s=start_s, duration_s=duration_s
    )


def _equal(some: list[np.ndarray], others: list[np.ndarray]) -> bool:
    return len(some) == len(others) and all(np.array_equal(a, b) for a, b in zip(some, others, strict=True))


@pytest.mark.parametrize("name", _CODINGS)
def test_it_is_what_reading_it_alone_gives(made: Path, tmp_path: Path, name: str) -> None:
    path = _coded(made, name)
    shared = 0
    for span in _SPANS:
        looks = [_look(path, *each) for each in _LOOKS if each[1] >= span[0] and each[1] + each[2] <= sum(span)]
        alone, whole = [list(_read(look)) for look in looks], list(_whole(path, *span))
        with sharing(looks, tmp_path):
            assert _equal(list(_whole(path, *span)), whole)
            for look, frames in zip(looks, alone, strict=True):
                held = taken_along(look)
                shared += held is not None
                assert held is None or _equal(list(held), frames)
                assert _equal(list(_read(look)), frames)
    # Counting in whole milliseconds, as Matroska does, or in finer units may choose other frames: those are read alone.
    assert shared >= 5


def test_it_is_decoded_once(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _coded(made, "h264")
    asked = ffmpeg_calls(monkeypatch)
    with sharing([_look(path), _look(path, start_s=2.5, duration_s=1.0)], tmp_path):
        list(_whole(path))
        list(_read(_look(path)))
        list(_read(_look(path, start_s=2.5, duration_s=1.0)))
        assert len(asked) == 1
        list(_read(_look(path, start_s=2.6, duration_s=1.0)))
        assert len(asked) == 2
    list(_read(_look(path)))
    assert len(asked) == 3


@pytest.mark.parametrize("span", [(1.1, 3.0), (0.0, 2.9)])
def test_what_the_reading_does_not_run_over_is_not_taken_along(
    made: Path, tmp_path: Path, span: tuple[float, float]
) -> None:
    path = _coded(made, "h264")
    with sharing([_look(path)], tmp_path):
        list(_whole(path, *span))
        assert taken_along(_look(path)) is None


def test_nor_what_is_another_picture(made: Path, tmp_path: Path) -> None:
    path = _coded(made, "h264")
    other = _look(path, turn="half")
    with sharing([other, _look(_coded(made, "vp9"))], tmp_path):
        list(_whole(path))
        assert taken_along(other) is None
        assert taken_along(_look(_coded(made, "vp9"))) is None


def test_nor_what_a_look_up_finishes(made: Path, tmp_path: Path) -> None:
    path = _coded(made, "h264")
    cropped: dict[str, Any] = {"bounds": Bounds(0.1, 0.1, 0.8, 0.8)}
    alone = list(_read(_look(path, **cropped)))
    with sharing([_look(path, **cropped)], tmp_path):
        list(_whole(path, **cropped))
        assert taken_along(_look(path, **cropped)) is None
        assert _equal(list(_read(_look(path, **cropped))), alone)


def test_who_stops_early_leaves_no_half_look(made: Path, tmp_path: Path) -> None:
    path = _coded(made, "h264")
    alone = list(_read(_look(path)))
    with sharing([_look(path)], tmp_path):
        frames = _whole(path)
        next(frames)
        frames.close()  # type: ignore[attr-defined]
        assert _equal(list(_read(_look(path))), alone)


def test_a_track_that_was_cut_is_read_alone(made: Path, tmp_path: Path) -> None:
    path = _coded(made, "h264-mp4")
    edits: dict[str, Any] = {"edits": ((0.0, 0.5, 4.0),)}
    alone = list(_read(_look(path, **edits)))
    with sharing([_look(path, **edits)], tmp_path):
        list(_whole(path, duration_s=4.0, **edits))
        assert taken_along(_look(path, **edits)) is None
        assert _equal(list(_read(_look(path, **edits))), alone)


def test_rounding_decides_what_is_taken_along(made: Path) -> None:
    """In whole milliseconds 1000.4 is 1000; counted from 0.8, which is 1, it is 999.6 later, which is 1000."""
    path = _coded(made, "h264")
    look = _look(path, start_s=1.0004)
    assert on_the_same_frames(path, 0, [look], 0.0) == [look]
    assert on_the_same_frames(path, 0, [look], 0.0004) == [look]
    assert on_the_same_frames(path, 0, [look], 0.0008) == []


def test_other_containers_share_nothing(made: Path) -> None:
    path = made / "h264-transport.ts"
    ffmpeg.run(["-i", str(_coded(made, "h264")), "-c", "copy", "-y", str(path)], timeout_s=60)
    assert on_the_same_frames(path, 0, [_look(path)], 0.0) == []
    assert on_the_same_frames(made / "missing.mkv", 0, [_look(path)], 0.0) == []


def test_outside_nothing_is_shared(made: Path) -> None:
    path = _coded(made, "h264")
    assert taken_along(_look(path)) is None
    assert shared_decoding.within(path, _reading(path), 0.0, None) == []


def _damaged(made: Path, name: str, seed: int) -> Path:
    sound, path = _coded(made, name), made / f"{name}-damaged{seed}.mp4"
    data, rng = bytearray(sound.read_bytes()), random.Random(seed)
    for _ in range(12):
        data[rng.randrange(len(data) // 8, len(data) * 7 // 8)] ^= 0xFF
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("seed", range(3))
def test_of_a_damaged_picture_nothing_is_shared(made: Path, tmp_path: Path, seed: int) -> None:
    """What a decoder makes of damage depends on what else it has decoded."""
    path = _damaged(made, "h264-mp4", seed)
    look = _look(path, fps=2.0)
    alone, whole = list(_read(look)), list(_whole(path))
    with sharing([look], tmp_path) as shared:
        seen: list[np.ndarray] = []
        with pytest.raises(UnlikeAloneError):
            seen.extend(_whole(path))
        assert taken_along(look) is None
        shared.stop_taking()
        assert _equal(list(_whole(path)), whole)
        assert _equal(list(_read(look)), alone)


def test_damage_that_shows_when_somebody_stops_early_spoils_looks(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _coded(made, "h264")
    look = _look(path, start_s=0.5, duration_s=1.0)
    with sharing([look], tmp_path):
        frames = _whole(path)
        for _ in range(70):
            next(frames)
        monkeypatch.setattr(ffmpeg, "complains", lambda _: True)
        frames.close()  # type: ignore[attr-defined]
        assert taken_along(look) is None


def test_nothing_more_is_taken_along_once_that_is_over(made: Path, tmp_path: Path) -> None:
    path = _coded(made, "h264")
    with sharing([_look(path)], tmp_path) as shared:
        list(_whole(path))
        shared.stop_taking()
        assert taken_along(_look(path)) is not None
    with sharing([_look(path)], tmp_path) as shared:
        shared.stop_taking()
        list(_whole(path))
        assert taken_along(_look(path)) is None


def test_two_readings_never_write_into_one_file(made: Path, tmp_path: Path) -> None:
    look = _look(_coded(made, "h264"))
    with sharing([look], tmp_path) as shared:
        assert shared.file_for(look) != shared.file_for(look)
        assert shared.file_for(look).is_relative_to(tmp_path)
