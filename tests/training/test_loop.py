"""Whole runs, tiny: what is logged, what is left on disk, which options train."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from tests import CHECKOUT
from tests.training.runs import log, losses, run
from tests.training.world import make_root, tiny
from yt360.errors import UsageError
from yt360.models import load_encoders
from yt360.models.audio_visual import AudioVisualModel
from yt360.models.encoders import load_spectrogram
from yt360.models.folder import list_checkpoints, load_into, read_model, without_front_end
from yt360.training import loop

REPOSITORY = CHECKOUT


def test_a_run_logs_trains_both_phases_and_leaves_a_model(finished: Path) -> None:
    assert [(r["phase"], r["step"]) for r in log(finished)] == [("avc", 1), ("avc", 2), ("avc", 3)] + [
        ("avsa", step) for step in range(1, 5)
    ]
    start = log(finished, "start")[0]
    assert start["mode"] == "correct"
    assert start["train"] == {"clips": 12, "videos": 6, "too_short": []}
    assert all(r["avsa_accuracy"] is None for r in log(finished) if r["phase"] == "avc")
    assert all(0 <= r["avsa_accuracy"] <= 1 for r in log(finished) if r["phase"] == "avsa")
    for record in log(finished, "evaluation"):
        assert (record["avc_chance"], record["avsa_chance"]) == (0.5, 0.5)
    assert {"samples_per_s", "data_wait_share", "memory_mb", "bad_samples"} <= log(finished)[0].keys()
    assert sorted(path.name for path in (finished / "model").iterdir()) == [
        "README.md", "config.json", "model.safetensors", "preprocessor_config.json",
    ]  # fmt: skip
    assert log(finished, "end")


def test_models_say_how_long_they_were_trained(finished: Path) -> None:
    assert read_model(finished / "model")[1].steps == (3, 4)
    found = {path.name: read_model(path)[1].steps for path in (finished / "checkpoints").iterdir()}
    assert found["00-avc-00000003"] == (3,)
    assert found["01-avsa-00000004"] == (3, 4)


def test_same_seed_same_losses_other_seed_other_losses(root: Path, finished: Path, tmp_path: Path) -> None:
    run(tiny(), root, tmp_path / "again")
    assert losses(tmp_path / "again") == losses(finished)
    run(tiny(seed=5), root, tmp_path / "other")
    assert losses(tmp_path / "other") != losses(finished)


def test_checkpoint_of_another_architecture_lists_what_differs(finished: Path) -> None:
    tensors, _ = read_model(finished / "model")
    other = AudioVisualModel(tiny(model={"width": 4}).model, 4, translators=True, whole_video=False)
    with pytest.raises(UsageError, match=r"another architecture: video\.stem\.0\.weight has shape"):
        load_into(other, without_front_end(tensors), finished)
    smaller = AudioVisualModel(tiny().model, 4, translators=False, whole_video=False)
    with pytest.raises(UsageError, match=r"sound_to_video.* is not part of this model"):
        load_into(smaller, without_front_end(tensors), finished)


def test_start_from_takes_the_encoders_and_refuses_other_ones(root: Path, finished: Path, tmp_path: Path) -> None:
    phases = [tiny().phases[1].model_dump() | {"steps": 1}]
    summary = run(tiny(phases=phases, start_from=str(finished / "model")), root, tmp_path / "b")
    assert summary.steps == 1
    with pytest.raises(UsageError, match="another architecture"):
        run(tiny(phases=phases, start_from=str(finished / "model"), model={"width": 4}), root, tmp_path / "c")
    with pytest.raises(UsageError, match="another sound input"):
        run(tiny(phases=phases, start_from=str(finished / "model"), sound={"mels": 32}), root, tmp_path / "d")


def test_encoders_pass_from_phase_to_phase_and_heads_start_fresh(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    states: list[Any] = []
    real = loop._Run._begin_phase

    def begin(self: Any, number: int) -> None:
        before = None if number == 0 else {k: v.clone() for k, v in self.train_step.model.state_dict().items()}
        real(self, number)
        states.append(
            (
                before,
                {k: v.clone() for k, v in self.train_step.model.state_dict().items()},
                len(self.train_step.optimiser.state),
            )
        )

    monkeypatch.setattr(loop._Run, "_begin_phase", begin)
    run(tiny(), root, tmp_path)
    before, after, moments = states[1]
    assert moments == 0
    for name in before:
        same = torch.equal(before[name], after[name])
        assert same == name.startswith(("video.", "sound.")), name


def test_loaded_encoders_are_those_that_were_trained(finished: Path) -> None:
    for folder in (finished, finished / "model", list_checkpoints(finished / "checkpoints")[-1]):
        encoders: Any = load_encoders(folder)
        assert not encoders.video.training
        tensors, _ = read_model(finished / "model")
        assert torch.equal(encoders.video.stem[0].weight, tensors["video.stem.0.weight"])
        assert encoders.sound(torch.zeros(1, 4, 25, 16)).shape == (1, 16)
    assert load_spectrogram(finished).std.min() > 0


def test_a_small_split_is_trained_on_and_said(
    own_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three training videos and none to test on: batches of three, no evaluation, both in words."""
    phase = {"name": "avc", "objective": "avc", "views": 1, "batch": 16, "translators": False, "steps": 2}
    recipe = tiny(phases=[phase], shrink_batch=True)
    summary = run(recipe, own_root, tmp_path / "out")
    said = capsys.readouterr().err
    assert "phase avc: batches of 3 videos instead of 16, since the training split holds 3" in said
    assert "no held-out evaluation: the split 'test' holds 0 usable videos" in said
    assert (summary.steps, summary.seen, summary.evaluations) == (2, 6, {})
    (start,) = log(tmp_path / "out", "start")
    assert len(start["changes"]) == 1
    assert run(recipe, own_root, tmp_path / "out").steps == 2  # the same command finds its own run


