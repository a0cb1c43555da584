"""A look at key frames alone decodes nothing else, whatever the codec makes of being told to skip frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.media.ffmpeg_calls import ffmpeg_calls
from yt360.media import ffmpeg
from yt360.media.picture import VideoDecodeSpec
from yt360.media.reading_picture import read_frames

_SIZE = (96, 192)
_CODINGS = {
    "h264": ("mkv", ("-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-g", "60", "-keyint_min", "60")),
    "hevc": ("mp4", ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "keyint=60:log-level=error")),
    "av1": ("mp4", ("-c:v", "libsvtav1", "-preset", "12", "-g", "60", "-crf", "45")),
    "vp9": ("webm", ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "60")),
}


def _coded(folder: Path, codec: str) -> Path:
    """Five seconds with a key frame every two; every frame looks different."""
    kind, words = _CODINGS[codec]
    path = folder / f"{codec}.{kind}"
    source = ("-f", "lavfi", "-i", "testsrc2=size=192x96:rate=30:duration=5")
    ffmpeg.run([*source, "-pix_fmt", "yuv420p", *words, str(path)], timeout_s=300)
    return path


def _reading(codec: str, **more: object) -> VideoDecodeSpec:
    return VideoDecodeSpec(_SIZE[1], _SIZE[0], codec, **more)  # type: ignore[arg-type]


def _looked(path: Path, reading: VideoDecodeSpec, *, key_frames: bool) -> list[np.ndarray]:
    return list(read_frames(path, reading, height=48, width=96, fps=2.0, gray=True, key_frames=key_frames))


@pytest.mark.parametrize("codec", _CODINGS)
def test_each_output_shows_the_key_frame_in_front_of_it(tmp_path: Path, codec: str) -> None:
    path = _coded(tmp_path, codec)
    whole = list(read_frames(path, _reading(codec), height=48, width=96, gray=True))
    seen = _looked(path, _reading(codec), key_frames=True)
    assert len(seen) >= 8
    assert all(np.array_equal(frame, whole[number // 4 * 60]) for number, frame in enumerate(seen))


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_messages_are_taken_out_of_key_frames_as_well(tmp_path: Path, codec: str) -> None:
    path = _coded(tmp_path, codec)
    kept, dropped = (_looked(path, _reading(codec, drop_sei=drop), key_frames=True) for drop in (False, True))
    assert np.array_equal(kept, dropped)


def test_another_ffmpeg_is_only_told_to_skip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _coded(tmp_path, "h264")
    ours = _looked(path, _reading("h264"), key_frames=True)
    monkeypatch.setenv("YT360_FFMPEG", ffmpeg.executable())
    asked = ffmpeg_calls(monkeypatch)
    assert np.array_equal(_looked(path, _reading("h264"), key_frames=True), ours)
    assert "-skip_frame" in asked[0]
    assert "-bsf:v" not in asked[0]
