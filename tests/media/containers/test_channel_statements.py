"""What containers say about their channels: components and weights are taken from it, and libav never sees it."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.media_containers import box, encode, full_box, insert_boxes, sa3d
from benchmarks.media_layouts import (
    B_FORMAT,
    HOA_ACN_N3D,
    HOA_ACN_SN3D,
    chan,
    chna,
    chnl,
    write_aiff,
    write_amb,
    write_bw64,
    write_caf,
)
from tests.media.places import PLACES, RATE, SECONDS, first_order, heard, scene
from yt360.cli.isolated_inspection import inspect_isolated
from yt360.media import ffmpeg
from yt360.media.containers.chunked import read_aiff, read_caf
from yt360.media.containers.riff import read_riff
from yt360.media.inspect import inspect_media
from yt360.media.probe import probe
from yt360.media.reading_sound import read_sound

EVERYWHERE = list(PLACES)
ACN = 2 << 16
"""Apple's label of component 0."""


@pytest.fixture(scope="module")
def foa() -> np.ndarray:
    return 0.5 * scene()


@pytest.mark.parametrize(
    ("tag", "order", "weights"),
    [(B_FORMAT, 1, "fuma"), (HOA_ACN_SN3D, 1, "acn/sn3d"), (HOA_ACN_N3D, 1, "acn/n3d"), (HOA_ACN_SN3D, 2, "acn/sn3d"),
     (HOA_ACN_N3D, 3, "acn/n3d")],
)  # fmt: skip
def test_layout_tags_of_caf(tmp_path: Path, foa: np.ndarray, tag: int, order: int, weights: str) -> None:
    sound = first_order(order, weights, foa)
    path = write_caf(tmp_path / "x.caf", sound, RATE, chan(tag, len(sound)))
    assert heard(path) == EVERYWHERE
    assert probe(path).metadata.sound().order == order


@pytest.mark.parametrize("labels", [(ACN + 1, ACN + 3, ACN, ACN + 2), (201, 203, 202, 200)])
def test_components_that_are_named_one_by_one(tmp_path: Path, foa: np.ndarray, labels: tuple[int, ...]) -> None:
    acn = [{200: 0, 202: 1, 203: 2, 201: 3}.get(label, label - ACN) for label in labels]
    path = write_caf(tmp_path / "x.caf", foa[acn], RATE, chan(0, labels=labels))
    assert heard(path) == EVERYWHERE


def test_the_names_w_x_y_z_in_that_order_are_b_format(tmp_path: Path, foa: np.ndarray) -> None:
    path = write_caf(tmp_path / "x.caf", first_order(1, "fuma", foa), RATE, chan(0, labels=(200, 201, 202, 203)))
    assert heard(path) == EVERYWHERE
    facts = inspect_media(path).ambisonic
    assert facts is not None
    assert facts.convention == "fuma"


@pytest.mark.parametrize("suffix", ["mov", "aiff"])
def test_other_containers_of_apple_s_layout(tmp_path: Path, foa: np.ndarray, suffix: str) -> None:
    layout, sound = chan(B_FORMAT, 4), first_order(1, "fuma", foa)
    if suffix == "aiff":
        path = write_aiff(tmp_path / "x.aiff", sound, RATE, layout)
    else:
        path = encode(tmp_path / "x.mov", sound=sound, rate_hz=RATE, audio="pcm")
        insert_boxes(path, b"soun", full_box(b"chan", layout))
    assert heard(path) == EVERYWHERE


_CUSTOM = {
    "labels": full_box(b"chan", chan(0, labels=(3, 1, 2, 9))),
    "tag": full_box(b"chan", chan(116, 4)),
    "b-format": full_box(b"chan", chan(B_FORMAT, 4)),
    "positions": box(b"chnl", chnl([0, 4, 1, 5])),
    "positions, version 1": box(b"chnl", chnl([2, 0, 1, 10], version=1)),
    "configuration": box(b"chnl", chnl([0, 0, 0, 0], defined=4)),
    "configuration, version 1": box(b"chnl", chnl([0, 0, 0, 0], version=1, defined=4)),
    "sa3d": sa3d([0, 2, 3, 1]),
}


