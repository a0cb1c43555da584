"""``--set``: which spellings name a value, and what is said of the others."""

from __future__ import annotations

import logging

import pytest

from tests.training.world import tiny
from yt360.errors import UsageError
from yt360.evaluation.recipe import EvaluationRecipe, parse_evaluation
from yt360.evaluation.recipe import override as override_evaluation
from yt360.training.recipe import override


def evaluation() -> EvaluationRecipe:
    return parse_evaluation({"name": "x", "tasks": [{"task": "avc-bin"}, {"task": "knn"}, {"task": "probe"}]}, "test")


@pytest.mark.parametrize("key", ["phases.1.batch", "phases[1].batch", "phases.avsa.batch", "phases[avsa].batch"])
def test_a_phase_is_named_by_its_number_or_its_name(key: str) -> None:
    assert [phase.batch for phase in override(tiny(), [f"{key}=6"]).phases] == [4, 6]


def test_without_a_name_all_elements_that_have_the_key_change() -> None:
    assert [phase.batch for phase in override(tiny(), ["phases.batch=6"]).phases] == [6, 6]
    changed = override_evaluation(evaluation(), ["tasks.train_clips_per_video=9", "tasks.knn.neighbours=3"])
    assert [getattr(task, "train_clips_per_video", None) for task in changed.tasks] == [None, 9, 9]
    assert changed.tasks[1].neighbours == 3  # type: ignore[union-attr]


def test_a_section_that_is_not_given_can_be_filled() -> None:
    changed = override(tiny(), ["mode=ablation", "switches.pool=same_slot"])
    assert changed.behaviour.pool == "same_slot"
    assert override_evaluation(evaluation(), ["data.picture_s=0.25"]).data == {"picture_s": 0.25}


@pytest.mark.parametrize(
    ("assignment", "says"),
    [
        ("phases.batc=6", "phases has no 'batc'; did you mean 'batch'?"),
        ("phases.2.batch=6", "phases has no '2'; "),
        ("phases.avs.batch=6", "phases has no 'avs'; did you mean 'avsa'?"),
        ("optimizer.learning_rate=1", "the recipe has no 'optimizer'; did you mean 'optimiser'?"),
        ("zzz=1", "the recipe has no 'zzz'; known are: data, evaluation, mode, model, name, "),
        ("sound.hop.x=1", "sound.hop is a single value"),
        ("seed", "expected KEY=VALUE"),
        ("phases[.batch=1", "expected KEY=VALUE"),
        ("views.gain.7=1", "views.gain has no '7'"),
        ("seed=[", "not YAML"),
        ("phases.avc.batch=none", "phases.0.batch: Input should be a valid integer"),
    ],
)
def test_a_wrong_key_is_named_with_what_there_is(assignment: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        override(tiny(), [assignment])
    assert "--set" in str(caught.value)
    assert says in str(caught.value)


def test_old_names_and_old_values_are_read_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="yt360.settings"):
        changed = override_evaluation(evaluation(), ["cells.knn.neighbours=3"])
        assert changed.tasks[1].neighbours == 3  # type: ignore[union-attr]
        assert "cells is now called 'tasks'" in caplog.text
        caplog.clear()
        assert parse_evaluation({"name": "x", "cells": [{"task": "knn"}]}, "old.yaml").tasks[0].task == "knn"
        assert "old.yaml: cells is now called 'tasks'" in caplog.text
        caplog.clear()
        assert tiny(mode="ablation", switches={"pool": "slot31"}).behaviour.pool == "same_slot"
        assert "'slot31' is now called 'same_slot'" in caplog.text
