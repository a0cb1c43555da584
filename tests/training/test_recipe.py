from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import CHECKOUT
from tests.training.world import tiny
from yt360.dataset.settings import PublishedBehaviour
from yt360.errors import UsageError
from yt360.training.recipe import TrainingRecipe, load_recipe, override, parse_recipe

RECIPES = sorted((CHECKOUT / "pipelines" / "train").glob("*.yaml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_shipped_recipe_is_valid(path: Path) -> None:
    assert load_recipe(path).phases


def test_unknown_key_and_wrong_type_name_the_key(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("name: x\nphasen: []\nsound: {hop: fast}\nphases: []\n")
    with pytest.raises(UsageError) as caught:
        load_recipe(path)
    for word in (str(path), "phasen", "sound.hop", "'fast'", "phases"):
        assert word in str(caught.value)


@pytest.mark.parametrize("text", ["- 1", "a: [", "\x00", "!!python/object/apply:os.system ['true']", ""])
def test_what_is_not_a_recipe_is_a_usage_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"recipe\.yaml"):
        load_recipe(path)


def test_missing_recipe_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere\.yaml"):
        load_recipe(tmp_path / "nowhere.yaml")


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_any_value_in_any_section_is_accepted_or_a_usage_error(value: Any) -> None:
    for section in ("data", "phases", "views", "model", "seed"):
        with contextlib.suppress(UsageError):
            parse_recipe(tiny().model_dump(mode="json") | {section: value}, "test")


def test_modes_never_mix() -> None:
    assert tiny().behaviour == PublishedBehaviour()
    assert tiny(mode="original").behaviour == PublishedBehaviour.original()
    with pytest.raises(UsageError, match="ablation"):
        tiny(mode="original", switches={"pool": "all_views"})
    with pytest.raises(UsageError, match="ablation"):
        tiny(mode="correct", switches={"pool": "same_slot"})
    with pytest.raises(UsageError, match="ablation"):
        tiny(mode="ablation")
    assert tiny(mode="ablation", switches={"pool": "same_slot"}).behaviour == PublishedBehaviour(pool="same_slot")


def test_every_switch_has_both_values() -> None:
    correct, original = PublishedBehaviour().model_dump(), PublishedBehaviour.original().model_dump()
    assert all(correct[name] != original[name] for name in correct)


def test_a_phase_has_one_length() -> None:
    phase = {"name": "a", "objective": "avc", "views": 1, "batch": 4, "translators": False}
    for lengths in ({}, {"steps": 1, "epochs": 1}):
        with pytest.raises(UsageError, match="exactly one"):
            tiny(phases=[phase | lengths])


def test_override_changes_one_value_and_refuses_unknown_keys() -> None:
    recipe = override(tiny(), ["phases.1.steps=9", "sound.features=logmel+intensity"])
    assert recipe.phases[1].steps == 9
    assert recipe.sound.channels == 7
    for wrong in ("phases.7.steps=1", "nothing", "sound.hop.x=1", "phases.x=1"):
        with pytest.raises(UsageError, match="--set"):
            override(tiny(), [wrong])


def test_identity_ignores_speed_and_bookkeeping_only() -> None:
    assert tiny().identity() == tiny(data={"workers": 2}, run={"log_every": 7}).identity()
    assert tiny().identity() == tiny(shrink_batch=True).identity(), "an unfinished run of a recipe that got it goes on"
    assert tiny().identity() != tiny(seed=1).identity()
    assert TrainingRecipe.model_validate(tiny().model_dump(mode="json")) == tiny()
