from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.media_containers import box, cbmp, equi, full_box, sa3d, spherical_xml, st3d, sv3d
from yt360.media.containers.mp4 import read_mp4
from yt360.media.containers.spatial import ContainerMetadata


def movie(handler: bytes, *children: bytes, in_track: bytes = b"", fields: int = 78) -> bytes:
    entry = box(b"avc1" if handler == b"vide" else b"mp4a", bytes(fields), *children)
    stsd = full_box(b"stsd", struct.pack(">I", 1), entry)
    hdlr = full_box(b"hdlr", bytes(4), handler, bytes(13))
    media = box(b"mdia", hdlr, box(b"minf", box(b"stbl", stsd)))
    return box(b"ftyp", b"isom", bytes(4)) + box(b"moov", box(b"trak", media, in_track)) + box(b"mdat", bytes(64))


def parse(data: bytes) -> ContainerMetadata:
    return read_mp4(io.BytesIO(data), len(data))


def test_equirectangular_with_bounds_pose_and_stereo() -> None:
    projection = sv3d(equi(left=0.25, top=0.1, right=0.25), yaw_deg=45, pitch_deg=-30.5, roll_deg=15)
    picture = parse(movie(b"vide", st3d(1), projection)).picture()
    assert (picture.projection, picture.stereo) == ("equirectangular", "top-bottom")
    assert picture.bounds.left == pytest.approx(0.25)
    assert picture.bounds.top == pytest.approx(0.1)
    assert picture.bounds.width == pytest.approx(0.5)
    assert (picture.yaw_deg, picture.pitch_deg, picture.roll_deg) == (45, -30.5, 15)
    assert picture.bounds.degrees()["left"] == pytest.approx(90)


def test_cubemap_layout_and_padding() -> None:
    picture = parse(movie(b"vide", sv3d(cbmp(0, 3)))).picture()
    assert (picture.projection, picture.cubemap_layout, picture.cubemap_padding) == ("cubemap", 0, 3)


def test_v1_xml_with_crop() -> None:
    crop = "".join(
        f"<GSpherical:{name}>{value}</GSpherical:{name}>"
        for name, value in {
            "CroppedAreaImageWidthPixels": 1072,
            "CroppedAreaImageHeightPixels": 754,
            "FullPanoWidthPixels": 2824,
            "FullPanoHeightPixels": 1412,
            "CroppedAreaLeftPixels": 876,
            "CroppedAreaTopPixels": 328,
        }.items()
    )
    picture = parse(movie(b"vide", in_track=spherical_xml("top-bottom", crop))).picture()
    assert (picture.projection, picture.stereo) == ("equirectangular", "top-bottom")
    assert 360 * picture.bounds.width == pytest.approx(136.7, abs=0.1)


def test_sa3d_with_head_locked_pair() -> None:
    sound = parse(movie(b"soun", sa3d([0, 1, 2, 3, 4, 5], head_locked=True), fields=28)).sound()
    assert sound.head_locked_stereo
    assert sound.order == 1
    assert sound.channel_map == (0, 1, 2, 3, 4, 5)


def test_separate_non_diegetic_track() -> None:
    assert parse(movie(b"soun", box(b"SAND", b"\0"), fields=28)).sound().non_diegetic


def test_file_cut_off_inside_mdat_is_seen_by_its_promised_size() -> None:
    data = movie(b"vide")
    cut = data[:-30]
    assert parse(cut).promised_size == len(data)


def test_missing_moov_is_a_problem() -> None:
    assert any("no moov" in problem for problem in parse(box(b"ftyp", b"isom") + box(b"mdat", bytes(9))).problems)


def test_entity_bomb_is_refused() -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "' + b"b" * 50 + b'"><!ENTITY c "&a;&a;&a;&a;">]><r>&c;</r>'
    uuid = box(b"uuid", bytes.fromhex("ffcc8263f8554a938814587a02521fdd"), bomb)
    picture = parse(movie(b"vide", in_track=uuid)).picture()
    assert picture.projection is None
    assert any("entity" in problem for problem in picture.problems)


def test_bounds_that_leave_nothing_are_a_problem() -> None:
    picture = parse(movie(b"vide", sv3d(equi(left=0.6, right=0.6)))).picture()
    assert picture.problems
    assert picture.bounds.width == 1


def test_endless_nesting_ends() -> None:
    data = b""
    for _ in range(3000):
        data = box(b"trak", data)
    assert parse(box(b"moov", data)).problems


def test_huge_size_does_not_allocate() -> None:
    data = box(b"ftyp", b"isom") + struct.pack(">I4sQ", 1, b"moov", 1 << 62) + b"junk"
    assert parse(data).promised_size is not None


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_parse_without_an_exception(data: bytes) -> None:
    parse(data)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 255), st.integers(0, 10_000), st.integers(0, 255))
def test_mutated_file_parses_without_an_exception(at: int, value: int, at2: int, value2: int) -> None:
    data = bytearray(movie(b"vide", st3d(2), sv3d(equi(left=0.1)), in_track=spherical_xml()))
    data[at % len(data)], data[at2 % len(data)] = value, value2
    parse(bytes(data))


def test_pictures_of_chapters_are_not_counted() -> None:
    """libav hands such a track over as an attached picture: what is stated of the next track would be taken for its."""

    def track(number: int, *children: bytes, refers: bytes = b"") -> bytes:
        whole = movie(b"vide", *children)
        head = full_box(b"tkhd", bytes(8), struct.pack(">I", number), bytes(68))
        at = whole.index(b"trak") + 4
        (size,) = struct.unpack(">I", whole[at - 8 : at - 4])
        return box(b"trak", head, refers, whole[at : at - 8 + size])

    sphere = track(2, st3d(1), sv3d(equi()), refers=box(b"tref", box(b"chap", struct.pack(">I", 1))))
    found = parse(box(b"ftyp", b"isom", bytes(4)) + box(b"moov", track(1), sphere))
    assert [picture.stereo for picture in found.pictures] == ["top-bottom"]
    alone = track(2, st3d(1), sv3d(equi()), refers=box(b"tref", box(b"chap", struct.pack(">I", 7))))
    found = parse(box(b"ftyp", b"isom", bytes(4)) + box(b"moov", track(1), alone))
    assert [picture.stereo for picture in found.pictures] == [None, "top-bottom"]


def test_padding_that_overruns_the_end_is_no_missing_part() -> None:
    whole = movie(b"vide")
    assert parse(whole + struct.pack(">I4s", 5000, b"free")).promised_size == len(whole)
    assert parse(whole + struct.pack(">I4s", 5000, b"mdat")).promised_size == len(whole) + 5000
