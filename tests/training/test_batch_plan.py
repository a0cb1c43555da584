from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.world import tiny
from yt360.dataset.manifest import ClipRow, ClipSplit
from yt360.errors import UsageError
from yt360.training.batch_plan import BatchPlan, fit_batches, video_batches


def split(name: str, videos: int, clips: int = 3) -> ClipSplit:
    made = tuple(
        ClipRow(f"{name}{v}-{c}", f"{name}{v}", "s.tar", 0, 1, "", 0, 1, "", 32, 16.0, 8, 16, 48000, 24000)
        for v in range(videos)
        for c in range(clips)
    )
    groups = tuple(np.arange(v * clips, (v + 1) * clips) for v in range(videos))
    return ClipSplit(name, made, tuple(f"{name}{v}" for v in range(videos)), groups, ())


@given(st.integers(2, 40), st.integers(1, 9), st.data(), st.integers(0, 2**32 - 1))
def test_a_batch_never_holds_a_video_twice(videos: int, passes: int, data: st.DataObject, seed: int) -> None:
    batch = data.draw(st.integers(1, videos))
    rows = video_batches(np.random.default_rng(seed), videos, passes, batch)
    assert len(rows) == videos * passes // batch
    assert all(len(set(row)) == batch for row in rows)
    counts = Counter(rows.flatten().tolist())
    # Each video comes once a round; only the last incomplete batch is dropped.
    assert max(counts.values()) <= passes
    assert sum(counts.values()) > videos * passes - batch


def test_a_batch_larger_than_the_split_is_refused() -> None:
    with pytest.raises(UsageError, match=r"phase avc: a batch of 4 .* 'train' holds 3: .*phases\.avc\.batch=3"):
        BatchPlan(tiny(), split("train", 3), split("test", 4))


@pytest.mark.parametrize(
    ("videos", "world", "batches"),
    [(3, 1, [3, 3]), (4, 1, [4, 4]), (5, 2, [4, 4]), (3, 2, [4, 4]), (1, 1, [4, 4]), (2, 1, [2, 2])],
)
def test_batches_shrink_to_a_small_split_where_the_recipe_says_so(videos: int, world: int, batches: list[int]) -> None:
    """Never below two videos a process, always a multiple of the processes."""
    fitted, said = fit_batches(tiny(shrink_batch=True), videos, world)
    assert [phase.batch for phase in fitted.phases] == batches
    assert len(said) == sum(batch != 4 for batch in batches)
    assert all(
        f"batches of {batches[0]} videos instead of 4, since the training split holds {videos}" in s for s in said
    )
    assert fit_batches(tiny(), videos, world) == (tiny(), [])


def test_too_few_test_videos_are_said_with_what_to_do() -> None:
    def about(videos: int, world: int = 1) -> str | None:
        phase = {"name": "avc", "objective": "avc", "views": 1, "batch": 12, "translators": False, "steps": 1}
        recipe = tiny(evaluation={"batch": 4}, phases=[phase])
        return BatchPlan(recipe, split("train", 15), split("test", videos), world=world).about_held_out()

    assert "no held-out evaluation: the split 'test' holds 1 usable video, at least 2 are needed" in (about(1) or "")
    assert "compares 3 videos at a time instead of 4" in (about(3) or "")
    assert about(4) is None
    assert "compares 2 videos at a time instead of 4" in (about(3, world=2) or "")
    assert "holds 2 usable videos, at least 3 are needed" in (about(2, world=3) or "")
    assert about(4, world=2) is None


def test_processes_share_each_batch_and_hold_no_video_twice_between_them() -> None:
    recipe = tiny()
    whole = list(BatchPlan(recipe, split("train", 9), split("test", 4)).requests())
    parts = [
        list(BatchPlan(recipe, split("train", 9), split("test", 4), rank=rank, world=2).requests()) for rank in (0, 1)
    ]
    assert len(whole) == len(parts[0]) == len(parts[1])
    for all_of_it, *shares in zip(whole, *parts, strict=True):
        assert [request for share in shares for request in share] == all_of_it
        assert len({request.clip // 3 for request in all_of_it}) == len(all_of_it)


def test_a_run_goes_on_in_the_middle_of_an_epoch_with_the_same_requests() -> None:
    recipe = tiny(run={"accumulate": 2}, evaluation={"every": 2})
    plan = BatchPlan(recipe, split("train", 9), split("test", 4))
    whole = list(plan.requests())
    for phase, step in ((0, 1), (0, 2), (0, 3), (1, 0), (1, 3)):
        later = [batch for batch in whole if (batch[0].phase, batch[0].step) > (phase, step)]
        assert list(plan.requests(phase, step)) == later


def test_seed_determines_the_order_and_nothing_else_does() -> None:
    def order(seed: int, workers: int) -> list[Any]:
        plan = BatchPlan(tiny(seed=seed, data={"workers": workers}), split("train", 9), split("test", 4))
        return [[request.clip for request in batch] for batch in plan.requests()]

    assert order(0, 0) == order(0, 8)
    assert order(0, 0) != order(1, 0)


def test_evaluation_asks_for_the_same_windows_every_time() -> None:
    plan = BatchPlan(tiny(evaluation={"every": 1}), split("train", 9), split("test", 5))
    tests = [batch for batch in plan.requests() if batch[0].split == "test"]
    rounds = [tests[i : i + plan.test_batches] for i in range(0, len(tests), plan.test_batches)]
    assert len(rounds) == 7
    first = [[(request.clip, request.seed) for request in batch] for batch in rounds[0]]
    assert all([[(r.clip, r.seed) for r in batch] for batch in later] == first for later in rounds)


def test_every_sample_of_a_run_has_random_choices_of_its_own() -> None:
    requests = [r for batch in BatchPlan(tiny(), split("train", 9), split("test", 1)).requests() for r in batch]
    assert len({request.seed for request in requests}) == len(requests)


def test_epochs_and_steps() -> None:
    phase = {"name": "a", "objective": "avc", "views": 1, "batch": 4, "translators": False, "epochs": 3}
    plan = BatchPlan(tiny(phases=[phase], data={"clips_per_video": 5}), split("train", 9), split("test", 0))
    assert plan.steps_per_epoch(plan.recipe.phases[0]) == 45 // 4
    assert plan.steps(plan.recipe.phases[0]) == 33
    assert plan.test_batches == 0
    assert len(list(plan.requests())) == 33


def test_batch_must_divide_among_processes() -> None:
    with pytest.raises(UsageError, match="does not divide among 3"):
        BatchPlan(tiny(), split("train", 9), split("test", 4), world=3)


def test_all_clips_of_a_video_are_drawn() -> None:
    recipe = tiny(data={"clips_per_video": 40})
    plan = BatchPlan(recipe, split("train", 8), split("test", 0))
    phase = recipe.phases[0].model_copy(update={"steps": 80})
    plan.recipe = recipe.model_copy(update={"phases": (phase,)})
    clips = {request.clip for batch in islice(plan.requests(), 80) for request in batch}
    assert clips == set(range(24))
