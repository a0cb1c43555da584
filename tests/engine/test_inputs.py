"""What is read is what was recorded: a damaged input is never believed, and is made anew by the run that meets it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.engine.conftest import NAMES, run_inline, states, toy_recipe, tree
from tests.engine.toys import REGISTRY, Misbehave
from tests.inline import Inline
from yt360.engine import inputs, pipeline, recipe
from yt360.engine.items import Blob
from yt360.engine.recipe import Recipe
from yt360.engine.stage import Context, Item, Outcome
from yt360.engine.state import ledger
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.storage import Root
from yt360.engine.verify import Suspect, verify
from yt360.errors import ItemError
from yt360.hashing import digest_bytes


def _rot(path: Path) -> None:
    """A bit that a disk gives back wrong: no time stamp tells of it."""
    status = path.stat()
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _replace(path: Path) -> None:
    other = path.parents[1] / NAMES[1] / path.name
    path.write_bytes(other.read_bytes())


DAMAGE: dict[str, Callable[[Path], object]] = {
    "rot": _rot,
    "another video": _replace,
    "half": lambda path: os.truncate(path, path.stat().st_size // 2),
    "empty": lambda path: os.truncate(path, 0),
    "gone": lambda path: path.unlink(),
    "folder gone": lambda path: shutil.rmtree(path.parent),
}


def _only(root: Root, made: Recipe, stage: str) -> None:
    pipeline.run(made, root, pipeline.Options(min_free_bytes=0), engine=Inline(), only=stage)


def _history(root: Root, stage: str, item: str) -> list[str]:
    return [record.status for record in ledger.find(root.ledger / stage, [item])]


@pytest.fixture
def reference(tmp_path: Path) -> dict[str, str]:
    undisturbed = Root(tmp_path / "undisturbed")
    run_inline(undisturbed, toy_recipe())
    return tree(undisturbed)


@pytest.mark.parametrize("beside", [True, False], ids=["beside the stage", "before the stage"])
@pytest.mark.parametrize("how", DAMAGE)
def test_rot_before_it_is_read_never_becomes_truth(
    root: Root, reference: dict[str, str], how: str, beside: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F2: a crawled file was replaced, and all that was made from it was taken for whole ever after."""
    if beside:
        monkeypatch.setattr(inputs, "_SMALL_BYTES", 0)
    _only(root, toy_recipe(), "source")
    DAMAGE[how](root.data / "source" / NAMES[0] / "text.txt")
    result = run_inline(root, toy_recipe())
    assert not result.failed
    assert tree(root) == reference
    assert _history(root, "source", NAMES[0]) == ["done", "damaged", "done"]
    assert _history(root, "misbehave", NAMES[0]) == ["failed", "done"]
    assert all(_history(root, "source", name) == ["done"] for name in NAMES[1:])
    assert [(stage.stage, stage.worked) for stage in result.stages] == [("source", 1), ("misbehave", 5), ("gather", 1)]


def test_parts_that_rot_before_they_are_joined_are_made_anew(root: Root, reference: dict[str, str]) -> None:
    _only(root, toy_recipe(), "source")
    _only(root, toy_recipe(), "misbehave")
    _rot(root.data / "misbehave" / NAMES[2] / f"{NAMES[2]}-1.txt")
    assert not run_inline(root, toy_recipe()).failed
    assert tree(root) == reference
    assert _history(root, "misbehave", NAMES[2]) == ["done", "damaged", "done"]


def test_one_stage_alone_names_the_damage_and_the_next_run_mends_it(root: Root, reference: dict[str, str]) -> None:
    made = toy_recipe()
    _only(root, made, "source")
    _rot(root.data / "source" / NAMES[0] / "text.txt")
    _only(root, made, "misbehave")
    record = DatasetState(root, made.stages).records("misbehave")[NAMES[0]]
    assert record.kind == "changed-input"
    assert "data/source/a/text.txt, an input of a: expected content with digest" in record.error
    assert states(root, made)[NAMES[1]] == "done"
    assert not run_inline(root, made).failed
    assert tree(root) == reference


def test_items_reduced_together_are_read_as_recorded(root: Root) -> None:
    stages = {"source": {"names": NAMES}, "misbehave": {}, "rank": {}}
    made = recipe.build({"name": "toy", "stages": stages}, REGISTRY, [], where="test")
    _only(root, made, "source")
    _only(root, made, "misbehave")
    (root.data / "misbehave" / NAMES[3] / "upper.txt").write_text("shorter")
    assert not run_inline(root, made).failed
    places = {
        name: record.measures["place"] for name, record in DatasetState(root, made.stages).records("rank").items()
    }
    assert places == {"a": 0, "bb": 1, "ccc": 2, "dddd": 3}


def test_a_failure_over_a_damaged_input_is_the_input_s(
    root: Root, reference: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A decoder that stumbles over rot does not say that the video is bad."""
    process = Misbehave.process

    def stumble(self: Misbehave, item: Item, context: Context) -> Outcome:
        if not item.files["text"].read_text().startswith("hello"):
            raise ItemError("corrupt", "no greeting")
        return process(self, item, context)

    monkeypatch.setattr(Misbehave, "process", stumble)
    monkeypatch.setattr(inputs, "_SMALL_BYTES", 0)
    _only(root, toy_recipe(), "source")
    _rot(root.data / "source" / NAMES[0] / "text.txt")
    assert not run_inline(root, toy_recipe()).failed
    assert tree(root) == reference


def test_what_an_earlier_version_made_from_a_damaged_file_is_named_and_made_anew(
    root: Root, reference: dict[str, str]
) -> None:
    """It did not look; the file was changed before it was read, so what came of it may be wrong."""
    made = toy_recipe()
    run_inline(root, made)
    path = root.data / "source" / NAMES[0] / "text.txt"
    status = path.stat()
    _rot(path)
    os.utime(path, ns=(0, status.st_mtime_ns - 10**10))
    wrong = root.data / "misbehave" / NAMES[0] / "upper.txt"
    wrong.write_text("iELLO A\n")
    (record,) = ledger.find(root.ledger / "misbehave", [NAMES[0]])
    writer = ledger.open_writer(root, "misbehave", "earlier")
    data = wrong.read_bytes()
    blob = Blob(record.outputs["upper"].uri, digest_bytes(data), len(data))
    writer.append(replace(record, sequence=2, tools={}, outputs={"upper": blob}))
    writer.close()
    found = verify(DatasetState(root, made.stages), workers=1, quiet=True)
    assert [(damage.stage, damage.item) for damage in found.damaged] == [("source", "a")]
    assert found.suspect == [Suspect("misbehave", "a", "data/source/a/text.txt")]
    assert not run_inline(root, made).failed
    assert tree(root) == reference


def test_what_is_known_to_be_made_from_whole_files_is_not_made_again(root: Root) -> None:
    made = toy_recipe()
    run_inline(root, made)
    _rot(root.data / "source" / NAMES[0] / "text.txt")
    assert not verify(DatasetState(root, made.stages), workers=1, quiet=True).suspect
    result = run_inline(root, made)
    assert {stage.stage: stage.worked for stage in result.stages} == {"source": 1, "misbehave": 0, "gather": 0}
