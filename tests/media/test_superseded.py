"""Frames that no output shows are not decoded, and nobody can tell: readings are held against ones that decode all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from yt360.media import ffmpeg, superseded, unreferenced
from yt360.media.picture import VideoDecodeSpec
from yt360.media.reading_picture import read_frames

_SIZE = (96, 192)
_SOURCE = ("-f", "lavfi", "-i", "testsrc2=size=192x96:rate=30:duration=5,noise=alls=12:allf=t")
_VARIABLE = "select='not(eq(mod(n,7),3))*not(between(n,61,75))'"
_X264 = ("-c:v", "libx264", "-preset", "veryfast", "-bf", "3")
_X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-bf", "4")
_CODINGS: dict[str, tuple[str, tuple[str, ...]]] = {
    "h264": ("mkv", (*_X264, "-g", "60")),
    "h264-mp4": ("mp4", (*_X264, "-g", "60")),
    "h264-variable": ("mp4", ("-vf", _VARIABLE, "-fps_mode", "vfr", *_X264, "-g", "50")),
    "h264-open-gop": ("mkv", (*_X264, "-g", "40", "-x264-params", "open-gop=1:b-pyramid=normal:log-level=error")),
    "h264-slices": ("mp4", (*_X264, "-slices", "4", "-g", "45")),
    "h264-ntsc": ("mp4", ("-vf", "settb=1001/30000,setpts=N", "-r", "30000/1001", *_X264, "-g", "60")),
    "hevc": ("mp4", (*_X265, "-tag:v", "hvc1", "-x265-params", "keyint=60:log-level=error")),
    "hevc-layers": ("mkv", (*_X265, "-x265-params", "keyint=60:temporal-layers=3:log-level=error")),
    "av1": ("mp4", ("-c:v", "libsvtav1", "-preset", "12", "-g", "60", "-crf", "45")),
    "av1-screen": ("mkv", ("-c:v", "libsvtav1", "-preset", "12", "-g", "60", "-crf", "45", "-svtav1-params", "scm=1")),
    "vp9": ("webm", ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "60")),
}
_LOOKS: tuple[dict[str, float], ...] = (
    {"fps": 2},
    {"fps": 24, "duration_s": 4.0},
    {"fps": 23.976, "start_s": 2.37},
    {"fps": 16, "start_s": 1.2, "duration_s": 2.0},
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("superseded")


def _coded(folder: Path, name: str) -> Path:
    kind, words = _CODINGS[name]
    path = folder / f"{name}.{kind}"
    if not path.exists():
        ffmpeg.run([*_SOURCE, "-pix_fmt", "yuv420p", *words, str(path)], timeout_s=300)
    return path


def _reading(path: Path, **more: Any) -> VideoDecodeSpec:
    return VideoDecodeSpec(_SIZE[1], _SIZE[0], path.stem.partition("-")[0], **more)


def _frames(path: Path, reading: VideoDecodeSpec, look: dict[str, float]) -> list[np.ndarray]:
    frames: Iterator[np.ndarray] = read_frames(path, reading, height=48, width=96, gray=True, **look)  # type: ignore[arg-type]
    return list(frames)


def _left_out(monkeypatch: pytest.MonkeyPatch, path: Path, reading: VideoDecodeSpec, look: dict[str, float]) -> int:
    """How many frames were not decoded, once what came out is known to be what decoding all gives."""
    found = []
    ask = superseded.superseded

    def asked(*arguments: Any, **named: Any) -> superseded.Superseded | None:
        found.append(ask(*arguments, **named))
        return found[-1]

    with monkeypatch.context() as patch:
        patch.setattr(superseded, "superseded", asked)
        some = _frames(path, reading, look)
        patch.setattr(superseded, "superseded", lambda *_, **__: None)
        whole = _frames(path, reading, look)
    assert len(some) == len(whole) > 0
    assert all(np.array_equal(a, b) for a, b in zip(some, whole, strict=True))
    return sum(len(each.at) for each in found if each is not None)


@pytest.mark.parametrize("name", _CODINGS)
def test_every_coding_shows_what_it_shows_decoded_whole(monkeypatch: pytest.MonkeyPatch, made: Path, name: str) -> None:
    path = _coded(made, name)
    left_out = [_left_out(monkeypatch, path, _reading(path), look) for look in _LOOKS]
    # Of layers only the highest may go, and of VP9 nothing.
    least = {"vp9": 0, "hevc-layers": 20}.get(name, 40)
    assert sum(left_out) >= least
    assert left_out[0] >= least / 4


def test_an_edit_list_goes_by_the_track(monkeypatch: pytest.MonkeyPatch, made: Path) -> None:
    path = _coded(made, "h264-mp4")
    edits = ((0.0, 2.5, 2.0), (2.5, 0.4, 2.0))
    for fps in (24.0, 2.0):
        assert _left_out(monkeypatch, path, _reading(path, edits=edits), {"fps": fps, "duration_s": 4.5}) > 8


def test_a_cut_that_the_container_hides(monkeypatch: pytest.MonkeyPatch, made: Path) -> None:
    whole, cut = _coded(made, "h264-mp4"), made / "h264-cut.mp4"
    ffmpeg.run(["-ss", "1.3", "-i", str(whole), "-c", "copy", str(cut)], timeout_s=60)
    for look in _LOOKS:
        _left_out(monkeypatch, cut, _reading(cut), look)


def test_messages_that_are_taken_out_are_still(monkeypatch: pytest.MonkeyPatch, made: Path) -> None:
    for name in ("h264", "hevc"):
        path = _coded(made, name)
        assert _left_out(monkeypatch, path, _reading(path, drop_sei=True), {"fps": 2.0}) > 8


def test_another_clock_decodes_everything(monkeypatch: pytest.MonkeyPatch, made: Path) -> None:
    """Where the times by which frames were chosen are not ffmpeg's, what was chosen is not used."""
    path = _coded(made, "h264")
    whole = _frames(path, _reading(path), {"fps": 2.0})
    chosen = superseded.superseded(path, 0, fps=2.0, begin_s=0.0, start_s=0.0, duration_s=None, in_track=False)
    assert chosen is not None
    late = superseded.Superseded(chosen.at[-90:], tuple(at_s + 0.011 for at_s in chosen.times_s), chosen.unit_s)
    monkeypatch.setattr(superseded, "superseded", lambda *_, **__: late)
    assert all(np.array_equal(a, b) for a, b in zip(_frames(path, _reading(path), {"fps": 2.0}), whole, strict=True))


