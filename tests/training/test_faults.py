"""What a run does with samples, losses and arguments that are no good."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.training.runs import log, long_recipe, run
from tests.training.world import edit_manifest, make_root, tiny
from yt360.errors import ItemError, UsageError
from yt360.models.folder import list_checkpoints
from yt360.training import samples
from yt360.training.batch_plan import Request
from yt360.training.loop import TrainingError
from yt360.training.step import TrainStep


def test_not_a_number_stops_with_the_clips_of_the_batch(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = TrainStep.align

    def align(self: Any, batch: Any, **kwargs: Any) -> Any:
        result = real(self, batch, **kwargs)
        return result._replace(loss=result.loss * float("nan")) if batch.step == 2 else result

    monkeypatch.setattr(TrainStep, "align", align)
    with pytest.raises(TrainingError, match=r"phase avc, step 2: the loss is not finite.*video\d{3}-000"):
        run(tiny(run={"checkpoint_every": 1}), root, tmp_path)
    record = log(tmp_path, "not-finite")[0]
    assert len(record["clips"]) == 4
    assert [path.name for path in list_checkpoints(tmp_path / "checkpoints")] == ["00-avc-00000001"]


def test_held_out_measures_that_are_no_numbers_stop_the_run(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batch norms may have statistics that are none while the loss of training is one: JSON ended in a traceback."""
    real = TrainStep.align

    def align(self: Any, batch: Any, **kwargs: Any) -> Any:
        result = real(self, batch, **kwargs)
        return result if self.model.training else result._replace(loss=result.loss * float("nan"))

    monkeypatch.setattr(TrainStep, "align", align)
    with pytest.raises(TrainingError, match=r"phase avc, step \d+: the held-out loss is not finite"):
        run(tiny(), root, tmp_path)


def damage(root: Path, clips: int) -> list[str]:
    """Point the picture of ``clips`` clips at bytes that are not a picture."""
    names: list[str] = []

    def change(rows: Any) -> None:
        for row in rows[:clips]:
            row["video_offset"] = row["foa_offset"]
            names.append(row["clip"])

    edit_manifest(root, change)
    return names


def test_bad_samples_are_skipped_counted_and_named_and_many_stop_the_run(tmp_path: Path) -> None:
    root = make_root(tmp_path / "root", videos=5, clips=2, seconds=1.2)
    names = damage(root, 1)
    with pytest.raises(TrainingError, match=r"\d+ of 1\d\d samples are bad, more than 1%.*yt360 verify"):
        run(long_recipe(), root, tmp_path / "out")
    assert {record["clip"] for record in log(tmp_path / "out", "bad-sample")} == set(names)
    assert log(tmp_path / "out")[-1]["bad_samples"] > 1


def test_one_bad_sample_in_a_hundred_is_survived(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = samples._drawn

    def drawn(request: Request, *what: Any) -> Any:
        if request.seed[1:] == (1, 0, 5, 0):
            raise ItemError("corrupt-member", "clip video000-00000: planted")
        return real(request, *what)

    monkeypatch.setattr(samples, "_drawn", drawn)
    summary = run(long_recipe(), root, tmp_path)
    assert (summary.bad, summary.seen, summary.steps) == (1, 160, 40)
    assert log(tmp_path, "bad-sample")[0]["step"] == 6


def test_a_batch_of_which_nothing_is_left_takes_no_step(tmp_path: Path) -> None:
    root = make_root(tmp_path / "root", videos=4, clips=1, seconds=1.2)
    damage(root, 3)
    with pytest.raises(TrainingError, match="samples are bad"):
        run(tiny(), root, tmp_path / "out")
    assert not (tmp_path / "out" / "model").exists()


def test_missing_split_is_named(root: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no usable clips of the split 'nothing'"):
        run(tiny(data={"train_split": "nothing"}), root, tmp_path)
