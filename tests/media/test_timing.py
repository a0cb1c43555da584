"""Sound and picture are where their containers say, whatever is missing, doubled, late or cut."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.signal import correlate

from benchmarks.media_stamps import FAULTS, FPS, HEIGHT, WIDTH, Fault, build, noise, number_of
from benchmarks.media_sync import Found, judge
from yt360.errors import ItemError
from yt360.media import ffmpeg
from yt360.media.containers.metadata import read_metadata
from yt360.media.facts import Facts
from yt360.media.inspect import inspect_media
from yt360.media.packets import sound_time
from yt360.media.picture import VideoDecodeSpec
from yt360.media.probe import open_media, probe
from yt360.media.reading_picture import read_frames
from yt360.media.reading_sound import read_channels
from yt360.media.sampling import plain_reading
from yt360.media.sound import FoaDecodeSpec
from yt360.media.timeline import Layout, SoundNotes


def measured(path: Path, codec: str, fault: Fault, *, rate_hz: int = 48_000, video: str | None = "mpeg4") -> Found:
    made = build(path, codec, fault, rate_hz=rate_hz, video=video)
    return judge(made, noise(6.0, rate_hz), rate_hz)


@pytest.mark.parametrize(
    ("name", "codec", "fault"),
    [
        ("x.webm", "opus", "a gap"), ("x.mp4", "aac", "damaged"), ("x.mov", "float", "late sound"),
        ("x.mkv", "flac", "one each second"), ("x.mkv", "vorbis", "a gap"), ("x.ts", "ac3", "DTX"),
        ("x.mp4", "opus", "overlap"), ("x.mkv", "pcm", "uneven picture"), ("x.mp4", "alac", "no picture for 2 s"),
        ("x.flv", "mp3", "three gaps"), ("x.ts", "aac", "clock at 100 s"), ("x.mkv", "aac", "jump"),
        ("x.avi", "aac", "whole"),
    ],
)  # fmt: skip
def test_sound_and_picture_are_where_their_stamps_say(tmp_path: Path, name: str, codec: str, fault: str) -> None:
    """The whole matrix is in ``benchmarks/media_sync.py``."""
    video = {"x.webm": "libvpx", "x.flv": "libx264", "x.ts": "libx264"}.get(name, "mpeg4")
    found = measured(tmp_path / name, codec, FAULTS[fault], video=video)
    assert found.parts > 20
    assert found.sound <= 1.001
    assert found.window <= 1.001
    assert found.picture <= 1e3 / FPS


@pytest.mark.parametrize("codec", ["ac3", "mp3", "wavpack"])
def test_a_slow_clock_is_followed_before_its_first_millisecond_is_full(tmp_path: Path, codec: str) -> None:
    """Stamps of whole milliseconds by themselves leave it 1.2 ms behind."""
    found = measured(tmp_path / "x.mkv", codec, FAULTS["drift of -500 ppm"], video=None)
    assert found.parts > 20
    assert found.sound <= 0.3
    assert found.window <= 1.001


@pytest.mark.parametrize(("codec", "most_ms"), [("opus", 0.65), ("ac3", 0.65)])
def test_what_is_cut_off_after_a_seek_is_rounded_by_ffmpeg_and_not_by_us(
    tmp_path: Path, codec: str, most_ms: float
) -> None:
    """Half a millisecond of rounding stays; of Opus it was 1.1 ms. What other encoders put in front needs nothing."""
    assert measured(tmp_path / "x.mkv", codec, FAULTS["drift of 500 ppm"]).window <= most_ms


@pytest.mark.parametrize("name", ["x.mkv", "x.mp4"])
@pytest.mark.parametrize("codec", ["opus", "vorbis"])
def test_the_start_is_that_of_the_first_decoded_frame(tmp_path: Path, name: str, codec: str) -> None:
    """What comes before (priming, a first packet that decodes to nothing) has a length of its own at 24 kHz."""
    assert measured(tmp_path / name, codec, FAULTS["whole"], rate_hz=24_000).sound <= 1.001


def test_opus_from_another_rate_begins_where_it_does_in_sound_alone(tmp_path: Path) -> None:
    """libav counts what it skips at the rate that the track states, and starts the clock 6 ms late."""
    found = measured(tmp_path / "x.mka", "opus", FAULTS["whole"], rate_hz=24_000, video=None)
    assert max(found.sound, found.window) <= 1.001
    assert probe(tmp_path / "x.mka").start_s == pytest.approx(0.0, abs=1e-9)


def test_vorbis_in_mp4_that_is_cut_inside_of_a_packet(tmp_path: Path) -> None:
    """libav leaves that packet out whole."""
    found = measured(tmp_path / "x.mp4", "vorbis", FAULTS["clock before 0"])
    assert max(found.sound, found.window) <= 0.1


def test_facts_say_what_is_missing(tmp_path: Path) -> None:
    path = build(tmp_path / "x.mkv", "opus", FAULTS["three gaps"]).path
    facts = inspect_media(path).facts()
    found = facts["sound_time"]
    assert found["inserted_s"] == pytest.approx(0.21 + 0.3 + 0.04, abs=0.06)
    assert found["largest_s"] == pytest.approx(0.3, abs=0.03)
    assert found["dropped_s"] == 0
    assert [round(at, 1) for at, _ in found["places"]] == [1.3, 2.6, 3.8]
    (tmp_path / "facts.json").write_text(json.dumps(facts))
    assert Facts.load(tmp_path / "facts.json").has_sound


def test_facts_say_how_far_a_clock_drifts(tmp_path: Path) -> None:
    facts = inspect_media(build(tmp_path / "x.mp4", "aac", FAULTS["drift of 500 ppm"]).path).facts()
    assert facts["sound_time"]["drift_ppm"] == pytest.approx(500, abs=130)
    assert facts["sound_time"]["largest_s"] < 0.002
    assert "drift_ppm" not in facts["sound_reading"]  # its stamps are fine enough to be followed


def test_readers_follow_the_drift_that_facts_state(tmp_path: Path) -> None:
    facts = inspect_media(build(tmp_path / "x.mkv", "aac", FAULTS["drift of 500 ppm"]).path).facts()
    assert facts["sound_reading"]["drift_ppm"] == pytest.approx(500, abs=10)
    assert FoaDecodeSpec.from_json(facts["sound_reading"]).drift_ppm == facts["sound_reading"]["drift_ppm"]


@pytest.mark.parametrize("name", ["x.mkv", "x.mp4"])
def test_facts_say_where_there_is_no_picture(tmp_path: Path, name: str) -> None:
    found = inspect_media(build(tmp_path / name, "aac", FAULTS["no picture for 2 s"]).path).facts()["picture_time"]
    assert found["held_s"] == pytest.approx(2.0, abs=0.1)
    assert found["largest_s"] == pytest.approx(2.0, abs=0.1)
    assert found["places"] == [[pytest.approx(1.98, abs=0.06), pytest.approx(2.0, abs=0.1)]]


@pytest.mark.parametrize("name", ["x.mkv", "x.mp4"])
def test_whole_files_have_no_notes(tmp_path: Path, name: str) -> None:
    path = build(tmp_path / name, "aac", FAULTS["whole"]).path
    assert {"sound_time", "picture_time"}.isdisjoint(inspect_media(path).facts())
    info, notes = probe(path), SoundNotes()
    assert list(read_channels(path, plain_reading(info, info.audios[0]), notes=notes))
    assert (notes.splices, notes.not_numbers_s) == ([], [])


def test_damaged_packets_are_noted_by_who_decodes_them(tmp_path: Path) -> None:
    """Their time stamps are whole, so that only decoding shows it."""
    path = build(tmp_path / "x.mp4", "aac", FAULTS["damaged"]).path
    assert "sound_time" not in inspect_media(path).facts()
    info, notes = probe(path), SoundNotes()
    assert list(read_channels(path, plain_reading(info, info.audios[0]), notes=notes))
    assert 0 < notes.inserted_s <= 15 * 1024 / 48_000 + 0.1


@pytest.mark.parametrize("fault", ["whole", "three gaps", "overlap", "late sound", "drift of 500 ppm"])
@pytest.mark.parametrize(("name", "codec"), [("x.mkv", "opus"), ("x.mp4", "aac"), ("x.ts", "ac3"), ("x.ogg", "vorbis")])
def test_a_part_is_that_span_of_the_whole(tmp_path: Path, name: str, codec: str, fault: str) -> None:
    """To the bit, wherever it begins: a clip does not depend on where reading began."""
    video = None if name == "x.ogg" else "mpeg4"
    path = build(tmp_path / name, codec, FAULTS[fault], seconds=4.0, video=video).path
    info = probe(path)
    steady_ppm = sound_time(info, info.audios[0]).steady_ppm
    assert bool(steady_ppm) == ("drift" in fault and name == "x.mkv")
    reading = replace(plain_reading(info, info.audios[0]), drift_ppm=steady_ppm)
    whole = np.concatenate(list(read_channels(path, reading)), axis=1)
    for start_s, block_s in ((0.37, 10.0), (1.3, 0.21), (2.0, 0.5)):
        first = round(start_s * 48_000)
        part = np.concatenate(
            list(read_channels(path, reading, start_s=start_s, duration_s=0.9, block_s=block_s)), axis=1
        )
        np.testing.assert_array_equal(part, whole[:, first : first + 43_200])


def test_sound_whose_channels_change_is_silent_where_they_are_others(tmp_path: Path) -> None:
    """ffmpeg by itself mixes them into those of the beginning and counts its samples anew."""
    parts = []
    for k, layout in enumerate(("4.0", "stereo", "4.0")):
        part = tmp_path / f"{k}.aac"
        raw = (0.1 * np.random.default_rng(k).standard_normal((48_000, 4 if layout == "4.0" else 2))).astype("<f4")
        (tmp_path / "raw").write_bytes(raw.tobytes())
        ffmpeg.run(["-f", "f32le", "-ar", "48000", "-ch_layout", layout, "-i", str(tmp_path / "raw"), "-c:a", "aac",
                    str(part)], timeout_s=60)  # fmt: skip
        parts.append(part.read_bytes())
    path = tmp_path / "x.aac"
    path.write_bytes(b"".join(parts))
    notes = SoundNotes()
    found = np.concatenate(list(read_channels(path, FoaDecodeSpec(4, 48_000), notes=notes)), axis=1)
    assert found.shape[1] / 48_000 == pytest.approx(3.06, abs=0.08)
    loud = np.abs(found[0, : 3 * 48_000]).reshape(30, -1).max(axis=1) > 0.02
    assert loud[:10].all()
    assert loud[22:].all()
    assert not loud[12:19].any()
    assert [splice.seconds for splice in notes.splices] == [pytest.approx(1.0, abs=0.06)]


def _edited(
    path: Path, edits: list[tuple[int, int]], handler: bytes = b"soun", rates: dict[int, int] | None = None
) -> int:
    """Replace the edit list of a track of an MP4 with pieces (ms long, from which of its ticks, at which rate if not
    1); where its own one began."""
    data = bytearray(path.read_bytes())
    moov = data.index(b"moov") - 4
    assert moov + struct.unpack(">I", data[moov : moov + 4])[0] == len(data), "moov must come last"
    at = data.index(handler, moov)
    track = data.rindex(b"trak", 0, at) - 4
    box = data.index(b"edts", track, at) - 4
    size = struct.unpack(">I", data[box : box + 4])[0]
    began = struct.unpack(">i", data[box + 28 : box + 32])[0]
    each = [(rates or {}).get(k, 1) << 16 for k in range(len(edits))]
    entries = b"".join(struct.pack(">IiI", *edit, rate) for edit, rate in zip(edits, each, strict=True))
    elst = struct.pack(">I4sII", 16 + len(entries), b"elst", 0, len(edits)) + entries
    new = struct.pack(">I4s", 8 + len(elst), b"edts") + elst
    data[box : box + size] = new
    for parent in (moov, track):
        grown = struct.unpack(">I", data[parent : parent + 4])[0] + len(new) - size
        data[parent : parent + 4] = struct.pack(">I", grown)
    path.write_bytes(data)
    return int(began)


def test_pieces_of_a_picture_begin_between_key_frames(tmp_path: Path) -> None:
    """Of frames that are stored in another order than they are shown, libav shows a piece some frames late."""
    path = build(tmp_path / "x.mov", "pcm", FAULTS["whole"], video="libx264").path
    with open_media(path) as container:
        ticks_a_second = int(1 / container.streams.video[0].time_base)
    offset = _edited(path, [(6000, 0)], b"vide")
    assert offset > 0, "frames must be reordered for this test"
    pieces = [(1200, 1.0), (1000, 3.52), (400, None), (1400, 0.72)]
    _edited(
        path,
        [(ms, -1 if at is None else offset + round(at * ticks_a_second)) for ms, at in pieces],
        b"vide",
    )
    wanted: list[int] = []
    last = 0
    for ms, at in pieces:
        numbers = [last if at is None else round(at * FPS) + k for k in range(ms * FPS // 1000)]
        wanted, last = wanted + numbers, numbers[-1]
    spec = VideoDecodeSpec(WIDTH, HEIGHT, edits=read_metadata(path).picture().edits)
    assert len(spec.edits) == 3
    assert VideoDecodeSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec
    whole = list(read_frames(path, spec, height=HEIGHT, width=WIDTH, fps=FPS, gray=True))
    assert [number_of(frame) for frame in whole] == wanted
    part = read_frames(path, spec, height=HEIGHT, width=WIDTH, fps=FPS, start_s=1.6, duration_s=1.6, gray=True)
    assert [number_of(frame) for frame in part] == wanted[40:80]


def test_nothing_sounds_where_a_track_stands_still(tmp_path: Path) -> None:
    """An edit of rate 0 holds what is shown."""
    path = build(tmp_path / "x.mov", "pcm", FAULTS["whole"]).path
    _edited(path, [(700, 4800), (1500, 48_000)], rates={0: 0})
    inspection = inspect_media(path)
    assert inspection.info is not None
    assert inspection.info.metadata.sound().edits == ((0.7, 1.0, 1.5),)


@pytest.mark.parametrize(
    "edits",
    [
        [(930, 1024), (1400, 50_000), (2000, 120_000)],
        [(700, 100_000), (1300, 3_333)],
        [(500, 9), (400, -1), (900, 9)],
    ],
)
@pytest.mark.parametrize("codec", ["aac", "pcm"])
def test_every_piece_of_an_edit_list_is_in_its_place(tmp_path: Path, codec: str, edits: list[tuple[int, int]]) -> None:
    """Cuts forwards, backwards and with a pause; libav alone cuts between packets and drifts."""
    sound = noise(6.0, 48_000)
    path = build(tmp_path / "x.mov", codec, FAULTS["whole"]).path
    _edited(path, edits)
    priming = 1024 if codec == "aac" else 0
    spec_edits, at = [], 0
    for length, begin in edits:
        if begin >= 0:
            spec_edits.append((at / 1000, begin / 48_000, length / 1000))
        at += length
    inspection = inspect_media(path)
    assert inspection.info is not None
    assert inspection.info.metadata.sound().edits == tuple(spec_edits)
    spec = FoaDecodeSpec(4, 48_000, codec=codec, edits=tuple(spec_edits))
    found = np.concatenate(list(read_channels(path, spec, block_s=0.3)), axis=1)
    assert found.shape[1] == round(at * 48)
    for begin_s, from_s, length_s in spec_edits:
        begin, source = round(begin_s * 48_000) + 2400, round(from_s * 48_000) - priming + 2400
        part = found[0, begin : begin + round(length_s * 48_000) - 4800]
        match = correlate(sound[0, max(0, source - 960) : source + len(part) + 960], part, mode="valid")
        assert abs(int(np.argmax(match)) - min(960, source)) < 24
    later = np.concatenate(list(read_channels(path, spec, start_s=1.0, duration_s=0.5)), axis=1)
    np.testing.assert_array_equal(later, found[:, 48_000 : 48_000 + 24_000][:, : later.shape[1]])


def _splices(levels: list[tuple[int, int]], samples: int, **options: Any) -> list[tuple[int, int]]:
    layout = Layout("x", 48_000, 0, notes=None, **options)
    layout.add(levels)
    found = []
    while (splice := layout.next_splice(samples, ended=True)) is not None:
        found.append(splice)
    return found


def test_jitter_of_a_packet_moves_nothing_and_what_lasts_does() -> None:
    second = 48_000
    assert _splices([(0, 0), (second, 448), (second + 960, 0)], 5 * second) == []
    assert _splices([(0, 0), (second, 18)], 5 * second) == []
    # 19 samples are the edge of what rounding explains: the clock is a quarter of a millisecond further on average.
    assert _splices([(0, 0), (second, 19)], 5 * second) == [(second, 31)]
    assert _splices([(0, 0), (second, -19)], 5 * second) == [(second, -31)]
    assert _splices([(0, 0), (second, -480)], 5 * second) == [(second, -480)]
    # Each step of a staircase counts by itself, so that every packet is where it is stamped.
    stairs = [(0, 0), (second, 960), (second + 4800, 1920), (second + 9600, 2880)]
    assert _splices(stairs, 5 * second) == [(second, 960), (second + 4800, 960), (second + 9600, 960)]


def test_a_file_that_contradicts_itself_fails_with_the_numbers() -> None:

    second = 48_000
    with pytest.raises(ItemError, match=r"after 2\.000 s of sound the time stamps go on at 9002\.000 s"):
        _splices([(0, 0), (2 * second, 9000 * second)], 5 * second)
    with pytest.raises(ItemError, match="the sample rate of 48000 Hz or the time stamps are wrong"):
        _splices([(960 * k, 96 * k) for k in range(400)], 400 * 960)