@pytest.mark.parametrize("fps", [30.0, 60.0])
def test_nothing_is_looked_for_where_every_frame_is_shown(made: Path, fps: float) -> None:
    found = superseded.superseded(
        _coded(made, "h264"), 0, fps=fps, begin_s=0.0, start_s=0.0, duration_s=None, in_track=False
    )
    assert found is None


def test_another_ffmpeg_decodes_everything(monkeypatch: pytest.MonkeyPatch, made: Path) -> None:
    monkeypatch.setenv("YT360_FFMPEG", ffmpeg.executable())
    found = superseded.superseded(
        _coded(made, "h264"), 0, fps=2.0, begin_s=0.0, start_s=0.0, duration_s=None, in_track=False
    )
    assert found is None


_AVC, _HEVC = b"\1\0\0\0\3", b"\1" + bytes(20) + b"\3"


def _unit(*content: int) -> bytes:
    return len(content).to_bytes(4, "big") + bytes(content)


@pytest.mark.parametrize(
    ("codec", "extradata", "packet", "layer", "not_referred_to"),
    [
        ("h264", _AVC, _unit(0x01, 0x9A), 0, True),
        ("h264", _AVC, _unit(0x41, 0x9A), 0, False),
        ("h264", _AVC, _unit(0x01, 0x9A) + _unit(0x21, 0x9A), 0, False),
        ("h264", _AVC, _unit(0x06, 0x05) + _unit(0x01, 0x9A), 0, True),
        ("h264", _AVC, _unit(0x67, 0x05) + _unit(0x01, 0x9A), 0, False),
        ("h264", _AVC, _unit(0x06, 0x05), 0, False),
        ("hevc", _HEVC, _unit(0x00, 0x01, 0xAF), 0, True),
        ("hevc", _HEVC, _unit(0x02, 0x01, 0xAF), 0, False),
        ("hevc", _HEVC, _unit(0x04, 0x03, 0xAF), 2, True),
        ("hevc", _HEVC, _unit(0x42, 0x01, 0xAF) + _unit(0x00, 0x01, 0xAF), 0, False),
    ],
)  # fmt: skip
def test_what_refers_to_a_packet(
    codec: str, extradata: bytes, packet: bytes, layer: int, not_referred_to: bool
) -> None:
    read = unreferenced.reader(codec, extradata)
    assert read is not None
    assert read(memoryview(packet)) == unreferenced.Referred(layer, not_referred_to)


@pytest.mark.parametrize("packet", [b"\0\0\0\x09\1\2", b"\0\0\0\1\1", b"\0\0", b"\xff\xff\xff\xff\1\2"])
def test_a_packet_that_its_units_do_not_fill_is_refused(packet: bytes) -> None:
    for codec, extradata in (("h264", _AVC), ("hevc", _HEVC)):
        read = unreferenced.reader(codec, extradata)
        assert read is not None
        with pytest.raises(ValueError, match="fill"):
            read(memoryview(packet))


@pytest.mark.parametrize(
    ("codec", "extradata"), [("vp9", b""), ("h264", b"\0\0\0\1\x67"), ("hevc", b"\1"), ("av1", b"")]
)
def test_nothing_is_known_of_other_streams(codec: str, extradata: bytes) -> None:
    assert unreferenced.reader(codec, extradata) is None
