"""Whole evaluations of a tiny model: what they leave, that they go on, that processes share them exactly."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests import CHECKOUT
from tests.training.world import edit_manifest, tiny
from yt360.errors import UsageError, Yt360Error
from yt360.evaluation import frozen_features
from yt360.evaluation.pretrained import Training, _trained, load_pretrained, row_of
from yt360.evaluation.recipe import TASKS, EvaluationRecipe, LocaliseTask, load_evaluation, override, parse_evaluation
from yt360.evaluation.results import read_result
from yt360.evaluation.runner import EvaluationSummary, evaluate
from yt360.evaluation.tasks import localise
from yt360.training.recipe import load_recipe

PIPELINES = CHECKOUT / "pipelines"
SMALL = {"epochs": 1, "batch": 4}
QUICK: list[dict[str, Any]] = [
    {"task": "avc-bin", "views": 1, **SMALL},
    {"task": "avc-bin", "views": 2, "translators": True, **SMALL},
    {"task": "avsa-bin", "views": 2, **SMALL},
    {"task": "retrieval", "views": 2},
    {"task": "localise", "around": 4, "elevations_deg": [0], "clips_per_video": 1},
    {"task": "probe", "labels": "maps", "train_clips_per_video": 2, "test_clips_per_video": 1},
    {"task": "knn", "labels": "maps", "modality": "sound", "train_clips_per_video": 2, "test_clips_per_video": 1},
]
SEGMENTATION: dict[str, Any] = {
    "task": "segmentation",
    "labels": "maps",
    "views": 2,
    "train_clips_per_video": 1,
    "test_clips_per_video": 1,
    "pyramid": 8,
    "branch": 8,
    "pictures": 1,
    **SMALL,
}


def small(tasks: list[dict[str, Any]], **fields: Any) -> EvaluationRecipe:
    settings = {"views": 2, "train_clips_per_video": 2, "test_clips_per_video": 2, "rounds": 1, "batch": 3}
    run = {"workers": 0, "device": "cpu", "threads": 1}
    return parse_evaluation({"name": "small", "features": settings, "tasks": tasks, "run": run} | fields, "test")


def measures(summary: EvaluationSummary) -> dict[str, Any]:
    return {path.name: read_result(path)["measures"] for path in summary.results}


@pytest.fixture(scope="module")
def whole(labelled_root: Path, checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of all tasks."""
    out = tmp_path_factory.mktemp("runs") / "whole"
    evaluate(small([*QUICK, SEGMENTATION]), str(labelled_root), checkpoint, out)
    return out


def test_every_task_leaves_a_result_that_says_what_it_is(whole: Path) -> None:
    names = {path.stem for path in (whole / "results").iterdir()}
    assert names == {
        "avc-bin-1-views", "avc-bin-2-views-transf", "avsa-bin-2-views", "retrieval", "localise", "probe-maps-video",
        "knn-maps-sound", "segmentation-video", "segmentation-sound", "segmentation-context",
    }  # fmt: skip
    for path in (whole / "results").iterdir():
        record = read_result(path)
        assert (record["row"], record["model"]["mode"], record["seed"]) == ("avsa", "correct", 0)
        assert record["model"]["training"] == {"objectives": ["avc", "avsa"], "epochs": [None, None], "steps": [3, 4]}
        assert record["data"]["videos"] == {"train": 6, "test": 4}
        assert all((record["command"], record["model"]["digest"], record["data"]["digest"]))
        for measure in record["measures"].values():
            assert measure["n"] > 0
            assert measure["low"] <= measure["value"] <= measure["high"]
    assert read_result(whole / "results" / "avsa-bin-2-views.json")["measures"]["accuracy"]["n"] == 2 * 2 * 4
    pictures = list((whole / "pictures").glob("*.png"))
    assert len(pictures) == 3


