from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.media_containers import encode, equi, insert_boxes, sa3d, spherical_xml, st3d, sv3d
from benchmarks.media_scenes import flat_view, make_scene
from benchmarks.media_sounds import RATE_HZ, source
from yt360 import ambisonics, sphere
from yt360.cli import inspect as inspect_cli
from yt360.cli import isolated_inspection
from yt360.cli.printable import printable_json
from yt360.errors import ItemError
from yt360.media import ffmpeg
from yt360.media.clips import ClipVideoWriter, write_clip_sound
from yt360.media.evidence import sound_picture
from yt360.media.inspect import inspect_media

SECONDS = 6


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    scene = make_scene(5, 180, 360).frames(8)
    return np.concatenate([scene] * 6)


@pytest.fixture(scope="module")
def foa() -> np.ndarray:
    """A source at azimuth 60°, elevation 20°, and a little of everything else."""
    rng = np.random.default_rng(9)
    n = SECONDS * RATE_HZ
    sound = ambisonics.encode(source(rng, n), np.radians(60), np.radians(20))
    for azimuth in (-2.0, 3.0):
        sound = sound + 0.2 * ambisonics.encode(source(rng, n), azimuth, 0.0)
    return np.asarray(sound)


def test_lone_members_of_a_clip_are_read_rightly(tmp_path: Path, frames: np.ndarray, foa: np.ndarray) -> None:
    """A picture is a whole sphere and a sound is AmbiX, each for certain, whatever libav calls four channels."""
    picture, sound = tmp_path / "a.video.mp4", tmp_path / "a.foa.flac"
    height, width = frames.shape[1:3]
    with ClipVideoWriter(picture, width, height, 8, gop=8, crf=20, preset="ultrafast") as out:
        for frame in frames:
            out.write(frame)
    write_clip_sound(sound, foa.T / np.abs(foa).max(), RATE_HZ, "PCM_24", {"SOURCE": "a", "SOURCE_START_S": "10"})
    seen, heard = inspect_media(picture).to_json(), inspect_media(sound).to_json()
    assert (seen["video"]["projection"], seen["video"]["stereo"]) == ("equirectangular", "mono")
    assert seen["video"]["projection_source"] == "both"
    assert not seen["video"]["disagreement"]
    ambisonic = heard["audio"]["ambisonics"]
    assert (ambisonic["verdict"], ambisonic["declared"]) == ("valid", "ambix")
    assert dict(ambisonic["posterior"])["ambix"] > 0.95
    assert "4 channels (AmbiX, declared)" in inspect_cli.describe({**heard, "file": str(sound)})


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory, frames: np.ndarray, foa: np.ndarray) -> Path:
    return encode(tmp_path_factory.mktemp("media") / "good.mkv", frames=frames, sound=foa, audio="opus")


def test_a_good_video_is_kept_and_its_sound_is_where_it_is(good: Path) -> None:
    inspection = inspect_media(good)
    report = inspection.to_json()
    json.dumps(inspection.facts(), allow_nan=False)
    assert report["verdict"] == "keep", report["reasons"]
    assert (report["video"]["projection"], report["video"]["projection_source"]) == ("equirectangular", "content")
    loudest = inspection.loudest_direction()
    assert loudest["azimuth_deg"] == pytest.approx(60, abs=6)
    assert loudest["elevation_deg"] == pytest.approx(20, abs=6)
    foa = inspection.heard_foa()
    assert foa is not None
    energy = ambisonics.energy_map(foa, 45, 90)
    row, column = np.unravel_index(energy.argmax(), energy.shape)
    assert 180 - 360 * (column + 0.5) / 90 == pytest.approx(60, abs=10)
    assert 90 - 180 * (row + 0.5) / 45 == pytest.approx(20, abs=12)


