"""Checkpoints bring arrays and nothing else, and a wrong one is named."""

from __future__ import annotations

import os
import pickle
import subprocess
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.segmentation.random_weights import NARROW, random_weights
from yt360.errors import UsageError
from yt360.segmentation.checkpoint import convert, load_into, read_arrays
from yt360.segmentation.fpn.model import PanopticFPN


def arrays(config: Any = NARROW) -> dict[str, np.ndarray]:
    return random_weights({name: tuple(value.shape) for name, value in PanopticFPN(config).state_dict().items()}, 3)


def published(path: Path, model: dict[str, Any], protocol: int = 2) -> Path:
    """As detectron2 writes them; protocol 2 is what Python 2 had."""
    path.write_bytes(pickle.dumps({"model": OrderedDict(model), "__author__": "somebody"}, protocol=protocol))
    return path


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_published_layout_is_read_and_converts_to_safetensors(tmp_path: Path, protocol: int) -> None:
    wanted = arrays()
    older = {
        "pixel_mean": np.zeros((3, 1, 1), np.float32),
        "proposal_generator.anchor_generator.cell_anchors.0": np.zeros((3, 4), np.float32),
    }
    path = published(tmp_path / "model.pkl", wanted | older, protocol)
    convert(path, tmp_path / "model.safetensors", NARROW)
    for found in (read_arrays(path), read_arrays(tmp_path / "model.safetensors")):
        assert set(found) == set(wanted)
        for name, value in wanted.items():
            np.testing.assert_array_equal(found[name], value)
    model = PanopticFPN(NARROW)
    load_into(model, read_arrays(tmp_path / "model.safetensors"), "here")
    np.testing.assert_array_equal(model.sem_seg_head.predictor.weight.detach(), wanted["sem_seg_head.predictor.weight"])


def test_a_checkpoint_converts_to_the_same_bytes_every_time(tmp_path: Path) -> None:
    path = published(tmp_path / "model.pkl", arrays())
    found = set()
    for number in range(6):
        convert(path, tmp_path / f"{number}.safetensors", NARROW)
        found.add((tmp_path / f"{number}.safetensors").read_bytes())
    assert len(found) == 1


class _Evil:
    def __init__(self, function: Any, *arguments: Any) -> None:
        self._call = (function, arguments)

    def __reduce__(self) -> tuple[Any, ...]:
        return self._call


@pytest.mark.parametrize(
    "evil",
    [
        _Evil(os.system, "touch pwned"),
        _Evil(subprocess.Popen, ["touch", "pwned"]),
        _Evil(eval, "open('pwned', 'w')"),
        _Evil(getattr, "text", "join"),
        _Evil(np.load, "somewhere"),
        _Evil(bytearray, 1 << 20),
    ],
)
def test_pickle_that_would_run_code_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, evil: _Evil) -> None:
    monkeypatch.chdir(tmp_path)
    path = published(tmp_path / "model.pkl", {"backbone.x": evil})
    with pytest.raises(UsageError, match="only arrays are allowed"):
        read_arrays(path)
    assert not (tmp_path / "pwned").exists()


def test_object_arrays_are_refused(tmp_path: Path) -> None:
    path = published(tmp_path / "model.pkl", {"x": np.array([{}, None], dtype=object)})
    with pytest.raises(UsageError, match="expected finite numbers in 'x'"):
        read_arrays(path)


@pytest.mark.parametrize("kept", [0, 1, 100, 0.5, 0.999])
def test_truncated_pickle_is_named(tmp_path: Path, kept: float) -> None:
    path = published(tmp_path / "model.pkl", arrays())
    data = path.read_bytes()
    path.write_bytes(data[: kept if isinstance(kept, int) else int(kept * len(data))])
    with pytest.raises(UsageError, match="fetch it again"):
        read_arrays(path)


def test_truncated_safetensors_are_named(tmp_path: Path) -> None:
    published(tmp_path / "model.pkl", arrays())
    convert(tmp_path / "model.pkl", tmp_path / "model.safetensors", NARROW)
    data = (tmp_path / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(data[:-1000])
    with pytest.raises(UsageError, match=r"model\.safetensors: expected a whole checkpoint.*fetch it again"):
        read_arrays(tmp_path / "model.safetensors")


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="found no file"):
        read_arrays(tmp_path / "model.pkl")


def test_not_a_number_is_named(tmp_path: Path) -> None:
    bad = arrays()
    bad["backbone.fpn_output2.bias"][3] = np.nan
    with pytest.raises(UsageError, match=r"expected finite numbers in 'backbone\.fpn_output2\.bias'"):
        read_arrays(published(tmp_path / "model.pkl", bad))


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (replace(NARROW, blocks=(3, 4, 23, 3)), "this is a ResNet-101: choose panoptic-fpn-r101"),
        (replace(NARROW, blocks=(2, 2, 2, 2)), r"expected a ResNet with \(3, 4, 6, 3\) blocks"),
        (replace(NARROW, things=20), "expected 81 kinds of things and background.*found 21.*other categories"),
        (replace(NARROW, stuff=10), "expected 54 kinds of stuff.*found 11.*other categories"),
        (replace(NARROW, pyramid=64), "has the shape"),
    ],
)
def test_checkpoint_of_another_model_says_which(other: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        load_into(PanopticFPN(NARROW), arrays(other), "model.pkl")


def test_checkpoint_with_missing_or_foreign_tensors_names_the_first() -> None:
    found = arrays()
    del found["sem_seg_head.p3.0.weight"]
    with pytest.raises(UsageError, match=r"1 of 330 tensors are missing, first 'sem_seg_head\.p3\.0\.weight'"):
        load_into(PanopticFPN(NARROW), found, "model.pkl")
    with pytest.raises(UsageError, match="belong to another model, first 'extra'"):
        load_into(PanopticFPN(NARROW), arrays() | {"extra": np.zeros(1, np.float32)}, "model.pkl")