def test_the_epochs_of_a_checkpoint_on_the_way_are_not_those_of_its_recipe() -> None:
    phases = [phase.model_dump() | {"steps": None, "epochs": 50} for phase in tiny().phases]
    recipe = tiny(phases=phases)

    def training(steps: tuple[int, ...], *, whole: bool) -> Training:
        found = _trained(recipe, recipe.description(steps), whole=whole).training
        assert found is not None
        return found

    assert training((30, 40), whole=True) == Training(("avc", "avsa"), (50, 50), (30, 40))
    assert training((), whole=True) == Training(("avc", "avsa"), (50, 50), ())
    assert training((30, 7), whole=False) == Training(("avc", "avsa"), (50, None), (30, 7))
    assert training((5,), whole=False) == Training(("avc",), (None,), (5,))


def test_a_finished_cell_is_not_done_again_and_another_evaluation_is_refused(
    whole: Path, labelled_root: Path, checkpoint: Path
) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in (whole / "results").iterdir()}
    evaluate(small(QUICK[:1]), str(labelled_root), checkpoint, whole)
    assert before == {path.name: path.stat().st_mtime_ns for path in (whole / "results").iterdir()}
    with pytest.raises(UsageError, match=r"another evaluation.*new --out"):
        evaluate(small(QUICK[:1], seed=1), str(labelled_root), checkpoint, whole)