def test_the_picture_of_a_file_has_a_ring_where_its_sound_is(good: Path) -> None:
    inspection = inspect_media(good)
    picture = sound_picture(inspection, 112, 224)
    assert picture is not None
    foa = inspection.heard_foa()
    assert foa is not None
    heard = ambisonics.sound_direction(foa)
    row, column = sphere.to_pixels(heard.azimuth, heard.elevation, 112, 224)
    bright = (picture.min(axis=-1) > 250).nonzero()
    assert len(bright[0]) > 10
    assert np.hypot(bright[0] - row, bright[1] - column).max() < 8
    inspection.ambisonic = None
    assert sound_picture(inspection) is None


def test_picture_and_sound_in_two_files(tmp_path: Path, frames: np.ndarray, foa: np.ndarray) -> None:
    itag327 = np.stack([foa[3], foa[1], foa[0], 0 * foa[0], foa[2], 0 * foa[0]])
    video = encode(tmp_path / "v.mp4", frames=frames, sound=foa[[0, 0]], audio="aac", layout="stereo")
    sound = encode(tmp_path / "v.m4a", sound=itag327, audio="aac51")
    report = inspect_media(video, sound).facts()
    assert report["verdict"] == "keep", report["reasons"]
    assert report["sound_reading"]["source"] == "sound"
    assert report["audio"]["convention"] == "itag327"
    assert inspect_media(video).verdict == "reject"


@pytest.mark.parametrize("kind", ["st3d", "uuid"])
def test_metadata_and_picture_agree(tmp_path: Path, frames: np.ndarray, kind: str) -> None:
    path = encode(tmp_path / "x.mp4", frames=frames)
    if kind == "st3d":
        insert_boxes(path, b"vide", st3d(0), sv3d(equi()))
    else:
        insert_boxes(path, b"vide", spherical_xml(), in_track=True)
    video = inspect_media(path).to_json()["video"]
    assert (video["projection"], video["projection_source"], video["disagreement"]) == ("equirectangular", "both", "")


def test_metadata_that_lies_is_found_out(tmp_path: Path) -> None:
    flat = flat_view(make_scene(5), 12, 180, 320)
    path = encode(tmp_path / "x.mp4", frames=flat)
    insert_boxes(path, b"vide", st3d(0), sv3d(equi()))
    inspection = inspect_media(path)
    assert inspection.picture is not None
    assert "metadata says equirectangular" in inspection.picture.disagreement
    assert any(code == "not-360" for code, _ in inspection.reasons())


def test_a_sphere_that_was_squeezed_is_known_by_the_shape_of_its_pixels(
    tmp_path: Path, frames: np.ndarray, foa: np.ndarray
) -> None:
    path = encode(tmp_path / "x.mp4", frames=frames, sound=foa, audio="aac")
    square = []
    for pixels in ("1", "2", "100"):
        squeezed = tmp_path / f"{pixels}.mp4"
        squeeze = ["-vf", f"scale=128:128,setsar={pixels}", "-c:v", "libx264", "-crf", "12", "-c:a", "copy"]
        ffmpeg.run(["-y", "-i", str(path), *squeeze, str(squeezed)], timeout_s=60)
        found = inspect_media(squeezed)
        assert found.guess is not None
        square.append(found.guess.confidence if found.guess.layout == "equirectangular" else 0.0)
    assert 1 - square[1] < 0.4 * (1 - square[0])
    assert square[2] == pytest.approx(square[0], abs=0.02)  # out of all proportion: a mistake


def test_narrow_bounds_are_vr180(tmp_path: Path, frames: np.ndarray) -> None:
    path = encode(tmp_path / "x.mp4", frames=frames)
    insert_boxes(path, b"vide", sv3d(equi(left=0.25, right=0.25)))
    assert ("vr180", "metadata says that the picture covers 180° of the horizon, expected 360°") in inspect_media(
        path
    ).reasons()


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_cut_file_is_truncated(tmp_path: Path, frames: np.ndarray, foa: np.ndarray, suffix: str) -> None:
    whole = encode(tmp_path / f"whole.{suffix}", frames=frames, sound=foa, audio="opus" if suffix == "mkv" else "aac")
    cut = tmp_path / f"cut.{suffix}"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    try:
        kinds = [kind for kind, _ in inspect_media(cut).problems]
    except ItemError as error:
        kinds = [error.kind]
    assert kinds[0] == "truncated"


