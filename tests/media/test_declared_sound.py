"""Order and weights that a file, a person or a table states: undone before judging, and when the sound is read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks.media_containers import encode, insert_boxes, sa3d
from benchmarks.media_sounds import RATE_HZ, ambience, foa_scene
from yt360 import ambisonics
from yt360.crawling.listing import Listed
from yt360.crawling.sources import expand_sources
from yt360.crawling.tables import read_table
from yt360.engine.stage import Item
from yt360.errors import UsageError
from yt360.media.ambisonic.hypotheses import declarable
from yt360.media.inspect import inspect_media
from yt360.media.sound_facts import SoundFacts
from yt360.stages.validate import Validate, ValidateParams


@pytest.fixture(scope="module")
def foa() -> np.ndarray:
    return foa_scene(np.random.default_rng(3), 5 * RATE_HZ).astype(np.float32)


def written(path: Path, channels: np.ndarray) -> Path:
    soundfile.write(path, channels.T, RATE_HZ, subtype="PCM_24")
    return path


def sound(path: Path, convention: str = "") -> SoundFacts:
    found = inspect_media(path, convention=convention).ambisonic
    assert found is not None
    return found


@pytest.mark.parametrize("convention", ["n3d", "fuma", "ambix"])
def test_what_a_person_says_is_undone_when_the_sound_is_read(
    tmp_path: Path, foa: np.ndarray, convention: ambisonics.Convention
) -> None:
    channels = ambisonics.from_ambix(foa, convention)
    found = sound(written(tmp_path / "x.flac", channels), convention)
    assert found.verdict is not None
    assert found.verdict.verdict == "valid", found.words
    assert found.reading is not None
    assert found.convention == convention
    assert found.reading.ambisonic(channels) == pytest.approx(foa, abs=1e-5)


def test_orthonormal_is_n3d_up_to_a_common_factor(tmp_path: Path, foa: np.ndarray) -> None:
    channels = ambisonics.from_ambix(foa, "n3d") / np.sqrt(4 * np.pi)
    found = sound(written(tmp_path / "x.flac", channels), "orthonormal")
    assert found.reading is not None
    assert found.reading.ambisonic(channels) * np.sqrt(4 * np.pi) == pytest.approx(foa, abs=1e-5)


def test_n3d_that_sa3d_states_is_valid_in_a_reverberant_room(tmp_path: Path) -> None:
    field = ambience(np.random.default_rng(1), 5 * RATE_HZ)
    path = encode(tmp_path / "x.mp4", sound=ambisonics.from_ambix(field, "n3d"), audio="aac")
    insert_boxes(path, b"soun", sa3d([0, 1, 2, 3], normalization=1))
    found = sound(path)
    assert found.stated
    assert found.reading is not None, found.words
    assert found.reading.gains[1] == pytest.approx(3**-0.5)


def test_files_called_amb_are_fuma(tmp_path: Path, foa: np.ndarray) -> None:
    plain = written(tmp_path / "x.wav", ambisonics.from_ambix(foa, "fuma"))
    found = sound(plain.rename(tmp_path / "x.amb"))
    assert found.reading is not None, found.words
    assert found.convention == "fuma"
    assert found.channel_map == (0, 2, 3, 1)


def test_a_stated_order_is_kept_whatever_it_sounds_like(tmp_path: Path, foa: np.ndarray) -> None:
    low = foa * np.array([[0.5**0.5], [1], [1], [1]], np.float32)
    path = encode(tmp_path / "x.mp4", sound=low, audio="aac")
    insert_boxes(path, b"soun", sa3d([0, 1, 2, 3]))
    found = sound(path)
    assert found.channel_map == (0, 1, 2, 3)
    assert found.verdict is not None
    assert found.verdict.verdict in ("valid", "uncertain")


def test_a_table_may_name_the_convention_of_each_video(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("video,convention\nAAAAAAAAAAA,N3D\nBBBBBBBBBBB,\nCCCCCCCCCCC,ACN/SN3D\n")
    assert [row.convention for row in read_table(table).values()] == ["n3d", "", "ambix"]
    listed = Listed()
    for target in expand_sources(str(table), lambda _: iter(())):
        listed.note(target)
    assert listed.said["AAAAAAAAAAA"] == {"convention": "n3d"}
    table.write_text("video,convention\nAAAAAAAAAAA,left-handed\n")
    with pytest.raises(UsageError, match="line 2: expected a convention"):
        read_table(table)
    table.write_text("video,convention\nAAAAAAAAAAA,n3d\nAAAAAAAAAAA,fuma\n")
    with pytest.raises(UsageError, match="line 3: expected one convention"):
        read_table(table)


def test_what_a_table_says_measures_that_video_anew() -> None:
    stage = Validate()
    assert stage.key(Item("a", "a", meta={"convention": "n3d"})) != stage.key(Item("a", "a"))
    assert Validate(params=ValidateParams(convention="n3d")).key(Item("a", "a")) != stage.key(Item("a", "a"))


def test_a_convention_that_is_none_is_named() -> None:
    with pytest.raises(ValueError, match="expected a convention"):
        declarable("maxre")
