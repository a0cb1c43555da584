from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest
import yaml

from tests.cli.conftest import Command
from yt360.cli.params import schema_of
from yt360.dataset.settings import SampleSettings
from yt360.evaluation.recipe import EvaluationRecipe
from yt360.models.settings import ModelDescription
from yt360.settings import Settings
from yt360.settings_reference import settings_of
from yt360.stages import REGISTRY
from yt360.training.recipe import TrainingRecipe

TOP = Path(__file__).resolve().parents[2]


def test_a_stage_is_shown_with_default_unit_and_thresholds_apart(command: Command) -> None:
    code, printed, _ = command("params", "chunk")
    assert code == 0
    row = next(line for line in printed.splitlines() if line.startswith("sample_rate_hz"))
    assert row.split()[:5] == ["sample_rate_hz", "24000", "integer", "[8000,", "192000]"]
    assert "Hz" in row
    _, printed, _ = command("params", "stills")
    params, _, thresholds = printed.partition("Thresholds: changing them re-decides")
    assert "watch_whole_below_s" in params
    assert "still_probability" in thresholds


@pytest.mark.parametrize("name", ["train", "evaluate"])
def test_recipes_of_training_and_evaluation_are_shown_too(command: Command, name: str) -> None:
    code, printed, _ = command("params", name)
    assert (code, "batch" in printed) == (0, True)


def test_without_a_stage_all_names_are_listed(command: Command) -> None:
    code, printed, _ = command("params")
    assert code == 0
    assert all(f"\n{name} " in f"\n{printed}" for name in REGISTRY.stages)


def test_an_unknown_stage_gets_a_suggestion(command: Command) -> None:
    code, _, said = command("params", "stils")
    assert (code, "did you mean 'stills'?" in said) == (2, True)


def test_json_is_a_schema(command: Command) -> None:
    _, printed, _ = command("params", "stills", "--json")
    found = json.loads(printed)
    assert found["thresholds"]["properties"]["still_probability"]["maximum"] == 1
    _, printed, _ = command("params", "--schema", "recipe")
    assert json.loads(printed) == schema_of("recipe")


def test_help_of_a_stage_shows_its_parameters_and_hides_the_cluster(command: Command) -> None:
    _, printed, _ = command("stills", "--help")
    shown = ("Parameters (-p", "watch_whole_below_s", "Thresholds (-p", "still_probability", "yt360 params stills")
    for words in shown:
        assert words in printed
    assert "--launcher" not in printed
    _, printed, _ = command("run", "--help")
    assert "--launcher" in printed.partition("Cluster options:")[2]


SECTIONS = [
    *(REGISTRY.load(name).params_type for name in REGISTRY.stages),
    *(REGISTRY.load(name).thresholds_type for name in REGISTRY.stages),
    TrainingRecipe,
    EvaluationRecipe,
]


@pytest.mark.parametrize("section", dict.fromkeys(SECTIONS), ids=lambda section: section.__name__)
def test_every_setting_says_what_it_is(section: type[Settings]) -> None:
    rows = settings_of(section)
    assert [row.name for row in rows if len(row.description) < 12 or not row.description.endswith(".")] == []


@pytest.mark.parametrize("kind", [TrainingRecipe, EvaluationRecipe, ModelDescription, SampleSettings])
def test_every_setting_of_training_and_evaluation_says_what_it_is(kind: type[Settings]) -> None:
    rows = settings_of(kind)
    assert [row.name for row in rows if len(row.description) < 9 or not row.description.endswith(".")] == []
    assert len(rows) > 10


def test_the_reference_page_and_the_schemas_are_up_to_date() -> None:
    """If not: `python docs/reference/generate.py`."""
    made = runpy.run_path(str(TOP / "docs/reference/generate.py"))["generated"]()
    assert [path.name for path, text in made.items() if path.read_text(encoding="utf-8") != text] == []


@pytest.mark.parametrize(
    ("which", "pattern"), [("recipe", "*.yaml"), ("training", "train/*.yaml"), ("evaluation", "eval/*.yaml")]
)
def test_shipped_recipes_name_their_schema_and_fit_it(which: str, pattern: str) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(schema_of(which))
    files = sorted((TOP / "pipelines").glob(pattern))
    assert files
    for path in files:
        first = path.read_text(encoding="utf-8").splitlines()[0]
        schema = first.partition("# yaml-language-server: $schema=")[2]
        assert (path.parent / schema).resolve() == TOP / f"pipelines/schema/{which}.schema.json"
        assert [error.message for error in validator.iter_errors(yaml.safe_load(path.read_text()))] == []


def test_the_schema_refuses_what_the_recipe_refuses() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(schema_of("recipe"))
    for stages in (
        {"chunk": {"gopp": 8}},
        {"chunk": {"gop": 0}},
        {"stills": {"thresholds": {"still_probability": 2}}},
        {"blur": {"radius": 3}},
    ):
        assert not validator.is_valid({"stages": stages}), stages
    assert validator.is_valid({"stages": {"blur": {"use": "mypackage.blur:Blur", "radius": 3}, "chunk": None}})
