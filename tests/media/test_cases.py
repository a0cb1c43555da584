"""Valid files on which readers of the trade have failed: each kind made here, and the cases beside the checkout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from scipy.signal import correlate

from benchmarks.media_containers import encode, equi, insert_boxes, sa3d, sv3d
from benchmarks.media_scenes import make_scene
from benchmarks.media_sounds import foa_scene
from tests import SHARED
from yt360.cli import isolated_inspection
from yt360.cli.isolated_inspection import inspect_isolated
from yt360.media import ffmpeg
from yt360.media.channel_order import plan_channels
from yt360.media.containers.spatial import SoundMetadata
from yt360.media.inspect import inspect_media
from yt360.media.picture import VideoDecodeSpec, matrix_turn, turned
from yt360.media.probe import AudioStream
from yt360.media.reading_picture import read_frames
from yt360.media.reading_sound import read_sound
from yt360.media.sound import FoaDecodeSpec
from yt360.media.timeline import SoundNotes

CASES = SHARED / "cases"
RATE = 24_000
needs_cases = pytest.mark.skipif(not CASES.is_dir(), reason=f"needs the cases in {CASES}")


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    return np.concatenate([make_scene(5, 128, 256).frames(8)] * 8)


@pytest.fixture(scope="module")
def foa() -> np.ndarray:
    return 0.3 * foa_scene(np.random.default_rng(4), 8 * RATE)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory, frames: np.ndarray, foa: np.ndarray) -> Path:
    return encode(tmp_path_factory.mktemp("good") / "good.mp4", frames=frames, sound=foa, audio="aac")


def convert(source: Path, path: Path, *options: str, before: tuple[str, ...] = ()) -> Path:
    ffmpeg.run(["-y", *before, "-i", str(source), *options, str(path)], timeout_s=60)
    return path


# Picture ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("angle", [90, 180, -90])
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_the_picture_is_turned_as_players_show_it(
    tmp_path: Path, good: Path, frames: np.ndarray, angle: int, suffix: str
) -> None:
    undo = {90: "transpose=clock", 180: "hflip,vflip", -90: "transpose=cclock"}[angle]
    coded = convert(good, tmp_path / "coded.mp4", "-vf", undo, "-c:v", "libx264", "-crf", "12", "-c:a", "copy")
    path = convert(coded, tmp_path / f"x.{suffix}", "-c", "copy", before=("-display_rotation", str(angle)))
    inspection = inspect_media(path)
    assert inspection.verdict == "keep", inspection.reasons()
    assert inspection.picture is not None
    reading = inspection.picture.reading
    assert reading is not None
    assert (reading.width, reading.height) == (256, 128)
    assert VideoDecodeSpec.from_json(reading.to_json()) == reading
    shown = next(read_frames(path, reading, height=128, width=256, gray=True))
    upright = next(read_frames(good, VideoDecodeSpec(256, 128), height=128, width=256, gray=True))
    assert np.abs(shown.astype(float) - upright).mean() < 4


def test_turns_of_a_display_matrix_are_those_of_the_filters(tmp_path: Path) -> None:
    picture = np.arange(24, dtype=np.uint8).reshape(4, 6) * 10
    path = encode(tmp_path / "x.mkv", frames=picture[None].repeat(2, 0), video="rgb")
    for signs in [(1, 0, 0, 1), (0, 1, -1, 0), (0, -1, 1, 0), (-1, 0, 0, -1), (-1, 0, 0, 1), (1, 0, 0, -1),
                  (0, 1, 1, 0), (0, -1, -1, 0)]:  # fmt: skip
        a, b, c, d = (sign << 16 for sign in signs)
        turn = matrix_turn((a, b, 0, c, d, 0, 0, 0, 1 << 30))
        wanted = _placed(picture, signs)
        np.testing.assert_array_equal(turned(picture, turn), wanted)
        height, width = wanted.shape
        found = next(
            read_frames(path, VideoDecodeSpec(width, height, turn=turn), height=height, width=width, gray=True)
        )
        assert np.abs(found.astype(int) - wanted).max() <= 2, turn


def _placed(picture: np.ndarray, signs: tuple[int, ...]) -> np.ndarray:
    """By the definition: the point (x, y) is shown at (a x + c y, b x + d y), moved into view."""
    a, b, c, d = signs
    height, width = picture.shape
    points = {(a * x + c * y, b * x + d * y): picture[y, x] for y in range(height) for x in range(width)}
    left, top = min(x for x, _ in points), min(y for _, y in points)
    shown = np.zeros((width, height) if a == 0 else (height, width), np.uint8)
    for (x, y), value in points.items():
        shown[y - top, x - left] = value
    return shown


def test_a_cover_in_front_of_the_picture_is_not_the_picture(tmp_path: Path, good: Path) -> None:
    """mutagen writes it so; every reader must count the streams alike."""
    mutagen_mp4 = pytest.importorskip("mutagen.mp4")
    path = convert(
        good, tmp_path / "x.mp4", "-c", "copy", "-map_metadata", "-1", "-fflags", "+bitexact", "-movflags", "+faststart"
    )
    cover = convert(good, tmp_path / "cover.jpg", "-frames:v", "1", "-vf", "negate")
    tagged = mutagen_mp4.MP4(path)
    tagged["covr"] = [mutagen_mp4.MP4Cover(cover.read_bytes())]
    tagged.save()
    reading = inspect_media(path).picture.reading  # type: ignore[union-attr]
    assert reading is not None
    shown = list(read_frames(path, reading, height=64, width=128, fps=4, gray=True))
    plain = list(read_frames(good, VideoDecodeSpec(256, 128), height=64, width=128, fps=4, gray=True))
    assert len(shown) == len(plain) > 20
    np.testing.assert_array_equal(shown[5], plain[5])


def test_a_clip_that_begins_inside_a_frame_shows_that_frame(tmp_path: Path) -> None:
    """No frames between 2 s and 6 s; whoever begins to read at 4 s sees the picture of 2 s until 6 s."""
    pictures = np.stack([np.full((32, 64, 3), 10 * k, np.uint8) for k in range(20)])
    path = encode(tmp_path / "x.mkv", frames=pictures, fps=2, video="rgb")
    options = ("-vf", "select='not(between(t,2.4,5.9))'", "-fps_mode", "passthrough", "-c:v", "ffv1")
    stalled = convert(path, tmp_path / "stall.mkv", *options, "-pix_fmt", "bgr0")
    spec = VideoDecodeSpec(64, 32)
    from_start = [int(f.mean()) for f in read_frames(stalled, spec, height=16, width=32, fps=4, duration_s=9.0)]
    late = [int(f.mean()) for f in read_frames(stalled, spec, height=16, width=32, fps=4, start_s=4.0, duration_s=4.0)]
    assert from_start[16:32] == late
    assert late[:8] == [40] * 8


@pytest.mark.parametrize("suffix", ["ts", "m2ts", "mkv"])
def test_a_single_key_frame_at_the_start_is_found_from_everywhere(tmp_path: Path, good: Path, suffix: str) -> None:
    """MPEG-TS is sought to any packet, Matroska without cues of a track to any cluster."""
    path = convert(good, tmp_path / f"x.{suffix}", "-c", "copy")
    if suffix == "mkv":
        slow = convert(good, tmp_path / "slow.mov", "-vf", "fps=1", "-c:v", "mjpeg", "-an")
        ffmpeg.run(["-y", "-i", str(slow), "-i", str(good), "-map", "0:v", "-map", "1", "-c", "copy", str(path)],
                   timeout_s=60)  # fmt: skip
    inspection = inspect_media(path)
    assert inspection.verdict == "keep", inspection.reasons()
    assert inspection.picture is not None
    reading = inspection.picture.reading
    assert reading is not None
    assert reading.codec == "h264"
    shown = next(read_frames(path, reading, height=64, width=128, fps=8, start_s=4.0, gray=True))
    wanted = next(read_frames(good, VideoDecodeSpec(256, 128), height=64, width=128, fps=8, start_s=4.0, gray=True))
    np.testing.assert_array_equal(shown, wanted)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_still_in_front_is_not_the_picture_even_if_it_is_a_sphere(tmp_path: Path, good: Path, suffix: str) -> None:
    still = convert(good, tmp_path / "still.jpg", "-frames:v", "1", "-vf", "negate")
    path = tmp_path / f"x.{suffix}"
    ffmpeg.run(["-y", "-i", str(still), "-i", str(good), "-map", "0:v", "-map", "1", "-c", "copy", str(path)],
               timeout_s=60)  # fmt: skip
    reading = inspect_media(path).picture.reading  # type: ignore[union-attr]
    assert reading is not None
    assert (reading.codec, reading.stream) == ("h264", 1)


# Lengths and tracks -------------------------------------------------------------------------------------------


def test_a_file_without_a_stated_length_is_measured(tmp_path: Path, good: Path, foa: np.ndarray) -> None:
    live = convert(good, tmp_path / "live.mkv", "-c:v", "copy", "-c:a", "pcm_s16le", "-f", "matroska", "-live", "1")
    report = inspect_media(live).to_json()
    assert report["verdict"] == "keep", report["reasons"]
    assert report["duration_s"] == pytest.approx(8, abs=0.2)
    flac = encode(tmp_path / "x.flac", sound=foa, audio="flac")
    data = bytearray(flac.read_bytes())
    data[21:26] = bytes([data[21] & 0xF0, 0, 0, 0, 0])
    flac.write_bytes(data)
    inspection = inspect_media(good, flac)
    assert inspection.verdict == "keep", inspection.reasons()
    assert inspection.overlap[1] == pytest.approx(8, abs=0.2)


def test_an_avi_that_was_written_to_a_pipe_is_measured(tmp_path: Path, good: Path) -> None:
    """Its header states 8000 s, as the writer could not come back to it."""
    path = tmp_path / "x.avi"
    path.write_bytes(ffmpeg.run(["-i", str(good), "-c", "copy", "-f", "avi", "pipe:1"], timeout_s=60).stdout)
    inspection = inspect_media(path)
    assert inspection.verdict == "keep", inspection.reasons()
    assert inspection.overlap[1] == pytest.approx(8, abs=0.3)


def test_the_end_of_another_track_is_not_the_end_of_the_picture(tmp_path: Path, good: Path) -> None:
    (tmp_path / "s.srt").write_text("1\n00:00:01,000 --> 00:00:20,000\nwords\n")
    subtitled = tmp_path / "subtitled.mkv"
    ffmpeg.run(["-y", "-i", str(good), "-i", str(tmp_path / "s.srt"), "-map", "0", "-map", "1", "-c:v", "copy",
                "-c:a", "copy", "-c:s", "srt", str(subtitled)], timeout_s=60)  # fmt: skip
    late = convert(good, tmp_path / "late.mkv", "-c", "copy", "-output_ts_offset", "100")
    for path in (subtitled, late):
        inspection = inspect_media(path)
        assert inspection.verdict == "keep", inspection.reasons()
        assert inspection.overlap == pytest.approx((0, 8), abs=0.15)


def test_the_declared_track_counts(tmp_path: Path, frames: np.ndarray, foa: np.ndarray) -> None:
    surround = np.concatenate([foa[[1, 2, 0]], 0.2 * foa[:1], foa[3:], foa[1:2]])
    six = encode(tmp_path / "six.mp4", frames=frames, sound=surround, audio="aac51")
    four = encode(tmp_path / "four.m4a", sound=foa, audio="aac")
    path = tmp_path / "two.mp4"
    ffmpeg.run(
        ["-y", "-i", str(four), "-i", str(six), "-map", "1:v", "-map", "0:a", "-map", "1:a", "-c", "copy", str(path)],
        timeout_s=60,
    )
    insert_boxes(path, b"soun", sa3d([0, 1, 2, 3]))
    insert_boxes(path, b"vide", sv3d(equi()))
    swapped = tmp_path / "swapped.mp4"
    flat = encode(tmp_path / "flat.mp4", frames=np.zeros((64, 90, 160, 3), np.uint8))
    ffmpeg.run(["-y", "-i", str(flat), "-i", str(path), "-map", "0:v", "-map", "1:v", "-map", "1:a:1", "-map", "1:a:0",
                "-c", "copy", "-strict", "unofficial", str(swapped)], timeout_s=60)  # fmt: skip
    inspection = inspect_media(swapped)
    assert inspection.verdict == "keep", inspection.reasons()
    assert (inspection.picture.reading.stream, inspection.ambisonic.reading.stream) == (1, 1)  # type: ignore[union-attr]


# Channels and parameters --------------------------------------------------------------------------------------


def test_six_channels_are_judged_by_their_sound(tmp_path: Path, foa: np.ndarray) -> None:
    pair = 0.1 * np.random.default_rng(2).standard_normal((2, foa.shape[1]))
    path = encode(tmp_path / "x.mov", sound=np.concatenate([foa, pair]), audio="pcm", layout="5.1")
    found = inspect_media(path).ambisonic
    assert found is not None
    assert found.reading is not None, found.words
    assert (found.reading.order, found.reading.head_locked) == ((0, 1, 2, 3), (4, 5))
    feeds = np.abs(foa[[3, 1, 0]])
    wrong = np.concatenate([feeds, 0.1 * feeds[:1], feeds[:2]])
    refused = inspect_media(encode(tmp_path / "y.mov", sound=wrong, audio="pcm", layout="5.1")).ambisonic
    assert refused is not None
    assert refused.reading is None
    assert refused.reason in ("invalid-ambisonics", "uncertain-ambisonics")


@pytest.mark.parametrize("channels", [11, 18, 27, 38])
def test_a_pair_behind_any_order_is_doubted_not_refused(channels: int) -> None:
    stream = AudioStream(0, "pcm_s16le", 48_000, channels, f"{channels} channels", None, 0.0, 1.0)
    plan = plan_channels(stream, SoundMetadata(), [-20.0] * channels)
    assert plan.order == (0, 1, 2, 3)
    assert plan.doubt
    assert plan.head_locked == (channels - 2, channels - 1)


def test_sound_that_libav_cannot_decode_is_there_all_the_same(tmp_path: Path, good: Path) -> None:
    for fourcc, name in ((b"apac", "APAC"), (b"ac-4", "AC-4"), (b"mhm1", "MPEG-H")):
        path = tmp_path / f"{name}.mp4"
        data = good.read_bytes()
        at = data.index(b"mp4a", data.index(b"soun"))
        path.write_bytes((data[:at] + fourcc + data[at + 4 :]).replace(b"esds", b"free"))
        reasons = inspect_media(path).reasons()
        assert [code for code, _ in reasons] == ["unknown-codec"]
        assert f"the 4-channel sound is {name}" in reasons[0][1]


def test_a_codec_without_a_name_is_not_made_up(tmp_path: Path, good: Path) -> None:
    path = convert(good, tmp_path / "x.mkv", "-c", "copy")
    path.write_bytes(path.read_bytes().replace(b"A_AAC", b"A_XYZ"))
    assert inspect_media(path).reasons() == [
        ("unknown-codec", "there is a sound of a codec that libav does not know; convert it to FLAC or WAV")
    ]


def test_sound_that_libav_cannot_decode_is_named_beside_a_stereo_track(tmp_path: Path, good: Path) -> None:
    stereo = encode(tmp_path / "stereo.m4a", sound=np.zeros((2, 8 * RATE)), rate_hz=RATE, audio="aac", layout="stereo")
    path = tmp_path / "both.mp4"
    ffmpeg.run(
        ["-y", "-i", str(stereo), "-i", str(good), "-map", "0:a", "-map", "1", "-c", "copy", str(path)], timeout_s=60
    )
    data = path.read_bytes()
    at = data.rindex(b"mp4a")
    path.write_bytes(data[:at] + b"apac" + data[at + 4 :].replace(b"esds", b"free", 1))
    words = dict(inspect_media(path).reasons())["no-ambisonics"]
    assert "the sound is stereo" in words
    assert "the 4-channel sound is APAC" in words


def test_samples_that_are_no_numbers_are_zero_and_noted(tmp_path: Path, foa: np.ndarray) -> None:
    bad = foa.copy()
    bad[1, round(6.43 * RATE)] = np.nan
    bad[2, round(6.44 * RATE)] = np.inf
    bad[0, round(1.01 * RATE)] = -np.inf
    path = encode(tmp_path / "x.wav", sound=bad, audio="pcm")
    notes = SoundNotes()
    found = np.concatenate(list(read_sound(path, FoaDecodeSpec(4, RATE), sample_rate_hz=16_000, notes=notes)), axis=1)
    assert np.isfinite(found).all()
    assert notes.not_numbers_s == [1.0, 6.4]


def test_one_value_out_of_all_proportion_is_no_sample(tmp_path: Path, foa: np.ndarray) -> None:
    """Peaks are kept, and so is a file in the numbers of integers; denormal numbers are silence."""
    bad = foa.copy()
    bad[0, round(5.05 * RATE)] = 1e30
    bad[3, round(2.05 * RATE)] = -1e6
    bad[1, 100:200] = 1e-42
    path = encode(tmp_path / "x.wav", sound=bad, audio="pcm")
    notes = SoundNotes()
    found = np.concatenate(list(read_sound(path, FoaDecodeSpec(4, RATE), sample_rate_hz=RATE, notes=notes)), axis=1)
    assert np.abs(found).max() == pytest.approx(np.abs(foa).max(), rel=1e-6)
    assert notes.not_numbers_s == [2.0, 5.0]
    scaled = encode(tmp_path / "y.wav", sound=foa * 32768, audio="pcm")
    notes = SoundNotes()
    found = np.concatenate(list(read_sound(scaled, FoaDecodeSpec(4, RATE), sample_rate_hz=RATE, notes=notes)), axis=1)
    np.testing.assert_allclose(found, foa[:, : found.shape[1]] * 32768, rtol=1e-6)
    assert notes.not_numbers_s == []


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e25])
def test_a_value_that_is_no_number_where_it_is_heard_costs_no_video(
    tmp_path: Path, good: Path, foa: np.ndarray, value: float
) -> None:
    bad = foa.copy()
    bad[1, round(4.44 * RATE)] = value
    inspection = inspect_media(good, encode(tmp_path / "x.wav", sound=bad, audio="pcm"))
    assert inspection.verdict == "keep", inspection.reasons()
    assert inspection.facts()["not_numbers_s"] == [4.4]
    bad[:, 2 * RATE : 6 * RATE] = value
    assert inspect_media(good, encode(tmp_path / "y.wav", sound=bad, audio="pcm")).verdict == "reject"


def test_memory_grows_with_the_picture() -> None:
    from yt360.media.bounds import memory_mb_beyond
    from yt360.media.containers.spatial import ContainerMetadata
    from yt360.media.probe import MediaInfo, VideoStream

    def info(width: int, height: int) -> MediaInfo:
        video = VideoStream(0, "hevc", width, height, 30.0, 0.0, 10.0)
        return MediaInfo(Path("x"), "mp4", 1, 0.0, 10.0, (video,), (), ContainerMetadata())

    assert memory_mb_beyond(info(1920, 1080)) < 200
    assert memory_mb_beyond(info(5760, 2880)) > 700
    assert memory_mb_beyond(info(100_000, 100_000)) <= 8192


def test_a_fault_of_ours_is_not_called_hostile(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sent: list[Any] = []

    class Pipe:
        send = staticmethod(sent.append)
        close = staticmethod(lambda: None)

    monkeypatch.setattr(isolated_inspection, "_limit_memory", lambda megabytes: None)
    monkeypatch.setattr("yt360.media.probe.probe", lambda path: 1 / 0)
    isolated_inspection._child(Pipe(), str(tmp_path / "x.mp4"), None, None, 512)  # type: ignore[arg-type]
    error = json.loads(sent[0])["error"]
    assert error["kind"] == "unexpected"
    assert "hostile" not in error["message"]


# The cases beside the checkout --------------------------------------------------------------------------------

KEPT = [
    "cover-first/thumbnail.mp4", "declared-track/sa3d-on-second-sound.mp4", "display-matrix/rotated-180.mp4",
    "false-truncated/clock-starts-at-100s.mkv", "false-truncated/second-sound-ends-later.mp4", "no-duration/live.webm",
    "six-channels-called-51/wyzx-lr-opus.mkv", "sound-timestamps/edit-list-10-cuts.mp4",
    "sound-timestamps/lost-packets.mkv", "sound-timestamps/one-lost-packet.mkv", "vfr-stall/stall-3s-to-8s.mkv",
]  # fmt: skip


@needs_cases
@pytest.mark.parametrize("name", KEPT)
def test_case_is_kept_and_its_sound_is_in_its_place(name: str) -> None:
    path = CASES / name
    report = inspect_isolated(str(path))
    assert report["verdict"] == "keep", report["reasons"]
    reading = inspect_media(path).ambisonic.reading  # type: ignore[union-attr]
    assert reading is not None
    if name.startswith("vfr-stall"):
        return  # its sound is another one
    scene = soundfile.read(CASES / "scene_foa_24k.flac")[0].T
    found = np.concatenate(list(read_sound(path, reading, sample_rate_hz=RATE)), axis=1)
    cuts = "edit-list" in name
    errors = []
    for k in range(9):
        # Each cut of 0.93 s shows a second of the scene, from its beginning on.
        at, wanted = (round((0.93 * k + 0.1) * RATE), k + 0.1) if cuts else (k * RATE, float(k))
        part = found[:, at : at + round(0.75 * RATE)]
        if not np.all(np.abs(part[0]).reshape(15, -1).max(axis=1) > 1e-5):
            continue
        low = max(0, round((wanted - 0.2) * RATE))
        around = scene[:, low : round((wanted + 0.95) * RATE)]
        match = sum(correlate(around[c], part[c], mode="valid") for c in range(4))
        errors.append(1e3 * (wanted - (low + int(np.argmax(match))) / RATE))
    assert len(errors) >= 6
    assert np.abs(errors).max() < 1, errors


@needs_cases
@pytest.mark.parametrize(
    ("name", "word"),
    [("raw-camera/two-strips.360", "cubemap")],
)
def test_case_is_refused_with_the_true_reason(name: str, word: str) -> None:
    reasons = " ".join(inspect_isolated(str(CASES / name))["reasons"])
    assert word in reasons
    assert "hostile" not in reasons
