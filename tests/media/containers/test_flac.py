from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import soundfile

from yt360.media.containers.flac import AMBIX, read_flac, write_comments
from yt360.media.containers.spatial import FUMA_ORDERING, SoundMetadata


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, (2400, 4))
    soundfile.write(tmp_path / "a.flac", samples, 24000, subtype="PCM_24")
    return tmp_path / "a.flac"


def said(path: Path) -> SoundMetadata:
    data = path.read_bytes()
    return read_flac(BytesIO(data), len(data)).sound()


def test_comments_say_ambix_and_leave_the_sound_as_it_is(sound: Path) -> None:
    before = soundfile.read(sound)[0]
    assert said(sound).order is None
    write_comments(sound, {**AMBIX, "SOURCE": "naïve = 1"})
    np.testing.assert_array_equal(soundfile.read(sound)[0], before)
    assert (said(sound).order, said(sound).channel_ordering, said(sound).normalization) == (1, 0, 0)
    assert said(sound).channel_map == (0, 1, 2, 3)
    once = sound.read_bytes()
    write_comments(sound, {**AMBIX, "SOURCE": "naïve = 1"})
    assert sound.read_bytes() == once


@pytest.mark.parametrize(
    ("change", "order", "ordering", "normalization"),
    [
        ({"AMBISONIC_NORMALIZATION": "n3d"}, 1, 0, 1),
        ({"AMBISONIC_CHANNEL_ORDERING": "FuMa", "AMBISONIC_NORMALIZATION": "FuMa"}, 1, FUMA_ORDERING, 0),
        ({"AMBISONIC_ORDER": "3"}, 3, 0, 0),
        ({"AMBISONIC_ORDER": "99999999999"}, None, 0, 0),
        ({"AMBISONIC_NORMALIZATION": "loud"}, None, 0, 0),
    ],
)
def test_other_statements_are_read_and_nonsense_is_none(
    sound: Path, change: dict[str, str], order: int | None, ordering: int, normalization: int
) -> None:
    write_comments(sound, AMBIX | change)
    assert (said(sound).order, said(sound).channel_ordering, said(sound).normalization) == (
        order,
        ordering,
        normalization,
    )


def test_damaged_comments_are_a_problem_and_no_error(sound: Path) -> None:
    write_comments(sound, AMBIX)
    data = bytearray(sound.read_bytes())
    at = data.index(b"yt360") - 4
    data[at : at + 4] = b"\xff\xff\xff\x7f"
    found = read_flac(BytesIO(data), len(data))
    assert found.problems
    assert found.sound().order is None
    for end in range(4, 80, 7):
        read_flac(BytesIO(data[:end]), end)


@pytest.mark.parametrize("name", ["", "A=B", "Ä", "line\nbreak"])
def test_names_of_comments_are_plain(sound: Path, name: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        write_comments(sound, {name: "x"})


def test_what_is_no_flac_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.flac").write_bytes(b"RIFFxxxx")
    with pytest.raises(ValueError, match="expected a FLAC file"):
        write_comments(tmp_path / "a.flac", AMBIX)
