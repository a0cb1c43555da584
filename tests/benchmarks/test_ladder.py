"""The ladder asks fairly: its world is what its truth says, guessing scores chance, knowing scores 100 %."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from benchmarks.ladder import measures, registration, verdicts
from benchmarks.ladder.cells import shuffled_root
from benchmarks.ladder.individuals import WORLDS, Individual, draw
from benchmarks.ladder.models import MODELS, objective_of, recipe
from benchmarks.ladder.registration import Hypothesis, Side
from benchmarks.ladder.rendering import SILENT, SOUNDING, Format, frames, sound
from benchmarks.ladder.shards import WorldSize, build, individual, read_truth, render
from benchmarks.ladder.statistics import holm, of_table, paired
from yt360 import ambisonics, sphere
from yt360.evaluation.frozen_features import Bank
from yt360.evaluation.recipe import AvcBinTask, AvsaBinTask
from yt360.evaluation.tasks import binary
from yt360.training.recipe import parse_recipe

SMALL = Format(height=24)
CPU: Any = SimpleNamespace(device=torch.device("cpu"))


def _one_thing(**changes: Any) -> Individual:
    for index in range(100):
        found = individual("identity-easy", 5, "train", index)
        if len(found.things) == 1:
            plain = dataclasses.replace(found.things[0], speed=0.0, azimuth=1.0, elevation=0.2)
            bare: dict[str, Any] = {"reverberation_s": 0.0, "panels": (), "turn": 0.0, "things": (plain,)}
            return dataclasses.replace(found, **(bare | changes))
    raise AssertionError("no video of one thing")


@pytest.mark.parametrize("turn", [0.0, 2.0])
def test_a_thing_is_seen_and_heard_where_it_is_and_a_turn_moves_its_sound_alone(turn: float) -> None:
    video = _one_thing(turn=turn)
    heard = ambisonics.sound_direction(sound(video, SMALL))
    assert abs(sphere.wrap_angle(heard.azimuth - 1.0 - turn)) < 0.1
    assert abs(heard.elevation - 0.2) < 0.1
    _, classes = next(frames(video, SMALL))
    row, column = sphere.to_pixels(1.0, 0.2, *classes.shape)
    assert classes[round(float(row)), round(float(column))] == SOUNDING
    assert not (classes == SILENT).any()


def test_walls_hide_what_is_still_heard() -> None:
    video = _one_thing(panels=(1.0,))
    _, classes = next(frames(video, SMALL))
    row, column = sphere.to_pixels(1.0, 0.2, *classes.shape)
    assert classes[round(float(row)), round(float(column))] not in (SILENT, SOUNDING)
    np.testing.assert_array_equal(sound(video, SMALL), sound(_one_thing(), SMALL))


def test_both_worlds_draw_the_same_places_and_differ_in_individuals_alone() -> None:
    easy, needed = ([draw(np.random.default_rng(n), world) for n in range(20)] for world in WORLDS)
    latents = {thing.latents for video in needed for thing in video.things} | {video.place for video in needed}
    assert latents == {(0.5, 0.5, 0.5)}
    assert len({thing.latents for video in easy for thing in video.things}) == sum(len(v.things) for v in easy)
    for one, other in zip(easy, needed, strict=True):
        assert one.strata() == other.strata()
        assert [(t.azimuth, t.active) for t in one.things] == [(t.azimuth, t.active) for t in other.things]


def test_every_stratum_comes() -> None:
    found = [draw(np.random.default_rng(n), "identity-easy").strata() for n in range(200)]
    for kind in found[0]:
        share = np.unique([each[kind] for each in found], return_counts=True)[1] / len(found)
        assert len(share) == 2
        assert share.min() > 0.05


def test_equal_seeds_give_equal_bytes() -> None:
    assert render("identity-easy", 3, "test", 1, SMALL) == render("identity-easy", 3, "test", 1, SMALL)
    assert render("identity-easy", 3, "test", 1, SMALL) != render("identity-easy", 4, "test", 1, SMALL)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("ladder") / "identity-easy"
    return build(root, "identity-easy", 7, WorldSize(6, 3), SMALL, 1)


def test_the_truth_table_says_what_was_drawn(world: Path) -> None:
    truth = read_truth(world, "test")
    assert len(truth) == 3
    for index, (_, row) in enumerate(sorted(truth.items())):
        drawn = individual("identity-easy", 7, "test", index)
        assert {kind: row[kind] for kind in drawn.strata()} == drawn.strata()
        assert [thing["gain"] for thing in row["things"]] == [thing.gain for thing in drawn.things]


def test_in_the_shuffled_world_no_picture_keeps_its_sound(world: Path) -> None:
    own, other = (pq.read_table(root / "manifests" / "clips.parquet").to_pylist() for root in
                  (world, shuffled_root(world)))  # fmt: skip
    for before, after in zip(own, other, strict=True):
        assert before["video_digest"] == after["video_digest"]
        assert (before["foa_digest"] == after["foa_digest"]) == (before["split"] == "test")
    assert {row["foa_digest"] for row in own} == {row["foa_digest"] for row in other}


def _bank(rng: np.random.Generator, n: int = 800, k: int = 2, *, tells: bool) -> Bank:
    """Features that say in which direction something is seen and heard, all as likely; or noise."""
    seen = rng.uniform(-np.pi, np.pi, (n, k))
    angles = rng.uniform(-np.pi, np.pi, (n, 1))
    heard, turned = seen, seen + angles
    if not tells:
        heard, turned = rng.uniform(-np.pi, np.pi, (2, n, k))
    video, own, other = (torch.from_numpy(np.stack([np.cos(a), np.sin(a)], -1)).float() for a in (seen, heard, turned))
    videos, directions = np.arange(n) // 2, torch.zeros(n, k, 3)
    return Bank(video, own, other[:, None], torch.from_numpy(angles).float(), directions, videos)


TASKS = [
    AvsaBinTask(views=2, epochs=30, learning_rate=3e-3, milestones=(20,), hidden=64),
    AvcBinTask(views=2, epochs=30, learning_rate=3e-3, milestones=(20,), hidden=64),
]


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(("tells", "shuffles"), [(True, False), (True, True), (False, False)])
def test_heads_learn_from_pairs_that_belong_together_and_score_chance_without(
    task: AvsaBinTask | AvcBinTask, tells: bool, shuffles: bool
) -> None:
    train, test = (_bank(np.random.default_rng(seed), tells=tells) for seed in (1, 2))
    rounds = [measures.shuffled(train, seed) for seed in range(8)] if shuffles else [train]
    head = binary.train_head(task, rounds, CPU, 0)
    found = binary.accuracy(binary.judge(task, test, head, CPU, 0))
    if tells and not shuffles:
        assert found.value > 65
    else:
        assert 44 < found.value < 56


@pytest.mark.parametrize("task", TASKS)
def test_an_oracle_scores_100_and_one_answer_for_all_50(task: AvsaBinTask | AvcBinTask) -> None:
    bank = _bank(np.random.default_rng(1), tells=True)
    seen = measures.oracle_bank(bank)
    assert binary.accuracy(binary.judge(task, seen, measures.oracle, CPU, 0)).value == 100
    always = lambda video, heard: torch.tensor([[0.0, 1.0]]).expand(len(video), 2)  # noqa: E731
    assert binary.accuracy(binary.judge(task, bank, always, CPU, 0)).value == 50


def test_who_cannot_tell_views_apart_finds_one_in_k() -> None:
    assert measures.first_places(np.zeros((5, 4, 4))).mean() == 0.25
    assert measures.first_places(np.broadcast_to(np.eye(4), (5, 4, 4))).mean() == 1
    assert measures.first_places(np.broadcast_to(np.roll(np.eye(4), 1, 0), (5, 4, 4))).mean() == 0
    drawn = np.random.default_rng(0).random((4000, 4, 4))
    assert measures.first_places(drawn).mean() == pytest.approx(0.25, abs=0.02)


def test_a_probe_finds_directions_in_features_that_hold_them_and_none_in_noise() -> None:
    rng = np.random.default_rng(0)
    towards = rng.standard_normal((2, 150, 4, 3))
    towards /= np.linalg.norm(towards, axis=-1, keepdims=True)
    asked = np.ones((150, 4), bool)
    mixing = rng.standard_normal((3, 8))
    for features, low, high in ((towards @ mixing, 0, 2), (rng.standard_normal((2, 150, 4, 8)), 80, 100)):
        train, test = (torch.from_numpy(part) for part in features)
        errors, guessed = measures.probe(train, towards[0], asked, np.arange(150), test, towards[1], asked)
        assert low <= errors.mean() <= high
        assert 80 < guessed.mean() < 100


def test_the_direction_that_is_asked_for_is_that_of_the_sound() -> None:
    thing = {"azimuth_deg": 10.0, "speed_deg_s": 20.0, "elevation_deg": 0.0, "gain": 1.0, "active_s": [[0.0, 2.0]]}
    row = {"things": [thing], "turn_deg": 40.0}
    loudest = measures.loudest(row, 1.0)
    assert loudest is not None
    np.testing.assert_allclose(loudest, sphere.unit_vector(np.radians(70), 0.0))
    assert measures.loudest(row, 3.0) is None
    assert measures.loudest({"things": [thing, thing], "turn_deg": 0.0}, 1.0) is None


def test_intervals_hold_over_seeds_and_over_videos() -> None:
    """Draws with a known difference: the interval must hold it about as often as it says, whatever varies."""
    rng = np.random.default_rng(0)
    for by_seed, by_video in ((3.0, 0.0), (0.0, 20.0), (2.0, 20.0)):
        hits = 0
        for _ in range(300):
            table = 5 + by_seed * rng.standard_normal((3, 1)) + by_video * rng.standard_normal((1, 100))
            found = of_table(table + 10 * rng.standard_normal((3, 100)))
            hits += found.low <= 5 <= found.high
        assert hits / 300 > 0.92


def test_pairs_are_of_the_videos_that_all_have() -> None:
    better = [{"a": 60.0, "b": 70.0, "c": 0.0}, {"a": 62.0, "b": 72.0}]
    worse = [{"a": 50.0, "b": 60.0}, {"a": 50.0, "b": 60.0}]
    found = paired(better, worse)
    assert (found.mean, found.by_seed, found.videos) == (11.0, (10.0, 12.0), 2)


def test_holm_corrects_for_all_that_was_asked() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([float("nan"), 0.02])[1] == pytest.approx(0.04)  # what was not measured still counts


def _cells(rng: np.random.Generator, shift: float) -> dict[tuple[str, str, int], dict[str, Any]]:
    def of(mean: float) -> dict[str, Any]:
        return {"outcomes": {"m": {f"v{n}": mean + float(rng.normal()) for n in range(50)}}}

    return {("w", name, seed): of(50 + add) for seed in range(3) for name, add in (("new", shift), ("old", 0.0))}


WORLD: Any = "w"
"""Stands for one of the two worlds."""


@pytest.mark.parametrize(
    ("shift", "above", "tie"), [(8, "holds", "refuted"), (0, "refuted", "holds"), (4.9, "refuted", "undecided")]
)
def test_a_verdict_needs_both_the_size_and_the_certainty_that_were_registered(
    shift: float, above: str, tie: str
) -> None:
    sides = Side(WORLD, "new", "m"), Side(WORLD, "old", "m")
    asked = [Hypothesis("a", "", *sides, "above", 6.0), Hypothesis("t", "", *sides, "tie", 5.0)]
    found = verdicts.judge(_cells(np.random.default_rng(0), shift), asked, {f"v{n}" for n in range(50)})
    assert [made and made.word for made in found.values()] == [above, tie]
    apart = [dataclasses.replace(hypothesis, family=hypothesis.name) for hypothesis in asked]
    for made in verdicts.judge(_cells(np.random.default_rng(0), shift), apart, {f"v{n}" for n in range(50)}).values():
        assert made is not None
        assert made.corrected == made.p
    absent = Hypothesis("n", "", Side(WORLD, "none", "m"), sides[1], "above", 0.0)
    assert verdicts.judge(_cells(np.random.default_rng(0), shift), [absent], {"v0"}) == {"n": None}


@pytest.mark.parametrize("name", ["registration.yaml", "replication.yaml", "longer.yaml"])
def test_what_is_registered_can_be_run_and_judged(name: str) -> None:
    registered = registration.read(registration.FILE.with_name(name))
    rungs = set(registered.rungs)
    for hypothesis in registered.hypotheses:
        for side in (hypothesis.better, hypothesis.worse, *(hypothesis.than or ())):
            assert (side.world, side.model) in rungs, hypothesis.name
    for size in registered.sizes.values():
        views = set()
        for model in MODELS:
            made = parse_recipe(recipe(model, 0, size.budget, Format().sample_rate_hz), model)
            views |= {phase.views * phase.batch for phase in made.phases}
            if "untrained" not in model:
                assert sum(phase.steps or 0 for phase in made.phases) == size.budget.steps
            rates = {phase.learning_rate for phase in made.phases if "untrained" not in model}
            assert rates <= {size.budget.rates[objective_of(model)]}
        assert views == {size.budget.views}