@pytest.mark.parametrize("statement", _CUSTOM)
def test_a_layout_in_an_unusual_order_kills_no_process(tmp_path: Path, foa: np.ndarray, statement: str) -> None:
    path = encode(tmp_path / "x.mov", sound=foa[:, :RATE], rate_hz=RATE, audio="pcm")
    insert_boxes(path, b"soun", _CUSTOM[statement])
    assert inspect_isolated(str(path))["audio"] is not None


@pytest.mark.parametrize(
    ("statement", "hidden"),
    [(full_box(b"chan", chan(0, labels=(2, 1))), True), (full_box(b"chan", chan(101, 2)), False),
     (box(b"chnl", chnl([1, 0])), True), (box(b"chnl", chnl([0, 1])), False),
     (box(b"chnl", chnl([0, 1], version=1)), False), (box(b"chnl", b"\7" + bytes(6)), True)],
)  # fmt: skip
def test_two_channels_are_hidden_where_they_are_turned_round(
    tmp_path: Path, foa: np.ndarray, statement: bytes, hidden: bool
) -> None:
    path = encode(tmp_path / "x.mov", sound=foa[:2, :RATE], rate_hz=RATE, audio="pcm", layout="stereo")
    before = path.read_bytes()
    insert_boxes(path, b"soun", statement)
    assert before != path.read_bytes()
    info = probe(path)
    offsets = info.metadata.sound().masked_at
    assert bool(offsets) == hidden
    assert all(path.read_bytes()[at : at + 4] in (b"chan", b"chnl") for at in offsets)


_SEEN_BY_LIBAV = {
    "flac": ["-c:a", "flac"],
    "flac with a mask of its own": ["-c:a", "flac", "-metadata", "WAVEFORMATEXTENSIBLE_CHANNEL_MASK=0x10b"],
    "ogg": ["-c:a", "flac", "-metadata", "WAVEFORMATEXTENSIBLE_CHANNEL_MASK=0x33"],
    "wav": ["-c:a", "pcm_s16le"],
    "rf64": ["-c:a", "pcm_s16le", "-rf64", "always"],
    "w64": ["-c:a", "pcm_s16le"],
    "mka": ["-c:a", "pcm_s16le"],
    "nut": ["-c:a", "pcm_s16le"],
}


@pytest.mark.parametrize("container", _SEEN_BY_LIBAV)
@pytest.mark.parametrize("layout", ["4 channels", "ambisonic 1", "4 channels (FL+FR+BC+TC)"])
def test_statements_that_libav_reads_itself_name_and_order_nothing(
    tmp_path: Path, foa: np.ndarray, container: str, layout: str
) -> None:
    suffix = {"rf64": "wav"}.get(container, container.split()[0])
    raw = encode(tmp_path / "raw.mka", sound=foa, rate_hz=RATE, audio="pcm")
    path = tmp_path / f"x.{suffix}"
    relabelled = ["-af", f"channelmap=map=0|1|2|3:channel_layout='{layout}'"]
    ffmpeg.run(["-y", "-i", str(raw), *relabelled, *_SEEN_BY_LIBAV[container], str(path)], timeout_s=30)
    assert heard(path) == EVERYWHERE


def test_the_layout_s_own_words_are_shown_in_place_of_libav_s(tmp_path: Path, foa: np.ndarray) -> None:
    path = encode(tmp_path / "x.mov", sound=foa[:, :RATE], rate_hz=RATE, audio="pcm")
    insert_boxes(path, b"soun", box(b"chnl", chnl([2, 0, 1, 10])))
    assert probe(path).audios[0].layout == "C L R Cs"


