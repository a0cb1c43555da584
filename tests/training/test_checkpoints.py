"""What a run goes on from is what was written, or it is named with a way out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.training.runs import run
from tests.training.world import tiny
from yt360.errors import UsageError
from yt360.models.folder import list_checkpoints, load_into
from yt360.models.settings import ModelDescription
from yt360.models.tensor_files import read_tensors, save_tensors
from yt360.training import checkpoints
from yt360.training.metrics_log import last_evaluations


@pytest.fixture
def checkpoint(finished: Path, tmp_path: Path) -> Path:
    """A copy of the last one of a finished run."""
    return Path(shutil.copytree(list_checkpoints(finished / "checkpoints")[-1], tmp_path / "checkpoint"))


def _told(checkpoint: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((checkpoint / "state.json").read_text())
    return told


def test_a_state_is_read_as_it_was_written_and_without_checksum_and_digests_too(checkpoint: Path) -> None:
    state, told = checkpoints.read_state(checkpoint), _told(checkpoint)
    assert told.pop("digests").keys() == {"model.safetensors", "optimiser.safetensors"}
    told.pop("checksum")
    (checkpoint / "state.json").write_text(json.dumps(told))
    assert checkpoints.read_state(checkpoint) == state
    assert state.step > 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("step", "3"), ("step", True), ("step", -1), ("step", None), ("step", 2.5), ("phase", [0]), ("seen", -4),
        ("interval", []), ("interval", {"loss": "x"}), ("scaler", 3), ("manifest", None), ("other", 1),
        ("digests", {"../state.json": ""}), ("digests", 3),
    ],
)  # fmt: skip
def test_a_state_of_other_values_is_refused(checkpoint: Path, name: str, value: Any) -> None:
    """They ended in tracebacks, or a run began anew with weights that had been trained."""
    told = {key: entry for key, entry in _told(checkpoint).items() if key != "checksum"}
    (checkpoint / "state.json").write_text(json.dumps(told | {name: value}))
    with pytest.raises(UsageError, match=r"state\.json: not a training state .*; remove the folder"):
        checkpoints.read_state(checkpoint)


@pytest.mark.parametrize("name", ["step", "phase"])
def test_a_state_that_lacks_where_it_stands_is_refused(checkpoint: Path, name: str) -> None:
    told = {key: entry for key, entry in _told(checkpoint).items() if key not in ("checksum", name)}
    (checkpoint / "state.json").write_text(json.dumps(told))
    with pytest.raises(UsageError, match="its counts are not such"):
        checkpoints.read_state(checkpoint)


def _changed_step(checkpoint: Path) -> None:
    told = _told(checkpoint)
    (checkpoint / "state.json").write_text(json.dumps(told | {"step": told["step"] - 1}))


def _flipped(name: str) -> Callable[[Path], None]:
    def flip(checkpoint: Path) -> None:
        data = bytearray((checkpoint / name).read_bytes())
        data[-5] ^= 0x10
        (checkpoint / name).write_bytes(data)

    return flip


@pytest.mark.parametrize(
    "damage", [_changed_step, _flipped("model.safetensors"), _flipped("optimiser.safetensors")],
    ids=["state", "model", "optimiser"],
)  # fmt: skip
def test_rot_that_still_can_be_read_is_found(checkpoint: Path, damage: Callable[[Path], None]) -> None:
    """A flipped bit of the weights was trained on with."""
    damage(checkpoint)
    with pytest.raises(UsageError, match=r"(state\.json|model\.safetensors|optimiser\.safetensors): .*remove "):
        checkpoints.read_state(checkpoint)


def test_a_state_beyond_the_recipe_is_refused(root: Path, finished: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(finished, tmp_path / "out"))
    last = list_checkpoints(out / "checkpoints")[-1]
    told = {key: entry for key, entry in _told(last).items() if key != "checksum"}
    for beyond in ({"phase": 7}, {"step": 10**6}):
        (last / "state.json").write_text(json.dumps(told | beyond))
        with pytest.raises(UsageError, match=r"expected a state of at most step \d+ of phase \d+, found step"):
            run(tiny(), root, out)


@pytest.mark.parametrize(("key", "change"), [
    ("exp_avg", lambda value: value.to(torch.int8)), ("step", lambda value: value.to(torch.int64)),
    ("exp_avg_sq", lambda value: value[None]), ("step", lambda value: torch.zeros(2)),
])  # fmt: skip
def test_moments_of_another_shape_or_type_are_refused(tmp_path: Path, key: str, change: Callable[[Any], Any]) -> None:
    """Some ended in a traceback within the first step, those of another shape were taken."""
    model = nn.Linear(3, 2)
    optimiser = torch.optim.Adam(model.parameters())
    model(torch.ones(1, 3)).sum().backward()
    optimiser.step()
    tensors = checkpoints._optimiser_tensors(model, optimiser)
    save_tensors(tmp_path / "optimiser.safetensors", tensors)
    checkpoints.read_optimiser(tmp_path, model, optimiser)
    save_tensors(tmp_path / "optimiser.safetensors", tensors | {f"{key}/weight": change(tensors[f"{key}/weight"])})
    with pytest.raises(UsageError, match="the state of weight has another shape or type"):
        checkpoints.read_optimiser(tmp_path, model, optimiser)


def test_weights_of_another_type_are_refused(tmp_path: Path) -> None:
    """Whole numbers were taken for weights."""
    model = nn.Linear(3, 2)
    save_tensors(tmp_path / "w.safetensors", {"weight": torch.ones(2, 3, dtype=torch.int8), "bias": torch.ones(2)})
    with pytest.raises(UsageError, match=r"weight holds torch\.int8, expected torch\.float32"):
        load_into(model, read_tensors(tmp_path / "w.safetensors"), tmp_path)
    load_into(model, {"weight": torch.ones(2, 3, dtype=torch.float16), "bias": torch.ones(2)}, tmp_path)


@pytest.mark.parametrize("pool", [{}, [], {"a": 1}])
def test_a_description_with_an_impossible_pool_is_refused_as_such(pool: Any) -> None:
    with pytest.raises(ValueError, match="pool"):
        ModelDescription.model_validate({"switches": {"pool": pool}})


def test_records_of_evaluations_that_lack_measures_are_none(tmp_path: Path) -> None:
    """They ended in a traceback when the run did."""
    whole = {"loss": 0.5, "avc_accuracy": 0.5, "avsa_accuracy": 0.5, "avc_chance": 0.5, "avsa_chance": 0.5}
    lines = [
        {"kind": "evaluation", "phase": "avc", **whole}, {"kind": "evaluation", "phase": "avsa", "loss": 0.5},
        {"kind": "evaluation", "phase": {"a": 1}, **whole},
        {"kind": "evaluation", "phase": "avc", **whole, "loss": "x"},
    ]  # fmt: skip
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert last_evaluations(tmp_path / "log.jsonl") == {"avc": whole}
