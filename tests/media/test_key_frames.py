"""Where a look begins that need not begin at an exact place."""

from __future__ import annotations

from pathlib import Path

import pytest

from yt360.media import ffmpeg
from yt360.media.key_frames import cheap_start_s
from yt360.media.picture import VideoDecodeSpec

_SIZE = (96, 192)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("key-frames")


def _coded(folder: Path, kind: str, *, late_s: float = 0.0) -> Path:
    """Ten seconds with a key frame every two, B-frames between them; the clock of a late one begins at ``late_s``."""
    path = folder / f"late-{late_s:g}.{kind}"
    source = ["-f", "lavfi", "-i", "testsrc2=size=192x96:rate=25:duration=10"]
    coding = ["-c:v", "libx264", "-bf", "3", "-g", "50", "-keyint_min", "50", "-sc_threshold", "0"]
    ffmpeg.run([*source, *coding, "-output_ts_offset", f"{late_s}", "-y", str(path)], timeout_s=60)
    return path


def _reading(**more: object) -> VideoDecodeSpec:
    return VideoDecodeSpec(_SIZE[1], _SIZE[0], "h264", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["mp4", "mkv"])
@pytest.mark.parametrize("late_s", [0.0, 3.0])
def test_a_look_begins_just_behind_the_last_key_frame_on_the_container_s_clock(
    made: Path, kind: str, late_s: float
) -> None:
    path = _coded(made, kind, late_s=late_s)
    for at_s, key_s in ((3.9, 2.0), (4.5, 4.0), (9.7, 8.0)):
        assert key_s < cheap_start_s(path, _reading(), at_s, 0.0) <= key_s + 0.2


def test_it_never_begins_later_than_it_was_to(made: Path) -> None:
    path = _coded(made, "mkv")
    assert cheap_start_s(path, _reading(), 4.05, 0.0) == 4.05
    assert cheap_start_s(path, _reading(), 0.0, 0.0) == 0.0


def test_nor_earlier_than_it_may(made: Path) -> None:
    path = _coded(made, "mkv")
    assert cheap_start_s(path, _reading(), 3.9, 1.99) < 3.9
    assert cheap_start_s(path, _reading(), 3.9, 2.01) == 3.9


def test_what_cannot_be_told_stays(made: Path, tmp_path: Path) -> None:
    assert cheap_start_s(_coded(made, "ts"), _reading(), 3.9, 0.0) == 3.9
    cut = _reading(edits=((0.0, 1.0, 9.0),))
    assert cheap_start_s(_coded(made, "mkv"), cut, 3.9, 0.0) == 3.9
    (tmp_path / "none.mkv").write_bytes(b"no video at all")
    assert cheap_start_s(tmp_path / "none.mkv", _reading(), 3.9, 0.0) == 3.9
    assert cheap_start_s(_coded(made, "mkv"), _reading(stream=3), 3.9, 0.0) == 3.9


@pytest.mark.parametrize("kind", ["mp4", "mkv"])
def test_ffmpeg_decodes_from_that_key_frame_and_not_from_the_one_before(made: Path, kind: str) -> None:
    path = _coded(made, kind)
    at_s = cheap_start_s(path, _reading(), 5.5, 0.0)
    sought = ["-noaccurate_seek", *ffmpeg.span(at_s, None)]
    shown = ["-vf", "scale=192:96", "-f", "rawvideo", "-pix_fmt", "gray", "-fps_mode", "passthrough", "pipe:1"]
    done = ffmpeg.run([*ffmpeg.input_arguments(path, before=sought), *shown], timeout_s=60)
    frames = len(done.stdout) // (_SIZE[0] * _SIZE[1])
    assert frames == (10 - 4) * 25