def test_an_interrupted_run_goes_on_to_the_same_numbers(
    whole: Path, labelled_root: Path, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped in the middle of features and of a head's training, by the signal's own way."""
    recipe = small([QUICK[2], SEGMENTATION], run={"workers": 0, "device": "cpu", "checkpoint_every": 100})
    stops = {"features of test": 1, "train": 1}

    def said(what: str, done: int, total: int) -> None:
        if stops.pop(what, None):
            os.kill(os.getpid(), signal.SIGTERM)

    interruptions = 0
    for _ in range(4):
        summary = evaluate(recipe, str(labelled_root), checkpoint, tmp_path / "out", said=said)
        if not summary.interrupted:
            break
        interruptions += 1
    assert interruptions == 2
    for name, found in measures(summary).items():
        assert found == read_result(whole / "results" / name)["measures"], name


@pytest.mark.slow
def test_two_processes_give_the_numbers_of_one(
    whole: Path, labelled_root: Path, checkpoint: Path, tmp_path: Path
) -> None:
    """Four test videos and a batch of three do not divide by two: nothing is padded or counted twice."""
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(small([QUICK[2], SEGMENTATION]).model_dump_json())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["evaluate", str(recipe), "--root", str(labelled_root), "--checkpoint", str(checkpoint)]
    command = [sys.executable, "-c", "from yt360.cli.main import main; main()", *words, "--out", str(tmp_path / "out")]
    shared = os.environ | {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    shared |= {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(CHECKOUT)}
    ranks = [subprocess.Popen(command, env=shared | {"RANK": str(k), "LOCAL_RANK": str(k)}) for k in range(2)]
    assert [rank.wait(timeout=300) for rank in ranks] == [0, 0]
    for path in (tmp_path / "out" / "results").iterdir():
        ours, theirs = read_result(path), read_result(whole / "results" / path.name)
        assert ours["processes"] == 2
        for name, measure in theirs["measures"].items():
            assert ours["measures"][name]["n"] == measure["n"]
            assert ours["measures"][name]["value"] == pytest.approx(measure["value"], abs=0.05), (path.name, name)


def test_all_rows_see_the_same_test_samples(labelled_root: Path, checkpoint: Path, whole: Path, tmp_path: Path) -> None:
    summary = evaluate(small(QUICK[:1], weights="random"), str(labelled_root), checkpoint, tmp_path / "out")
    ours = read_result(summary.results[0])
    theirs = read_result(whole / "results" / "avc-bin-1-views.json")
    assert ours["model"]["digest"] != theirs["model"]["digest"]
    assert ours["row"] == "random"
    assert ours["data"]["test_samples"] == theirs["data"]["test_samples"]


def test_a_bad_clip_is_left_out_and_named_and_many_stop_the_run(
    labelled_root: Path, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root"
    shutil.copytree(labelled_root, root)

    def damage(rows: list[dict[str, Any]]) -> None:
        row = next(row for row in rows if row["split"] == "test")
        row["video_digest"] = "0" * 40

    edit_manifest(root, damage)
    with pytest.raises(Yt360Error, match=r"of 8 samples cannot be read, first of clip .*yt360 verify"):
        evaluate(small([QUICK[3]]), str(root), checkpoint, tmp_path / "out")
    monkeypatch.setattr("yt360.evaluation.samples._BAD_SHARE", 0.5)
    summary = evaluate(small([QUICK[3]]), str(root), checkpoint, tmp_path / "out")
    bad = read_result(summary.results[0])["unreadable"]
    assert [each["error"].count("digest") for each in bad] == [1] * len(bad) != []


def test_a_result_says_what_is_not_the_papers(checkpoint: Path) -> None:
    pretrained = load_pretrained(small(QUICK), checkpoint, torch.device("cpu"))
    differs = pretrained.about()["differs"]
    assert differs == {
        "data.picture_s": 0.25,
        "model.depth": 10,
        "model.projection": 8,
        "model.width": 2,
        "sound.hop": 960,
        "sound.mels": 16,
        "views.size": 16,
    }
    paper = load_pretrained(small(QUICK, weights="random"), None, torch.device("cpu"))
    assert paper.about()["differs"] == {}


def test_localisation_errors_are_those_of_known_maps() -> None:
    task = LocaliseTask(around=4, elevations_deg=(0.0,))
    views = np.stack([view.rotation[0] for view in localise.grid(task)])
    heard = np.array([[1.0, 0, 0, 0.9], [0, 1.0, 0, 0.9]])
    best = np.array([[0, 9, 0, 0], [0, 9, 0, 0.0]])  # both times the view to the left
    np.testing.assert_allclose(localise.source_errors(best, heard, views), [90, 0], atol=1e-6)
    assert localise.yaw_errors(np.eye(4)).tolist() == [0, 90, 180, 90]
    found = {"match": best, "heard": heard, "turned": np.eye(4)[:2]}
    named = localise.measures(task, found, np.array([0, 1]))
    assert named["source_error_random_deg"].value == 90
    assert named["yaw_error_random_deg"].value == 90
    silent = {**found, "heard": heard * [1, 1, 1, 0]}
    assert np.isnan(localise.measures(task, silent, np.array([0, 1]))["source_error_deg"].value)


def test_recipes_fit_and_name_rows_that_their_training_recipes_give() -> None:
    rows = {row_of(load_recipe(path)) for path in (PIPELINES / "train").glob("*.yaml")}
    for path in sorted((PIPELINES / "eval").glob("*.yaml")):
        recipe = load_evaluation(str(path))
        assert recipe.name == path.stem
        assert recipe.row is None or recipe.row in rows | {"kinetics", "scratch"}, path
    for task in TASKS:
        assert load_evaluation(task).tasks[0].task == task


def test_overrides_change_cells_and_name_what_is_wrong() -> None:
    recipe = small(QUICK)
    changed = override(recipe, ["tasks.epochs=7", "features.rounds=3", "data.picture_s=0.25"])
    assert changed.tasks[0].epochs == 7  # type: ignore[union-attr]
    assert (changed.features.rounds, changed.data) == (3, {"picture_s": 0.25})
    for wrong in ("tasks.nothing=1", "rounds=3", "seed", "tasks.epochs=many"):
        with pytest.raises(UsageError, match="--set"):
            override(recipe, [wrong])
    with pytest.raises(UsageError, match=r"features\.views gives 1"):
        override(recipe, ["features.views=1"])
    with pytest.raises(UsageError, match="expected a YAML recipe or one of avc-bin"):
        load_evaluation("avc")


def test_features_of_other_weights_or_turns_are_not_taken_for_these() -> None:
    assert (
        len({turn.name for turn in (frozen_features.ANY_YAW, *frozen_features.ANGLES)})
        == len(frozen_features.ANGLES) + 1
    )
