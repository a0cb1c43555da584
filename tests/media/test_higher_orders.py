"""Second and third order are taken down to the first by the right channels and gains."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.media_containers import encode, insert_boxes, sa3d
from tests.media.places import PLACES, RATE, first_order, heard, scene
from yt360.media.inspect import inspect_media

EVERYWHERE = list(PLACES)


@pytest.fixture(scope="module")
def foa() -> np.ndarray:
    return 0.5 * scene()


def _sa3d(order: int, channel_map: list[int], normalization: int) -> bytes:
    box = bytearray(sa3d(channel_map, normalization=normalization))
    box[8 + 2 : 8 + 6] = order.to_bytes(4, "big")
    return bytes(box)


@pytest.mark.parametrize("order", [2, 3])
@pytest.mark.parametrize("weights", ["acn/sn3d", "acn/n3d"])
@pytest.mark.parametrize("turned", [False, True])
def test_declared_by_sa3d(tmp_path: Path, foa: np.ndarray, order: int, weights: str, turned: bool) -> None:
    sound = first_order(order, weights, foa)
    channel_map = list(range(len(sound)))
    if turned:
        channel_map = channel_map[::-1]
        sound = sound[::-1]
    path = encode(tmp_path / "x.mov", sound=sound, rate_hz=RATE, audio="pcm", layout=f"{len(sound)} channels")
    insert_boxes(path, b"soun", _sa3d(order, channel_map, int(weights == "acn/n3d")))
    assert heard(path) == EVERYWHERE
    facts = inspect_media(path).ambisonic
    assert facts is not None
    assert facts.verdict is not None
    assert "first-four" not in facts.verdict.flags


@pytest.mark.parametrize(("order", "suffix"), [(2, "mka"), (3, "webm")])
def test_declared_by_opus(tmp_path: Path, foa: np.ndarray, order: int, suffix: str) -> None:
    sound = first_order(order, "acn/sn3d", foa)
    path = encode(tmp_path / f"x.{suffix}", sound=sound, rate_hz=RATE, audio="opus", layout=f"ambisonic {order}")
    assert heard(path) == EVERYWHERE


@pytest.mark.parametrize("order", [2, 3])
def test_undeclared_is_judged_by_the_first_four_and_says_so(tmp_path: Path, foa: np.ndarray, order: int) -> None:
    sound = first_order(order, "acn/sn3d", foa)
    path = encode(tmp_path / "x.mov", sound=sound, rate_hz=RATE, audio="pcm", layout=f"{len(sound)} channels")
    assert heard(path) == EVERYWHERE
    facts = inspect_media(path).ambisonic
    assert facts is not None
    assert facts.verdict is not None
    assert "first-four" in facts.verdict.flags
    assert facts.verdict.reason.startswith(f"the first four of {len(sound)} channels: ")


def test_nine_channels_of_something_else_are_refused(tmp_path: Path, foa: np.ndarray) -> None:
    sound = 0.1 * np.random.default_rng(3).standard_normal((9, 2 * RATE))
    path = encode(tmp_path / "x.mov", sound=sound, rate_hz=RATE, audio="pcm", layout="9 channels")
    facts = inspect_media(path).ambisonic
    assert facts is not None
    assert facts.reading is None
    assert facts.words.startswith("the first four of 9 channels: ")
