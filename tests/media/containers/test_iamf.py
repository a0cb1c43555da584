"""IAMF (Eclipsa Audio): substreams are put together as W Y Z X, and what is no ambisonics is named."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.media_containers import encode
from benchmarks.media_iamf import (
    ambisonics_mono,
    ambisonics_projection,
    audio_element,
    descriptors,
    loudspeakers,
    mux_iamf,
    write_iamf,
)
from tests.media.places import PLACES, RATE, SECONDS, heard, scene
from yt360.media.containers.iamf import read_iamf
from yt360.media.inspect import inspect_media
from yt360.media.probe import probe
from yt360.media.reading_sound import read_channels
from yt360.media.sound import FoaDecodeSpec

EVERYWHERE = list(PLACES)


@pytest.fixture(scope="module")
def foa() -> np.ndarray:
    return scene()


@pytest.mark.parametrize(
    ("codec", "suffix"), [("libopus", "iamf"), ("libopus", "mp4"), ("flac", "mp4"), ("pcm_s16le", "iamf")]
)
def test_four_substreams_of_ffmpeg_are_one_sound(tmp_path: Path, foa: np.ndarray, codec: str, suffix: str) -> None:
    assert heard(mux_iamf(tmp_path / f"x.{suffix}", foa, RATE, codec=codec)) == EVERYWHERE


def test_a_picture_beside_it_changes_nothing(tmp_path: Path, foa: np.ndarray) -> None:
    picture = encode(tmp_path / "picture.mp4", frames=np.zeros((16, 64, 128, 3), np.uint8), fps=2)
    path = mux_iamf(tmp_path / "x.mp4", foa, RATE, video=picture)
    assert heard(path) == EVERYWHERE
    assert [sound.parts for sound in probe(path).audios] == [(0, 1, 2, 3)]


@pytest.mark.parametrize("mapping", [(3, 0, 2, 1), (1, 3, 0, 2)])
def test_substreams_are_in_the_order_of_the_channel_mapping(
    tmp_path: Path, foa: np.ndarray, mapping: tuple[int, ...]
) -> None:
    substreams = [foa[list(mapping).index(k)][None] for k in range(4)]
    element = audio_element(1, 1, range(4), ambisonics_mono(mapping, 4))
    assert heard(write_iamf(tmp_path / "x.iamf", RATE, [element], substreams)) == EVERYWHERE


def test_a_component_that_is_not_there_is_silent(tmp_path: Path, foa: np.ndarray) -> None:
    element = audio_element(1, 1, range(3), ambisonics_mono((0, 1, 255, 2), 3))
    level = foa[:, : 3 * SECONDS * RATE]
    path = write_iamf(tmp_path / "x.iamf", RATE, [element], [level[[0]], level[[1]], level[[3]]])
    facts = inspect_media(path).ambisonic
    assert facts is not None
    assert facts.reading is not None
    assert facts.verdict is not None
    assert facts.verdict.horizontal_only


@pytest.mark.parametrize("coupled", [0, 1, 2])
def test_a_projection_matrix_is_applied(tmp_path: Path, foa: np.ndarray, coupled: int) -> None:
    demixing = np.array([[0.5, 0.5, 0.5, 0.5], [0.5, -0.5, 0.5, -0.5], [0.5, 0.5, -0.5, -0.5], [0.5, -0.5, -0.5, 0.5]])
    demixing = demixing[:, [2, 0, 3, 1]] * [0.9, 1.0, -0.8, 0.7]
    coded = np.linalg.inv(demixing) @ foa * 0.5
    pairs = [coded[2 * k : 2 * k + 2] for k in range(coupled)]
    substreams = [*pairs, *(coded[k][None] for k in range(2 * coupled, 4))]
    element = audio_element(1, 1, range(len(substreams)), ambisonics_projection(demixing, coupled))
    assert heard(write_iamf(tmp_path / "x.iamf", RATE, [element], substreams)) == EVERYWHERE


def test_second_order_is_taken_down_to_the_first(tmp_path: Path, foa: np.ndarray) -> None:
    rest = 0.2 * np.random.default_rng(1).standard_normal((5, foa.shape[1]))
    mapping = (8, 1, 2, 3, 4, 5, 6, 7, 0)
    channels = np.concatenate([foa, rest])
    substreams = [channels[mapping.index(k)][None] for k in range(9)]
    element = audio_element(1, 1, range(9), ambisonics_mono(mapping, 9))
    path = write_iamf(tmp_path / "x.iamf", RATE, [element], substreams)
    assert heard(path) == EVERYWHERE
    assert probe(path).metadata.sound().order == 2


def test_a_stereo_element_beside_the_scene_stays_with_the_head(tmp_path: Path, foa: np.ndarray) -> None:
    pair = 0.1 * np.random.default_rng(2).standard_normal((2, foa.shape[1]))
    elements = [
        audio_element(1, 0, [0], loudspeakers(1, 1, 1)),
        audio_element(2, 1, [1, 2, 3, 4], ambisonics_mono((0, 1, 2, 3), 4)),
    ]
    path = write_iamf(tmp_path / "x.iamf", RATE, elements, [pair, *(foa[[k]] for k in range(4))])
    assert heard(path) == EVERYWHERE
    facts = inspect_media(path).ambisonic
    assert facts is not None
    assert facts.head_locked == (4, 5)
    assert facts.head_locked_db == pytest.approx(-20, abs=0.5)


@pytest.mark.parametrize(("layout", "substreams", "coupled", "name"), [(1, 1, 1, "stereo"), (2, 4, 2, "5.1")])
def test_loudspeaker_feeds_are_called_that(
    tmp_path: Path, foa: np.ndarray, layout: int, substreams: int, coupled: int, name: str
) -> None:
    parts = [foa[:2]] * coupled + [foa[:1]] * (substreams - coupled)
    element = audio_element(1, 0, range(substreams), loudspeakers(layout, substreams, coupled))
    reasons = dict(inspect_media(write_iamf(tmp_path / "x.iamf", RATE, [element], parts)).reasons())
    assert f"IAMF (Eclipsa Audio): loudspeaker feeds ({name})" in reasons["no-ambisonics"]


def test_the_recipe_of_a_sound_in_parts_survives_json() -> None:
    recipe = FoaDecodeSpec(4, RATE, parts=(1, 2, 3, 4), matrix=((1.0, 0.0), (0.0, 0.5)))
    assert FoaDecodeSpec.from_json(recipe.to_json()) == recipe
    assert "parts" not in FoaDecodeSpec(4, RATE).to_json()


def test_windows_of_a_file_without_places_are_those_of_the_whole(tmp_path: Path, foa: np.ndarray) -> None:
    path = mux_iamf(tmp_path / "x.iamf", np.tile(foa, 5), RATE, codec="pcm_s16le")
    heard_in = inspect_media(path).heard
    assert heard_in is not None
    assert len(heard_in.windows) == 7
    whole = np.concatenate(list(read_channels(path, FoaDecodeSpec(4, RATE, parts=(0, 1, 2, 3)))), axis=1)
    for window, start in zip(heard_in.windows, heard_in.starts_s, strict=True):
        assert window.shape[1] > 3.9 * RATE
        np.testing.assert_array_equal(window, whole[:, round(start * RATE) :][:, : window.shape[1]])


def parse(data: bytes) -> object:
    return read_iamf(io.BytesIO(data), len(data))


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 255), st.integers(0, 10_000), st.integers(0, 255), st.integers(1, 400))
def test_mutated_descriptors_parse_without_an_exception(
    at: int, value: int, at2: int, value2: int, length: int
) -> None:
    matrix = np.eye(4)
    elements = [
        audio_element(1, 1, range(2), ambisonics_projection(matrix, 2)),
        audio_element(2, 0, range(2, 6), loudspeakers(2, 4, 2)),
        audio_element(3, 1, range(6, 10), ambisonics_mono((0, 1, 2, 3), 4)),
    ]
    data = bytearray(descriptors(RATE, elements))
    data[at % len(data)], data[at2 % len(data)] = value, value2
    parse(bytes(data[:length]))
