"""The views that the player shows are those that training cut."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import yt360
from tests.stages.fakes import FAKES, Dataset
from tests.training.world import make_root, tiny
from yt360 import sphere
from yt360.dataset.manifest import load_split
from yt360.dataset.settings import DataSettings
from yt360.errors import UsageError
from yt360.training.batch_plan import BatchPlan
from yt360.training.samples import make_sample
from yt360.view.drawn_views import TrainingRun, drawn_views, outline
from yt360.view.viewed_root import ViewedRoot


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_root(tmp_path_factory.mktemp("views") / "root", videos=4, clips=1, seconds=2.0)


def test_views_of_a_run_are_those_of_its_samples(root: Path, tmp_path: Path) -> None:
    """Against what the run's own loader cuts out, for the first sample of a clip."""
    recipe = tiny()
    (tmp_path / "run").mkdir()
    (tmp_path / "run/recipe.json").write_text(recipe.model_dump_json())
    data = yt360.open(root)
    clip = data[1]
    shown = drawn_views(clip, TrainingRun(tmp_path / "run", str(root)))
    assert shown["whose"] == "of the training run run"
    split = load_split(str(root), "train", recipe.data, 24_000)
    test = load_split(str(root), "test", recipe.data, 24_000)
    requests = [r for batch in BatchPlan(recipe, split, test).requests() for r in batch if r.augment]
    (first, *_) = [request for request in requests if split.clips[request.clip].clip == clip.id]
    sample = make_sample(first, clip.row, recipe.sample_settings(first.phase), clip.decoder.reader)
    views = [view for view in shown["views"] if view["sample"] == 0]
    assert len(views) == len(sample.directions)
    for view, direction in zip(views, sample.directions, strict=True):
        found = sphere.unit_vector(np.radians(view["azimuth_deg"]), np.radians(view["elevation_deg"]))
        assert np.degrees(sphere.angle_between(found, direction)) < 0.01
        assert view["phase"] == recipe.phases[first.phase].name
        assert view["step"] == first.step
        assert view["sound_start_s"] <= view["start_s"] < view["end_s"] <= clip.duration_s + 1e-6


def test_a_clip_that_a_run_never_saw_has_no_views(root: Path, tmp_path: Path) -> None:
    (tmp_path / "recipe.json").write_text(tiny(data={"train_split": "train"}).model_dump_json())
    run = TrainingRun(tmp_path, str(root))
    assert run.requests("another") == []


def test_without_a_run_they_are_drawn_by_the_papers_settings_and_the_same_each_time(root: Path) -> None:
    clip = yt360.open(root)[0]
    shown = drawn_views(clip)
    assert shown == drawn_views(clip)
    assert shown["samples"] == 12
    assert len(shown["views"]) == 12 * 4
    low, high = (-28.8, 30.6)
    assert all(low <= view["elevation_deg"] <= high for view in shown["views"])
    assert all(view["sound_end_s"] - view["sound_start_s"] == pytest.approx(1) for view in shown["views"])


def test_a_clip_that_is_too_short_for_a_sample_has_none(tmp_path: Path) -> None:
    clip = yt360.open(make_root(tmp_path / "root", videos=1, clips=1, seconds=0.9))[0]
    assert clip.duration_s < DataSettings().sound_s
    assert drawn_views(clip)["views"] == []


def test_a_folder_that_is_no_run_is_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected the recipe of a training run"):
        TrainingRun(tmp_path, str(root))


def test_the_views_of_a_named_run_are_served(tmp_path: Path) -> None:
    made = Dataset(tmp_path / "root")
    made.run({"one": 2, "two": 1, "three": 1}, workers=1)
    recipe = tiny(sound={"sample_rate_hz": 8000}, data={"sound_s": 0.5, "picture_s": 0.25}, shrink_batch=True)
    (tmp_path / "first").mkdir()
    (tmp_path / "first/recipe.json").write_text(recipe.model_dump_json())
    clip = ViewedRoot(made.root, FAKES).clip_ids()[0]
    for run, whose in ((tmp_path / "first", "of the training run first"), (None, "as the paper's settings draw them")):
        member = ViewedRoot(made.root, FAKES, run).payload(clip).read("views.json")
        assert json.loads(member.data)["whose"].startswith(whose)
    with pytest.raises(UsageError, match="expected the recipe of a training run"):
        ViewedRoot(made.root, FAKES, tmp_path).clip_ids()


def test_an_outline_is_the_edge_of_the_picture() -> None:
    view = sphere.View(np.radians(100), np.radians(-20), np.radians(70), np.radians(50))
    seen = outline(view) @ view.rotation.T  # into the view's frame
    across = np.abs(seen[:, 1] / seen[:, 0]) / np.tan(view.horizontal_fov / 2)
    up = np.abs(seen[:, 2] / seen[:, 0]) / np.tan(view.vertical_fov / 2)
    assert np.allclose(np.maximum(across, up), 1)