def test_encoders_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="yt360 train"):
        load_encoders(tmp_path)
    (tmp_path / "model.json").write_text("[]")
    with pytest.raises(UsageError, match="JSON object"):
        load_encoders(tmp_path)
    (tmp_path / "model.json").write_text('{"format": 1}')
    with pytest.raises(UsageError, match=r"model\.json: does not describe a model of this version \(model: "):
        load_encoders(tmp_path)
    (tmp_path / "model.json").write_text('{"format": 1, "model": {}, "sound": {}}')
    (tmp_path / "model.safetensors").write_bytes(b"not tensors at all")
    with pytest.raises(UsageError, match="safetensors"):
        load_encoders(tmp_path)


@pytest.mark.parametrize("mode", ["correct", "original"])
def test_each_mode_trains_and_says_so(root: Path, tmp_path: Path, mode: str) -> None:
    run(tiny(mode=mode), root, tmp_path)
    _, description = read_model(tmp_path / "model")
    assert description.mode == mode
    assert log(tmp_path, "start")[0]["switches"]["pool"] == ("all_views" if mode == "correct" else "same_slot")


@pytest.mark.parametrize(
    "changes",
    [
        {"sound": {"features": "logmel+intensity"}},
        {"model": {"translator": {"kind": "mlp"}}},
        {"model": {"translator": {"positions": True, "heads": 2}}},
        {"run": {"accumulate": 2}},
        {"run": {"precision": "bf16"}},
        {"run": {"channels_last": True}},
        {"views": {"energy_share": 1.0}},
    ],
    ids=str,
)
def test_each_option_trains(root: Path, tmp_path: Path, changes: Any) -> None:
    summary = run(tiny(**changes), root, tmp_path)
    assert summary.steps == 7
    assert all(record["loss"] > 0 for record in log(tmp_path))


def test_avts_trains(root: Path, tmp_path: Path) -> None:
    phase = {"name": "avts", "objective": "avts", "views": 2, "batch": 4, "translators": True, "steps": 2}
    assert run(tiny(phases=[phase]), root, tmp_path).steps == 2


def test_training_lowers_the_loss(tmp_path: Path) -> None:
    """Four videos of different colour and pitch are told apart within a few steps."""
    root = make_root(tmp_path / "root", videos=4, clips=1, seconds=1.2)
    phase = {"name": "avc", "objective": "avc", "views": 2, "batch": 4, "translators": False, "steps": 40}
    recipe = tiny(
        phases=[phase],
        data={"clips_per_video": 40},
        model={"width": 4},
        optimiser={"learning_rate": 0.01},
        views={"energy_share": 1.0},
    )
    run(recipe, root, tmp_path / "out")
    found = [record["loss"] for record in log(tmp_path / "out")]
    assert sum(found[-5:]) / 5 < 0.6 * sum(found[:5]) / 5


def test_tensorboard_gets_the_numbers(root: Path, tmp_path: Path) -> None:
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    run(tiny(run={"tensorboard": True}), root, tmp_path)
    board = reader.EventAccumulator(str(tmp_path / "tensorboard"))
    board.Reload()
    assert [event.value for event in board.Scalars("avsa/train/loss")] == pytest.approx(
        [record["loss"] for record in log(tmp_path) if record["phase"] == "avsa"]
    )
    assert len(board.Scalars("avc/test/avsa_accuracy")) == 1


def test_importing_the_data_half_does_not_import_torch() -> None:
    code = "import sys, yt360, yt360.sphere, yt360.training, yt360.cli.train; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=REPOSITORY)


def test_training_imports_neither_stages_nor_media() -> None:
    source = "".join(path.read_text() for path in (REPOSITORY / "yt360" / "training").glob("*.py"))
    assert "yt360.stages" not in source
    assert "yt360.media" not in source
