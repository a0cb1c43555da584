from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field

from yt360.settings import Settings, unit
from yt360.settings_reference import Setting, clean, settings_of


class Inner(Settings):
    share: float = Field(default=0.5, ge=0, le=1, description="A share. Raising it keeps more.")


class One(Settings):
    kind: Literal["one"] = "one"
    size: int = Field(default=8, ge=2, le=64, multiple_of=2, json_schema_extra=unit("pixels"), description="Edge.")


class Two(Settings):
    kind: Literal["two"] = "two"
    pause_s: tuple[Annotated[float, Field(ge=0)], float] = (0.0, 1.0)


class Outer(Settings):
    title: str = Field(description="What it is called.")
    inner: Inner = Inner(share=0.25)
    rate_hz: Annotated[float, Field(gt=0)] | None = None
    folder: Path | None = None
    mode: Literal["a", "b"] = "a"
    many: tuple[Annotated[One | Two, Field(discriminator="kind")], ...] = ()


@pytest.mark.parametrize(
    "expected",
    [
        Setting("title", "required", "text", "", "What it is called."),
        Setting("inner.share", "0.25", "[0, 1]", "", "A share. Raising it keeps more."),
        Setting("rate_hz", "null", "> 0 or null", "Hz", ""),
        Setting("folder", "null", "path or null", "", ""),
        Setting("mode", "a", "a, b", "", ""),
        Setting("many.N(one).size", "8", "integer [2, 64], multiple of 2", "pixels", "Edge."),
        Setting("many.N(two).pause_s", "[0, 1]", "[>= 0, number]", "s", ""),
    ],
    ids=lambda each: each.name,
)
def test_default_values_unit_and_description_come_from_the_declaration(expected: Setting) -> None:
    assert {each.name: each for each in settings_of(Outer)}[expected.name] == expected


class Rates(Settings):
    """Speeds, whose names end like times."""

    least_rate_kb_s: float = 10
    bandwidth_mb_s: float = 4
    turn_deg_s: float = 15
    gap_s: float = 0.5


def test_a_rate_is_no_time() -> None:
    assert [each.unit for each in settings_of(Rates)] == ["kB/s", "MB/s", "°/s", "s"]


def test_the_summary_is_the_first_sentence() -> None:
    assert settings_of(Inner)[0].summary == "A share"


def test_a_setting_called_title_survives_the_cleaning_of_titles() -> None:
    found = clean(Outer.model_json_schema())
    assert found["properties"]["title"] == {"type": "string", "description": "What it is called."}
    assert found["properties"]["inner"] == {"$ref": "#/$defs/Inner"}
    assert "title" not in found