def test_scrambled_file_is_corrupt(good: Path, tmp_path: Path) -> None:
    data = bytearray(good.read_bytes())
    rng = np.random.default_rng(0)
    third = len(data) // 20
    data[third:-50] = rng.integers(0, 256, len(data) - 50 - third).astype(np.uint8).tobytes()
    (tmp_path / "bad.mkv").write_bytes(data)
    try:
        kinds = {kind for kind, _ in inspect_media(tmp_path / "bad.mkv").problems}
    except ItemError as error:
        kinds = {error.kind}
    assert kinds & {"corrupt", "truncated"}


@pytest.mark.parametrize(("content", "kind"), [(b"", "empty"), (b"just text, renamed", "not-media"), (None, "missing")])
def test_what_is_no_media(tmp_path: Path, content: bytes | None, kind: str) -> None:
    path = tmp_path / "x.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ItemError) as caught:
        inspect_media(path)
    assert caught.value.kind == kind
    assert "x.mp4" in str(caught.value)


@pytest.mark.parametrize("extension", [".jpg", ".png"])
def test_a_still_picture_is_called_one(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"still{extension}"
    assert cv2.imwrite(str(path), np.zeros((32, 64, 3), np.uint8))
    with pytest.raises(ItemError, match="a still picture, expected a video or sound file") as caught:
        inspect_media(path)
    assert caught.value.kind == "not-media"


def test_command_reports_every_file(good: Path, tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("text")
    picture = tmp_path / "map.png"
    done = CliRunner().invoke(inspect_cli.inspect_command, [str(tmp_path / "text.mp4"), str(good), "--json"])
    first, second = (json.loads(line) for line in done.output.splitlines())
    assert done.exit_code == 1
    assert first["error"]["kind"] == "not-media"
    assert second["verdict"] == "keep"
    assert {"file", "container", "duration_s", "video", "audio", "verdict", "reasons"} <= set(second)
    done = CliRunner().invoke(inspect_cli.inspect_command, [str(good), "--picture", str(picture)])
    assert done.exit_code == 0, done.output
    assert "ambisonics valid" in done.output
    assert picture.read_bytes()[:4] == b"\x89PNG"


def _dies(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def test_decoder_that_kills_its_process_ends_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolated_inspection, "_child", _dies)
    report = isolated_inspection.inspect_isolated("hostile.mov")
    assert report["error"]["kind"] == "crash"
    assert "SIGSEGV" in report["error"]["message"]
    assert "hostile" in report["error"]["message"]


def test_a_file_that_ffmpeg_reads_is_not_called_hostile(monkeypatch: pytest.MonkeyPatch, good: Path) -> None:
    monkeypatch.setattr(isolated_inspection, "_child", _dies)
    message = isolated_inspection.inspect_isolated(str(good))["error"]["message"]
    assert "hostile" not in message
    assert "PyAV" in message


def test_codec_that_nobody_knows_is_told(frames: np.ndarray, foa: np.ndarray, tmp_path: Path) -> None:
    """Regression: libav has no context for such a stream; other streams of the file are still looked at."""
    data = encode(tmp_path / "known.mp4", frames=frames[:8], sound=foa, audio="aac").read_bytes()
    unknown = tmp_path / "unknown.mp4"
    unknown.write_bytes(data.replace(b"avc1", b"zzz1"))
    found = inspect_media(unknown)
    assert found.picture is None
    assert found.ambisonic is not None
    mute = encode(tmp_path / "mute.mp4", frames=frames[:8]).read_bytes()
    unknown.write_bytes(mute.replace(b"avc1", b"zzz1"))
    with pytest.raises(ItemError) as caught:
        inspect_media(unknown)
    assert caught.value.kind == "unknown-codec"


def test_memory_of_one_file_is_bounded(good: Path) -> None:
    report = isolated_inspection.inspect_isolated(str(good), memory_mb=40)
    assert report["error"]["kind"] == "too-large"
    assert "--memory-mb" in report["error"]["message"]


def test_pcm_with_a_channel_map_that_libav_crashes_on(foa: np.ndarray, tmp_path: Path) -> None:
    """PyAV 18.1 double-frees on an SA3D map other than the identity: the map is hidden from it."""
    path = encode(tmp_path / "x.mov", sound=foa[[0, 3, 1, 2]], audio="pcm")
    insert_boxes(path, b"soun", sa3d([0, 2, 3, 1]))
    report = isolated_inspection.inspect_isolated(str(path))
    assert "error" not in report, report
    assert report["audio"]["channel_map"] == [0, 2, 3, 1]
    assert report["audio"]["ambisonics"]["verdict"] == "valid"


def test_sixteen_channels_of_opus_kill_nothing(foa: np.ndarray, tmp_path: Path) -> None:
    """Third-order ambisonics: its first four channels are first-order."""
    sound = np.concatenate([foa, 1e-3 * np.random.default_rng(0).standard_normal((12, foa.shape[1]))])
    report = isolated_inspection.inspect_isolated(str(encode(tmp_path / "x.mkv", sound=sound, layout="ambisonic 3")))
    assert "error" not in report, report
    assert report["audio"]["channels"] == 16
    assert report["audio"]["ambisonics"]["verdict"] == "valid"


def test_picture_and_sound_are_held_against_each_other(good: Path) -> None:
    agreement = inspect_media(good).to_json()["agreement"]
    assert {"score", "yaw_deg", "confidence", "flip", "order", "moments"} <= set(agreement)
    assert -1 <= agreement["score"] <= agreement["best_score"] <= 1


def test_names_of_files_cannot_paint_the_terminal(tmp_path: Path) -> None:
    file = tmp_path / "a\x1b]0;owned\x07\x1b[31m.mp4"
    file.write_bytes(b"")
    said = CliRunner().invoke(inspect_cli.inspect_command, [str(file)]).output
    assert all(line.isprintable() for line in said.splitlines())
    assert "owned" in said


def test_a_name_that_is_no_utf8_is_escaped_in_json(tmp_path: Path) -> None:
    report = {"file": os.fsdecode(b"caf\xe9.mp4")}
    assert json.loads(printable_json(report)) == report
    printable_json(report).encode()
    assert "é" in printable_json({"file": "café.mp4"})


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["v.mp4", "v.f327.m4a"], "v.f327.m4a"),
        (["v.mp4", "v.wav", "v.f327.m4a", "other.ogg"], "v.f327.m4a"),
        (["v.mp4", "other.wav", "v.info.json"], None),
        (["v.mp4", "v.webm", "v.wav"], None),
        (["v.mp4", "v2.wav"], None),
    ],
)
def test_the_sound_beside_a_picture_is_the_one_that_a_crawl_pairs(
    tmp_path: Path, names: list[str], found: str | None
) -> None:
    for name in names:
        (tmp_path / name).touch()
    beside = inspect_cli.sound_beside(str(tmp_path / "v.mp4"))
    assert (beside.name if beside else None) == found
    hints = list(inspect_cli._hints(str(tmp_path / "v.mp4"), {}, None, None))
    assert len(hints) == (1 if found else 0)
    assert all(f"--sound {tmp_path / str(found)}" in hint for hint in hints)


def test_inspect_says_what_picture_it_wrote_or_that_it_did_not(tmp_path: Path) -> None:
    assert "wrote map.png" in next(inspect_cli._hints("x.mp4", {"picture": "map.png"}, "s.wav", "map.png"))
    assert "not written" in next(inspect_cli._hints("x.mp4", {"picture": None}, "s.wav", "map.png"))
