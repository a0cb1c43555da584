from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from yt360.engine import recipe
from yt360.errors import UsageError
from yt360.stages import REGISTRY

OLD = {
    "crawl": {"access": {"in_flight": 3, "breaker_pause_s": 5}},
    "validate": {},
    "stills": {"whole_s": 9},
    "voiceover": {},
    "fingerprint": {},
    "duplicates": {"votes": 7, "covered": 0.4},
}


def _renamed_values(made: recipe.Recipe) -> list[float]:
    crawl, stills, duplicates = (made.stages[place].params for place in (0, 2, 5))
    return [
        crawl.access.concurrent_downloads,
        crawl.access.backoff_s,
        stills.watch_whole_below_s,
        duplicates.min_votes,
        duplicates.min_covered_share,
    ]


def test_a_recipe_with_old_names_is_read_and_each_new_name_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "old.yaml"
    path.write_text(json.dumps({"stages": OLD}))
    with caplog.at_level(logging.WARNING, "yt360"):
        made = recipe.load(path, REGISTRY)
    assert _renamed_values(made) == [3, 5, 9, 7, 0.4]
    said = f"{path}: stages.crawl.access.in_flight is now called 'concurrent_downloads'; the old name still works"
    assert said in caplog.messages
    assert len(caplog.messages) == 5


def test_the_recipe_of_an_old_root_is_read_in_silence(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A program wrote it, and the next run writes it anew."""
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps({"stages": OLD}))
    with caplog.at_level(logging.WARNING, "yt360"):
        made = recipe.of_root(path, REGISTRY)
    assert _renamed_values(made) == [3, 5, 9, 7, 0.4]
    assert caplog.messages == []
    assert "concurrent_downloads" in made.to_json()["stages"]["crawl"]["access"]


@pytest.mark.parametrize("setting", ["crawl.access.in_flight=4", "crawl.access={in_flight: 4}"])
def test_old_names_on_the_command_line_win_over_the_file_and_are_said(
    setting: str, caplog: pytest.LogCaptureFixture
) -> None:
    given = {"stages": {"crawl": {"access": {"concurrent_downloads": 2}}}}
    with caplog.at_level(logging.WARNING, "yt360"):
        made = recipe.build(given, REGISTRY, [setting], where="recipe.json")
    assert made.stages[0].params.access.concurrent_downloads == 4
    assert len(caplog.messages) == 1
    assert "concurrent_downloads" in caplog.messages[0]


def test_both_names_at_once_are_refused() -> None:
    given = {"stages": {"crawl": {"access": {"in_flight": 1, "concurrent_downloads": 2}}}}
    with pytest.raises(UsageError, match="keep one of them"):
        recipe.build(given, REGISTRY, [], where="r.yaml")


@pytest.mark.parametrize("name", REGISTRY.stages)
def test_keys_and_records_keep_the_old_names(name: str) -> None:
    """So a renamed parameter redoes nothing: every alias is what its field is called in keys."""
    kind = REGISTRY.load(name)
    sections = [kind.params_type, kind.thresholds_type]
    sections += [type(value) for value in vars(kind().params).values() if hasattr(type(value), "aliases")]
    for section in sections:
        for old, new in section.aliases.items():
            assert section.model_fields[new].serialization_alias == old


def test_an_unknown_threshold_gets_the_nearest_one_and_where_all_are_listed() -> None:
    given = {"stages": {"crawl": {}, "validate": {"thresholds": {"ambisonics": {"clippin": 1}}}}}
    with pytest.raises(UsageError) as caught:
        recipe.build(given, REGISTRY, [], where="r.yaml")
    assert str(caught.value) == (
        "r.yaml: stages.validate.thresholds.ambisonics: unknown key 'clippin'; did you mean 'clipping'? "
        "(`yt360 params validate` lists all)"
    )