@pytest.mark.parametrize("channels", [3, 4, 5, 6, 7, 8, 9, 11, 16])
def test_amb_of_every_number_of_channels(tmp_path: Path, foa: np.ndarray, channels: int) -> None:
    level = foa[:, : 3 * SECONDS * RATE]
    w, y, z, x = level
    others = 0.05 * np.random.default_rng(1).standard_normal((max(0, channels - 4), level.shape[1]))
    flat = channels in (3, 5, 7)
    first = [w / np.sqrt(2), x, y] if flat else [w / np.sqrt(2), x, y, z]
    sound = np.concatenate([np.stack(first), others])[:channels]
    if channels > len(sound):
        sound = np.concatenate([sound, others[:1] * 0.5])
    path = write_amb(tmp_path / "x.amb", sound, RATE)
    facts = inspect_media(path).ambisonic
    assert facts is not None
    assert facts.reading is not None, facts.words
    assert facts.convention == "fuma"
    assert facts.verdict is not None
    assert facts.verdict.horizontal_only == flat
    found = next(iter(read_sound(path, facts.reading, sample_rate_hz=RATE)))[:, RATE : 2 * RATE]
    np.testing.assert_allclose(found[[0, 1, 3]], level[[0, 1, 3], RATE : 2 * RATE], atol=1e-3)


_OWN = """<?xml version="1.0"?><ebuCoreMain xmlns="urn:ebu:metadata-schema:ebuCore_2015"><coreMetadata><format>
<audioFormatExtended>{}</audioFormatExtended></format></coreMetadata></ebuCoreMain>"""
_CHANNEL = """<audioChannelFormat audioChannelFormatID="AC_0004{:04x}" typeLabel="0004"><audioBlockFormat
audioBlockFormatID="AB_1"><order>{}</order><degree>{}</degree><normalization>{}</normalization></audioBlockFormat>
</audioChannelFormat>"""


@pytest.mark.parametrize(("family", "weights"), [(0, "acn/sn3d"), (1, "acn/n3d"), (2, "fuma")])
@pytest.mark.parametrize("magic", [b"BW64", b"RF64"])
def test_common_definitions_of_the_audio_model(
    tmp_path: Path, foa: np.ndarray, family: int, weights: str, magic: bytes
) -> None:
    components = [2, 0, 3, 1]
    third = 3**0.5
    of_weights: dict[str, list[float]] = {
        "acn/sn3d": [1, 1, 1, 1], "acn/n3d": [1, third, third, third], "fuma": [0.5**0.5, 1, 1, 1],
    }  # fmt: skip
    gains = of_weights[weights]
    sound = np.stack([foa[acn] * gains[acn] for acn in components])
    references = [f"AT_0004{(family << 8) + acn + 1:04x}_01" for acn in components]
    chunks = {b"chna": chna(references, f"AP_000400{family}1")}
    assert heard(write_bw64(tmp_path / "x.wav", sound, RATE, chunks, magic)) == EVERYWHERE


def test_channel_formats_that_the_file_defines_itself(tmp_path: Path, foa: np.ndarray) -> None:
    rest = 0.1 * np.random.default_rng(1).standard_normal((1, foa.shape[1]))
    sound = np.concatenate([rest, foa[[3, 2, 1, 0]]])
    places = [(0x1001, 1, 1), (0x1002, 1, 0), (0x1003, 1, -1), (0x1004, 0, 0)]
    xml = _OWN.format("".join(_CHANNEL.format(number, order, degree, "SN3D") for number, order, degree in places))
    references = ["AT_00010003_01", *(f"AT_0004{number:04x}_01" for number, _, _ in places)]
    chunks = {b"chna": chna(references, "AP_00041001"), b"axml": xml.encode()}
    path = write_bw64(tmp_path / "x.wav", sound, RATE, chunks)
    assert heard(path) == EVERYWHERE
    assert probe(path).audios[0].layout == "ADM: ambisonics of order 1, SN3D"


