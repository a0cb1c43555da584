"""Whole runs, tiny: what is logged, what is left on disk, and what happens when something goes wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from tests.training.world import edit_manifest, make_root, tiny
from yt360.errors import RootBusyError, UsageError
from yt360.training import checkpoints, load_encoders, loop, samples
from yt360.training.encoders import load_spectrogram
from yt360.training.learner import Learner
from yt360.training.loop import TrainingError, train

REPOSITORY = Path(__file__).parents[2]


def log(out: Path, kind: str = "step") -> list[dict]:
    return [r for r in map(json.loads, (out / "log.jsonl").read_text().splitlines()) if r["kind"] == kind]


def losses(out: Path) -> list[tuple]:
    """All that must not depend on how often a run was interrupted."""
    names = ("phase", "step", "epoch", "loss", "avc_accuracy", "avsa_accuracy")
    return [tuple(r[n] for n in names if n in r) for kind in ("step", "evaluation") for r in log(out, kind)]


def run(recipe, root: Path, out: Path):
    return train(recipe, str(root), out, progress=False)


@pytest.fixture(scope="module")
def finished(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("finished")
    run(tiny(), root, out)
    return out


class InterruptError(Exception):
    pass


def interrupt_after(monkeypatch: pytest.MonkeyPatch, checkpoints_written: int) -> None:
    """Die like a killed process right after a checkpoint: nothing of the loop runs after it."""
    real, count = checkpoints.write_checkpoint, [0]

    def write(*args, **kwargs):
        path = real(*args, **kwargs)
        count[0] += 1
        if count[0] == checkpoints_written:
            raise InterruptError
        return path

    monkeypatch.setattr(checkpoints, "write_checkpoint", write)


def test_a_run_logs_trains_both_phases_and_leaves_a_model(finished):
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
    assert sorted(path.name for path in (finished / "model").iterdir()) == ["model.json", "model.safetensors"]
    assert log(finished, "end")


def test_same_seed_same_losses_other_seed_other_losses(root, finished, tmp_path):
    run(tiny(), root, tmp_path / "again")
    assert losses(tmp_path / "again") == losses(finished)
    run(tiny(seed=5), root, tmp_path / "other")
    assert losses(tmp_path / "other") != losses(finished)


@pytest.mark.parametrize("after", [1, 2, 3])
def test_resumed_run_has_the_losses_of_an_uninterrupted_one(root, finished, tmp_path, monkeypatch, after):
    """Killed after step 2 of 3, at the end of a phase, and in the middle of the second phase."""
    with monkeypatch.context() as patched:
        interrupt_after(patched, after)
        with pytest.raises(InterruptError):
            run(tiny(), root, tmp_path)
    assert len(losses(tmp_path)) < len(losses(finished))
    run(tiny(), root, tmp_path)
    assert losses(tmp_path) == losses(finished)
    for name in ("model.safetensors", "model.json"):
        assert (tmp_path / "model" / name).read_bytes() == (finished / "model" / name).read_bytes()


def test_resume_in_the_middle_of_a_log_interval(root, tmp_path, monkeypatch):
    recipe = tiny(run={"log_every": 3}, data={"clips_per_video": 6})
    run(recipe, root, tmp_path / "whole")
    with monkeypatch.context() as patched:
        interrupt_after(patched, 1)
        with pytest.raises(InterruptError):
            run(recipe, root, tmp_path / "resumed")
    run(recipe, root, tmp_path / "resumed")
    assert losses(tmp_path / "resumed") == losses(tmp_path / "whole")


def test_workers_change_nothing_and_resume_exactly(root, finished, tmp_path, monkeypatch):
    recipe = tiny(data={"workers": 2})
    with monkeypatch.context() as patched:
        interrupt_after(patched, 1)
        with pytest.raises(InterruptError):
            run(recipe, root, tmp_path)
    run(recipe, root, tmp_path)
    assert losses(tmp_path) == losses(finished)


def test_a_finished_run_is_left_alone(root, finished):
    before = (finished / "log.jsonl").read_bytes(), (finished / "model" / "model.safetensors").stat().st_mtime_ns
    summary = run(tiny(), root, finished)
    assert summary.evaluations["avsa"]["avsa_chance"] == 0.5
    after = (finished / "log.jsonl").read_bytes(), (finished / "model" / "model.safetensors").stat().st_mtime_ns
    assert after == before


def test_another_recipe_in_the_same_folder_is_refused(root, finished):
    with pytest.raises(UsageError, match=r"another run, which differs in model\.width, seed"):
        run(tiny(seed=9, model={"width": 4}), root, finished)


def test_another_dataset_under_the_same_run_is_refused(finished, tmp_path):
    root = make_root(tmp_path / "root", clips=1, seconds=1.2, test_videos=3, seed=1)
    with pytest.raises(UsageError, match="holds now"):
        run(tiny(), root, finished)


def test_checkpoint_of_another_architecture_lists_what_differs(finished):
    tensors, _ = checkpoints.read_model(finished / "model")
    other = loop.AudioVisualModel(tiny(model={"width": 4}), translators=True, whole_video=False)
    with pytest.raises(UsageError, match=r"another architecture: video\.stem\.0\.weight has shape"):
        checkpoints.load_into(other, checkpoints.without_front_end(tensors), finished)
    smaller = loop.AudioVisualModel(tiny(), translators=False, whole_video=False)
    with pytest.raises(UsageError, match=r"sound_to_video.* is not part of this model"):
        checkpoints.load_into(smaller, checkpoints.without_front_end(tensors), finished)


def test_start_from_takes_the_encoders_and_refuses_other_ones(root, finished, tmp_path):
    phases = [tiny().phases[1].model_dump() | {"steps": 1}]
    summary = run(tiny(phases=phases, start_from=str(finished / "model")), root, tmp_path / "b")
    assert summary.steps == 1
    with pytest.raises(UsageError, match="another architecture"):
        run(tiny(phases=phases, start_from=str(finished / "model"), model={"width": 4}), root, tmp_path / "c")
    with pytest.raises(UsageError, match="another sound input"):
        run(tiny(phases=phases, start_from=str(finished / "model"), sound={"mels": 32}), root, tmp_path / "d")


def test_encoders_pass_from_phase_to_phase_and_heads_start_fresh(root, tmp_path, monkeypatch):
    states = []
    real = loop._Run._begin_phase

    def begin(self, number):
        before = None if number == 0 else {k: v.clone() for k, v in self.learner.model.state_dict().items()}
        real(self, number)
        states.append(
            (
                before,
                {k: v.clone() for k, v in self.learner.model.state_dict().items()},
                len(self.learner.optimiser.state),
            )
        )

    monkeypatch.setattr(loop._Run, "_begin_phase", begin)
    run(tiny(), root, tmp_path)
    before, after, moments = states[1]
    assert moments == 0
    for name in before:
        same = torch.equal(before[name], after[name])
        assert same == name.startswith(("video.", "sound.")), name


def test_loaded_encoders_are_those_that_were_trained(finished):
    for folder in (finished, finished / "model", checkpoints.list_checkpoints(finished / "checkpoints")[-1]):
        encoders = load_encoders(folder)
        assert not encoders.video.training
        tensors, _ = checkpoints.read_model(finished / "model")
        assert torch.equal(encoders.video.stem[0].weight, tensors["video.stem.0.weight"])
        assert encoders.sound(torch.zeros(1, 4, 25, 16)).shape == (1, 16)
    assert load_spectrogram(finished).std.min() > 0


def test_encoders_of_nothing(tmp_path):
    with pytest.raises(UsageError, match="yt360 train"):
        load_encoders(tmp_path)
    (tmp_path / "model.json").write_text("[]")
    with pytest.raises(UsageError, match="JSON object"):
        load_encoders(tmp_path)
    (tmp_path / "model.json").write_text('{"format": 1}')
    (tmp_path / "model.safetensors").write_bytes(b"not tensors at all")
    with pytest.raises(UsageError, match="safetensors"):
        load_encoders(tmp_path)


def test_truncated_checkpoint_is_named(root, tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        interrupt_after(patched, 1)
        with pytest.raises(InterruptError):
            run(tiny(), root, tmp_path)
    checkpoint = checkpoints.list_checkpoints(tmp_path / "checkpoints")[-1]
    weights = checkpoint / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(UsageError, match=r"model\.safetensors: not a whole safetensors file.*remove"):
        run(tiny(), root, tmp_path)


def test_a_checkpoint_that_was_not_finished_is_not_one(root, finished, tmp_path, monkeypatch):
    """Killed while writing the second checkpoint: the run goes on from the first."""
    real, count = checkpoints.save_file, [0]

    def save(*args):
        count[0] += 1
        if count[0] == 4:
            raise InterruptError
        real(*args)

    with monkeypatch.context() as patched:
        patched.setattr(checkpoints, "save_file", save)
        with pytest.raises(InterruptError):
            run(tiny(), root, tmp_path)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["00-avc-00000002"]
    run(tiny(), root, tmp_path)
    assert losses(tmp_path) == losses(finished)


def test_only_the_newest_checkpoints_and_phase_ends_are_kept(finished):
    names = [path.name for path in checkpoints.list_checkpoints(finished / "checkpoints")]
    assert names == ["00-avc-00000003", "01-avsa-00000002", "01-avsa-00000004"]


def test_not_a_number_stops_with_the_clips_of_the_batch(root, tmp_path, monkeypatch):
    real = Learner.align

    def align(self, batch, **kwargs):
        result = real(self, batch, **kwargs)
        return result._replace(loss=result.loss * float("nan")) if batch.step == 2 else result

    monkeypatch.setattr(Learner, "align", align)
    with pytest.raises(TrainingError, match=r"phase avc, step 2: the loss is not finite.*video\d{3}-000"):
        run(tiny(run={"checkpoint_every": 1}), root, tmp_path)
    record = log(tmp_path, "not-finite")[0]
    assert len(record["clips"]) == 4
    assert [path.name for path in checkpoints.list_checkpoints(tmp_path / "checkpoints")] == ["00-avc-00000001"]


def long_recipe(**changes):
    phase = {"name": "avc", "objective": "avc", "views": 1, "batch": 4, "translators": False, "steps": 40}
    return tiny(phases=[phase], data={"clips_per_video": 8, "verify_digests": False}, **changes)


def damage(root: Path, clips: int) -> list[str]:
    """Point the picture of ``clips`` clips at bytes that are not a picture."""
    names: list[str] = []

    def change(rows):
        for row in rows[:clips]:
            row["video_offset"] = row["foa_offset"]
            names.append(row["clip"])

    edit_manifest(root, change)
    return names


def test_bad_samples_are_skipped_counted_and_named_and_many_stop_the_run(tmp_path):
    root = make_root(tmp_path / "root", videos=5, clips=2, seconds=1.2)
    names = damage(root, 1)
    with pytest.raises(TrainingError, match=r"\d+ of 1\d\d samples are bad, more than 1%.*yt360 verify"):
        run(long_recipe(), root, tmp_path / "out")
    assert {record["clip"] for record in log(tmp_path / "out", "bad-sample")} == set(names)
    assert log(tmp_path / "out")[-1]["bad_samples"] > 1


def test_one_bad_sample_in_a_hundred_is_survived(root, tmp_path, monkeypatch):
    real = samples.SampleDataset.__getitem__

    def get(self, request):
        if request.seed[1:] == (1, 0, 5, 0):
            return loop_bad(request)
        return real(self, request)

    def loop_bad(request):
        from yt360.training.samples import BadSample

        return BadSample(request, "video000-00000", "corrupt-member", "clip video000-00000: planted")

    monkeypatch.setattr(samples.SampleDataset, "__getitem__", get)
    summary = run(long_recipe(), root, tmp_path)
    assert (summary.bad, summary.seen, summary.steps) == (1, 160, 40)
    assert log(tmp_path, "bad-sample")[0]["step"] == 6


def test_a_batch_of_which_nothing_is_left_takes_no_step(tmp_path):
    root = make_root(tmp_path / "root", videos=4, clips=1, seconds=1.2)
    damage(root, 3)
    with pytest.raises(TrainingError, match="samples are bad"):
        run(tiny(), root, tmp_path / "out")
    assert not (tmp_path / "out" / "model").exists()


@pytest.mark.slow
def test_sigterm_ends_with_a_checkpoint_and_the_same_losses_follow(root, tmp_path):
    recipe = tmp_path / "recipe.json.yaml"
    long = long_recipe(run={"checkpoint_every": 1000})
    recipe.write_text(long.model_dump_json())
    run(long, root, tmp_path / "whole")
    out = tmp_path / "out"
    code = "import sys; from yt360.cli.main import main; main(['train', *sys.argv[1:]])"
    command = [sys.executable, "-c", code, str(recipe), "--root", str(root), "--out", str(out), "--quiet"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (out / "log.jsonl").exists() or len(log(out)) < 3:
        assert time.monotonic() < deadline
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode in (0, 130), errors
    if process.returncode == 130:
        assert "run the same command to go on" in errors
    run(long, root, out)
    assert losses(out) == losses(tmp_path / "whole")


def test_two_runs_in_one_folder_are_refused(root, tmp_path):
    import fcntl

    with (tmp_path / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(RootBusyError, match="another run is working there"):
            run(tiny(), root, tmp_path)


def test_output_folder_that_is_a_file(root, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="cannot be used as the output folder"):
        run(tiny(), root, tmp_path / "file")


def test_missing_split_is_named(root, tmp_path):
    with pytest.raises(UsageError, match="no usable clips of the split 'nothing'"):
        run(tiny(data={"train_split": "nothing"}), root, tmp_path)


@pytest.mark.parametrize("mode", ["correct", "original"])
def test_each_mode_trains_and_says_so(root, tmp_path, mode):
    run(tiny(mode=mode), root, tmp_path)
    _, description = checkpoints.read_model(tmp_path / "model")
    assert description["mode"] == mode
    assert log(tmp_path, "start")[0]["switches"]["pool"] == ("full112" if mode == "correct" else "slot31")


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
def test_each_option_trains(root, tmp_path, changes):
    summary = run(tiny(**changes), root, tmp_path)
    assert summary.steps == 7
    assert all(record["loss"] > 0 for record in log(tmp_path))


def test_avts_trains(root, tmp_path):
    phase = {"name": "avts", "objective": "avts", "views": 2, "batch": 4, "translators": True, "steps": 2}
    assert run(tiny(phases=[phase]), root, tmp_path).steps == 2


def test_training_lowers_the_loss(tmp_path):
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


def test_tensorboard_gets_the_numbers(root, tmp_path):
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    run(tiny(run={"tensorboard": True}), root, tmp_path)
    board = reader.EventAccumulator(str(tmp_path / "tensorboard"))
    board.Reload()
    assert [event.value for event in board.Scalars("avsa/train/loss")] == pytest.approx(
        [record["loss"] for record in log(tmp_path) if record["phase"] == "avsa"]
    )
    assert len(board.Scalars("avc/test/avsa_accuracy")) == 1


def test_importing_the_data_half_does_not_import_torch():
    code = "import sys, yt360, yt360.sphere, yt360.training, yt360.cli.train; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=REPOSITORY)


def test_training_imports_neither_stages_nor_media():
    source = "".join(path.read_text() for path in (REPOSITORY / "yt360" / "training").glob("*.py"))
    assert "yt360.stages" not in source
    assert "yt360.media" not in source
