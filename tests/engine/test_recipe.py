from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.toys import REGISTRY
from yt360.engine import recipe
from yt360.errors import UsageError
from yt360.hashing import safe_id

TOY = {
    "name": "toy",
    "stages": {"source": {"names": ["a"]}, "misbehave": {"thresholds": {"longest": 7}}, "gather": None},
}


def build(value: Any = TOY, settings: Sequence[str] = ()) -> Any:
    return recipe.build(value, REGISTRY, settings, where="toy.yaml")


def test_parameters_and_thresholds_are_read() -> None:
    made = build()
    assert [stage.name for stage in made.stages] == ["source", "misbehave", "gather"]
    assert made.stages[1].thresholds.longest == 7
    assert build(made.to_json()).to_json() == made.to_json()


def test_settings_override_with_types_and_reach_thresholds_by_their_name() -> None:
    made = build(settings=["source.names=[x, y]", "misbehave.longest=3", "misbehave.seconds=0.5"])
    assert made.stages[0].params.names == ["x", "y"]
    assert made.stages[1].thresholds.longest == 3
    assert made.stages[1].params.seconds == 0.5
    assert build(settings=["misbehave.thresholds.longest=4"]).stages[1].thresholds.longest == 4


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "expected a mapping with the key 'stages'"),
        ([1], "expected a mapping"),
        ({"stages": {"sauce": {}}}, "unknown stage 'sauce'; did you mean 'source'"),
        ({"stages": {"source": {"nmes": []}}}, "unknown key 'nmes'; did you mean 'names'"),
        ({"stages": {"source": {"names": 5}}}, r"stages.source.names: .*list.*found 5"),
        ({"stages": {"source": [1]}}, "stages.source: expected a mapping of parameters, found"),
        ({"stages": {"source": {}, "misbehave": {"thresholds": {"longst": 1}}}}, "did you mean 'longest'"),
        ({"stages": {"misbehave": {}, "source": {}}}, "'misbehave' needs 'source' before it"),
        ({"stages": {"misbehave": {}}}, "add that stage before it"),
        ({"stages": {}, "stagse": {}}, "unknown key 'stagse'; did you mean 'stages'"),
    ],
)
def test_wrong_recipe_says_what_was_expected(value: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        build(value)
    assert "toy.yaml" in str(caught.value)


@pytest.mark.parametrize(
    "setting", ["", "source", "source.names", "=3", "source.=3", "source.names=[", "nope.x=1", "source.x=1"]
)
def test_wrong_setting_is_refused(setting: str) -> None:
    with pytest.raises(UsageError):
        build(settings=[setting])


@pytest.mark.parametrize(
    ("text", "words"), [("a: [", "expected YAML"), ("stages: !!python/name:os.system x", "expected YAML")]
)
def test_file_that_is_no_recipe(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match="expected YAML"):
        recipe.load(path, REGISTRY)
    with pytest.raises(UsageError, match="can be read"):
        recipe.load(tmp_path / "none.yaml", REGISTRY)
    with pytest.raises(UsageError, match="can be read"):
        recipe.load(tmp_path, REGISTRY)


@given(st.text(max_size=300))
def test_safe_ids_are_safe_and_never_collide_with_another_text(text: str) -> None:
    made = safe_id(text)
    assert 0 < len(made) <= 80
    assert set(made) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
    assert made == text or made != safe_id(text + "x")


@pytest.mark.parametrize("video", ["kqAZkf5Odyw", "-oytwMeyR74", "lQW_DoxrPX8"])
def test_youtube_ids_stay_themselves(video: str) -> None:
    assert safe_id(video) == video


@pytest.mark.parametrize(
    "hostile", ["../../etc/passwd", "..", ".", "", "a/b", "a\0b", "\u202eevil", "x" * 10_000, "$(rm -rf)"]
)
def test_hostile_ids_become_plain_names(hostile: str) -> None:
    made = safe_id(hostile)
    assert "/" not in made
    assert "." not in made
    assert 0 < len(made) <= 80


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        (
            "misbehave.longst=3",
            "--set misbehave.longst: stage 'misbehave' has no parameter 'longst'; did you mean 'longest'",
        ),
        ("misbehave.secnds=3", "did you mean 'seconds'"),
        ("misbehave.thresholds.longst=3", "did you mean 'longest'"),
        ("source.nmes=3", "did you mean 'names'.*yt360 params source"),
    ],
)
def test_a_setting_that_is_not_there_is_named_with_its_nearest_parameter_or_threshold(setting: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        build(settings=[setting])
