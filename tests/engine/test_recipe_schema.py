from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from yt360.engine.recipe_schema import recipe_schema
from yt360.engine.stage import Stage, StageParams, StageThresholds
from yt360.settings import Settings


class Inner(Settings):
    share: float = 0.5


class Unused(Settings):
    pass


class Params(StageParams):
    """What a toy does."""

    inner: Inner = Inner()
    count: int = 1


class Limits(StageThresholds):
    most: float = 2.0


class Toy(Stage):
    name = "toy"
    params_type = Params
    thresholds_type = Limits


class Plain(Stage):
    name = "plain"


SCHEMA = recipe_schema({"toy": Toy, "plain": Plain})


@pytest.mark.parametrize(
    "stages",
    [
        {"toy": None},
        {"toy": {"count": 2, "inner": {"share": 0.1}, "thresholds": {"most": 1}}, "plain": {}},
        {"toy": {"use": "package.module:Class", "package": "something"}},
        {"another": {"use": "package.module:Class", "anything": 1}},
        {},
    ],
)
def test_recipes_that_can_be_are_taken(stages: Any) -> None:
    jsonschema.validate({"name": "x", "stages": stages}, SCHEMA)


@pytest.mark.parametrize(
    "recipe",
    [
        {"name": "x"},
        {"stages": {}, "more": 1},
        {"stages": {"toy": {"unheard_of": 1}}},
        {"stages": {"toy": {"thresholds": {"unheard_of": 1}}}},
        {"stages": {"toy": {"inner": {"share": "much"}}}},
        {"stages": {"toy": 3}},
        {"stages": {"plain": {"thresholds": {}}}},
        {"stages": {"another": {"anything": 1}}},
        {"stages": {"another": None}},
    ],
)
def test_recipes_that_cannot_be_are_refused(recipe: Any) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(recipe, SCHEMA)


def test_what_a_stage_does_is_told_and_only_what_is_referred_to_is_defined() -> None:
    stages = SCHEMA["properties"]["stages"]["properties"]
    assert list(stages) == ["toy", "plain"]
    assert stages["toy"]["description"] == "What a toy does."
    assert list(SCHEMA["$defs"]) == ["Inner"]
