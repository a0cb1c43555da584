from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import pytest
import yaml
from pydantic import Field, ValidationError

from yt360.errors import UsageError
from yt360.settings import (
    Settings,
    current_path,
    fields_at,
    misfit,
    parse_yaml,
    read_fields,
    suggestion,
    with_current_names,
    yaml_problem,
)


class Rate(Settings):
    aliases: ClassVar[dict[str, str]] = {"in_flight": "concurrent"}

    concurrent: int = Field(default=1, serialization_alias="in_flight")
    pause_s: float = 2.0


class Near(Settings):
    aliases: ClassVar[dict[str, str]] = {"size": "count"}

    task: Literal["near"] = "near"
    count: int = 1


class Far(Settings):
    task: Literal["far"] = "far"
    size: int = 1


class Whole(Settings):
    aliases: ClassVar[dict[str, str]] = {"politeness": "rate"}

    rate: Rate = Rate()
    cells: tuple[Annotated[Near | Far, Field(discriminator="task")], ...] = ()
    extra: dict[str, int] = {}


def test_old_names_are_read_wherever_they_stand_and_each_is_said_once() -> None:
    said: list[str] = []
    given = {"politeness": {"in_flight": 3}, "cells": [{"task": "near", "size": 2}, {"task": "far", "size": 5}]}
    found = with_current_names(Whole, given, "r.yaml", "stages.crawl", said.append)
    assert Whole.model_validate(found) == Whole(rate=Rate(concurrent=3), cells=(Near(count=2), Far(size=5)))
    assert said == [
        "r.yaml: stages.crawl.politeness is now called 'rate'; the old name still works",
        "r.yaml: stages.crawl.politeness.in_flight is now called 'concurrent'; the old name still works",
        "r.yaml: stages.crawl.cells.0.size is now called 'count'; the old name still works",
    ]


def test_what_has_no_old_name_stays_as_it_is_and_nothing_is_said() -> None:
    said: list[str] = []
    given = {"rate": {"concurrent": 3}, "extra": {"in_flight": 1}, "unknown": [1]}
    assert with_current_names(Whole, given, "r.yaml", "", said.append) == given
    assert with_current_names(Whole, "not a mapping", "r.yaml", "", said.append) == "not a mapping"
    assert said == []


def test_a_setting_under_both_names_is_refused() -> None:
    with pytest.raises(UsageError, match=r"r\.yaml: rate\.in_flight is the old name of 'concurrent'.*keep one"):
        with_current_names(Whole, {"rate": {"in_flight": 1, "concurrent": 2}}, "r.yaml")


def test_a_renamed_setting_keeps_its_name_in_keys() -> None:
    assert Whole().keyed(include={"rate"}) == {"rate": {"in_flight": 1, "pause_s": 2.0}}
    assert Whole().model_dump(include={"rate"}) == {"rate": {"concurrent": 1, "pause_s": 2.0}}


def test_paths_of_the_command_line_are_translated() -> None:
    assert current_path(Whole, ["politeness", "in_flight"]) == ["rate", "concurrent"]
    assert current_path(Whole, ["cells", "0", "count"]) == ["cells", "0", "count"]


def test_unknown_names_get_the_nearest_of_their_own_section() -> None:
    with pytest.raises(ValidationError) as caught:
        Whole.model_validate({"rate": {"pause": 1.0}})
    assert "rate.pause: unknown key 'pause'; did you mean 'pause_s'?" in str(misfit(caught.value, "r.yaml", Whole))
    assert suggestion(Whole, [], "pause") == "did you mean 'rate.pause_s'?"
    assert fields_at(Whole, ["cells", 0, "far"]) == ["task", "count", "task", "size"]


@pytest.mark.parametrize("text", ["[" * 100_000, "a: " + "{b: " * 50_000, "a: [" * 2_000])
def test_yaml_that_is_nested_deeply_is_refused_at_once(tmp_path: Path, text: str) -> None:
    """PyYAML needs half a minute to find out by itself."""
    (tmp_path / "deep.yaml").write_text(text)
    started = time.process_time()
    with pytest.raises(UsageError, match="nested too deep"):
        read_fields(tmp_path / "deep.yaml")
    assert time.process_time() - started < 1


_TEN_EACH = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9))


@pytest.mark.parametrize(
    "text", [f"a0: &a0 [x, x]\n{_TEN_EACH}", "a: &a [*a]", "a: &a {b: [1, *a]}"], ids=["many", "itself", "deeper"]
)
def test_aliases_that_stand_for_endless_values_are_refused_at_once(text: str) -> None:
    """F25: 800 bytes kept `train` and `--set` busy until they were killed."""
    with pytest.raises(yaml.YAMLError) as refused:
        parse_yaml(text)
    assert yaml_problem(refused.value) == "aliases that stand for more values than anybody writes"


def test_aliases_as_people_write_them_are_read() -> None:
    text = "base: &base {a: 1, b: [1, 2]}\none: {<<: *base, a: 2}\ntwo: [*base, *base]"
    assert parse_yaml(text)["one"] == {"a": 2, "b": [1, 2]}
