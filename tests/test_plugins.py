"""What other packages bring: found by entry point, loaded by path, and what is said when it cannot be."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.engine.toys import REGISTRY
from yt360 import plugins
from yt360.engine import recipe
from yt360.errors import UsageError
from yt360.plugins import Plugin

MODULE = """
from pydantic import Field
from yt360.engine.stage import Stage, StageParams

class BlurParams(StageParams):
    radius: int = Field(default=3, ge=1)

class Blur(Stage):
    name, after, params_type = "blur", ("count",), BlurParams

class Reserved(Stage):
    name = "reserved"
    class Params(StageParams):
        use: str = ""
    params_type = Params

class Nameless(Stage):
    pass

number = 7
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of modules, one of them with stages, and a package that announces one of these."""
    about = tmp_path / "toyblur-2.1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: toyblur\nVersion: 2.1\n")
    (about / "RECORD").write_text("toyblur.py,,\n")
    (about / "entry_points.txt").write_text("[toy.stages]\nblur = toyblur:Blur\ncount = toyblur:Blur\n")
    (tmp_path / "toyblur.py").write_text(MODULE)
    (tmp_path / "toywants.py").write_text("import no_such_dependency\n")
    (tmp_path / "toybroken.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("toyblur", "toywants", "toybroken"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path


def build(stages: dict[str, object], *settings: str, group: str = "") -> recipe.Recipe:
    registry = recipe.Registry(REGISTRY.stages, group)
    return recipe.build({"stages": stages}, registry, settings, where="toy.yaml")


@pytest.mark.usefixtures("site")
def test_an_announced_stage_is_found_by_name_and_never_in_the_place_of_a_built_in_one() -> None:
    made = build({"count": {}, "blur": {}}, "blur.radius=5", group="toy.stages")
    assert made.stages[1].params.radius == 5
    assert made.plugins == {"blur": Plugin("toyblur:Blur", "toyblur==2.1")}
    assert type(made.stages[0]).__module__ == "tests.engine.toys"


@pytest.mark.usefixtures("site")
def test_a_recipe_that_a_run_wrote_down_is_read_again_with_its_stages() -> None:
    written = build({"count": {}, "blur": {"use": "toyblur:Blur", "radius": 4}}).to_json()
    assert list(written["stages"]["blur"]) == ["use", "package", "radius", "thresholds"]
    assert "use" not in written["stages"]["count"]
    again = recipe.build(json.loads(json.dumps(written)), REGISTRY, [], where="recipe.json")
    assert again.to_json() == written


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize(
    ("use", "message"),
    [
        ("toygone.blur:Blur", r"stage 'blur' is toygone\.blur:Blur, and there is no module 'toygone' .* PYTHONPATH"),
        ("toyblur", r"expected `use: module:Class`, found 'toyblur'"),
        ("toyblur:Blurr", r"expected 'Blurr' in module toyblur, found none"),
        ("toywants:Blur", r"cannot be imported: No module named 'no_such_dependency'"),
        ("toybroken:Blur", r"cannot be imported: ZeroDivisionError"),
        ("toyblur:number", r"expected a subclass of yt360\.engine\.stage\.Stage at toyblur:number, found 7"),
        ("toyblur:Reserved", r"has name = 'reserved'; a recipe names a stage as its class does"),
        ("toyblur:Nameless", r"has name = None"),
        (7, r"stages\.blur\.use: expected text, found 7"),
    ],
)
def test_a_stage_that_cannot_be_used_says_why(use: object, message: str) -> None:
    with pytest.raises(UsageError, match="toy.yaml: .*" + message):
        build({"count": {}, "blur": {"use": use}})


@pytest.mark.usefixtures("site")
def test_a_parameter_may_not_be_called_like_a_key_of_recipes() -> None:
    with pytest.raises(UsageError, match="its parameter 'use' is a key of recipes"):
        build({"reserved": {"use": "toyblur:Reserved"}})


def test_an_unknown_stage_without_use_says_how_to_bring_one() -> None:
    with pytest.raises(UsageError, match="A stage of your own needs `use: module:Class`"):
        build({"count": {}, "blurr": {}})


def test_a_missing_package_is_named_as_pip_wants_it() -> None:
    with pytest.raises(UsageError, match=r"pip install 'toygone==1\.0'"):
        plugins.load_plugin("stage 'blur'", Plugin("toygone:Blur", "toygone==1.0"))