def test_track_formats_that_lead_over_stream_formats(tmp_path: Path, foa: np.ndarray) -> None:
    """As EBU's renderer writes it: the label of a track format is its coding, and its number is nobody else's."""
    places = [(0x1001, 1, 1), (0x1002, 1, 0), (0x1003, 0, 0), (0x1004, 1, -1)]
    xml = "".join(_CHANNEL.format(number, order, degree, "N3D") for number, order, degree in places)
    for k, (number, _, _) in enumerate(places):
        track, stream = f"AT_0001{0x2001 + k:04x}_01", f"AS_0001{0x2001 + k:04x}"
        xml += f'<audioStreamFormat audioStreamFormatID="{stream}"><audioChannelFormatIDRef>AC_0004{number:04x}'
        xml += f"</audioChannelFormatIDRef><audioTrackFormatIDRef>{track}</audioTrackFormatIDRef></audioStreamFormat>"
        if k % 2:
            xml += f'<audioTrackFormat audioTrackFormatID="{track}"><audioStreamFormatIDRef>{stream}'
            xml += "</audioStreamFormatIDRef></audioTrackFormat>"
    sound = foa[[3, 2, 0, 1]] * np.array([[3**0.5], [3**0.5], [1], [3**0.5]])
    tracks = chna([f"AT_0001{0x2001 + k:04x}_01" for k in range(4)], "AP_00041001")
    chunks = {b"chna": tracks, b"axml": _OWN.format(xml).encode()}
    path = write_bw64(tmp_path / "x.wav", sound, RATE, chunks)
    assert heard(path) == EVERYWHERE
    assert probe(path).audios[0].layout == "ADM: ambisonics of order 1, N3D"


def test_channel_formats_in_the_table_of_tracks(tmp_path: Path, foa: np.ndarray) -> None:
    tracks = chna([f"AC_0004{acn + 1:04x}_00" for acn in (1, 0, 2, 3)], "AP_00040001")
    assert heard(write_bw64(tmp_path / "x.wav", foa[[1, 0, 2, 3]], RATE, {b"chna": tracks})) == EVERYWHERE


def test_an_audio_model_of_loudspeakers_is_named(tmp_path: Path, foa: np.ndarray) -> None:
    references = [f"AT_0001000{k}_01" for k in (1, 2, 3, 5)]
    path = write_bw64(tmp_path / "x.wav", foa, RATE, {b"chna": chna(references, "AP_00010004")})
    assert probe(path).audios[0].layout == "ADM: loudspeakers"


def test_an_entity_in_the_audio_model_is_refused(tmp_path: Path, foa: np.ndarray) -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "' + b"b" * 50 + b'"><!ENTITY c "&a;&a;&a;&a;">]><r>&c;</r>'
    path = write_bw64(tmp_path / "x.wav", foa[:, :100], RATE, {b"axml": bomb})
    assert any("entity" in problem for problem in probe(path).metadata.problems)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["caf", "aiff", "bw64"]), st.integers(0, 10_000), st.integers(0, 255), st.integers(0, 10_000),
    st.integers(0, 255), st.integers(0, 400),
)  # fmt: skip
def test_mutated_chunks_parse_without_an_exception(
    tmp_path_factory: pytest.TempPathFactory, kind: str, at: int, value: int, at2: int, value2: int, cut: int
) -> None:
    data = bytearray(_small(tmp_path_factory, kind))
    data[at % len(data)], data[at2 % len(data)] = value, value2
    whole = bytes(data[: len(data) - cut])
    reader = {"caf": read_caf, "aiff": read_aiff, "bw64": read_riff}[kind]
    reader(io.BytesIO(whole), len(whole))


_MADE: dict[str, bytes] = {}


def _small(factory: pytest.TempPathFactory, kind: str) -> bytes:
    if not _MADE:
        folder, sound = factory.mktemp("small"), np.zeros((4, 8))
        layout = chan(0, labels=(ACN, ACN + 1, ACN + 2, ACN + 3))
        xml = _OWN.format(_CHANNEL.format(0x1001, 1, 1, "SN3D")).encode()
        chunks = {b"chna": chna([f"AT_0004100{k}_01" for k in range(1, 5)], "AP_00041001"), b"axml": xml}
        _MADE["caf"] = write_caf(folder / "x.caf", sound, RATE, layout).read_bytes()
        _MADE["aiff"] = write_aiff(folder / "x.aiff", sound, RATE, layout).read_bytes()
        _MADE["bw64"] = write_bw64(folder / "x.wav", sound, RATE, chunks).read_bytes()
    return _MADE[kind]
