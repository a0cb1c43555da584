"""Any bytes in the root's own files: a named error with a way out, or mended by the next run; never a traceback."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.conftest import NAMES, run, toy_recipe
from yt360.engine.state import ledger
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.storage import Root
from yt360.engine.verify import check_state, verify
from yt360.errors import UsageError
from yt360.files import require_checksum, with_checksum

DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "half": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "noise": lambda data: random.Random(0).randbytes(len(data)),
    "not UTF-8": lambda data: b"\xff\xfe" + data,
    "nested": lambda data: b"[" * 100_000,
}


@pytest.fixture
def root(tmp_path: Path) -> Root:
    made = Root(tmp_path / "root")
    run(made, toy_recipe())
    return made


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_recipe_of_the_root_is_replaced_by_the_next_run(root: Root, how: str) -> None:
    """F13: `run` ended in a traceback, although `verify` says to run a recipe."""
    whole = root.recipe.read_bytes()
    root.recipe.write_bytes(DAMAGE[how](whole))
    assert not run(root, toy_recipe()).failed
    assert root.recipe.read_bytes() == whole


def test_outputs_that_lead_out_of_the_root_are_one_damage_each(root: Root, tmp_path: Path) -> None:
    """F13: a link among the outputs ended the whole `verify` with a traceback."""
    (tmp_path / "elsewhere").write_text("x")
    path = root.data / "source" / NAMES[0] / "text.txt"
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    found = verify(DatasetState(root, toy_recipe().stages), workers=1, quiet=True)
    assert [(damage.stage, damage.item) for damage in found.damaged] == [("source", NAMES[0])]
    assert "leads out of" in found.damaged[0].problem


def test_what_was_found_broken_stays_told_until_a_run_made_it_anew(root: Root) -> None:
    """A second `verify` left out what the first one had marked: all intact, exit code 0."""
    (root.data / "source" / NAMES[0] / "text.txt").write_text("rot")
    for _ in range(2):
        found = verify(DatasetState(root, toy_recipe().stages), workers=1, quiet=True)
        assert [(damage.stage, damage.item) for damage in found.damaged] == [("source", NAMES[0])]
    assert found.damaged[0].problem.startswith("found broken before, and not made anew yet: data/source/")
    assert not run(root, toy_recipe()).failed
    assert not verify(DatasetState(root, toy_recipe().stages), workers=1, quiet=True).damaged


def test_state_that_is_damaged_is_named(root: Root) -> None:
    """F7: `verify` was blind to plans and to what stages remember."""
    catalog = DatasetState(root, toy_recipe().stages)
    (root.state / "good.json").write_text(json.dumps(with_checksum({"sides": {"a": "train"}})))
    assert check_state(catalog) == []
    plan = root.state / "plan-source.parquet"
    data = bytearray(plan.read_bytes())
    data[len(data) // 3] ^= 1
    plan.write_bytes(data)
    (root.state / "rotten.json").write_text((root.state / "good.json").read_text().replace("train", "test"))
    (root.state / "torn.json").write_text("{")
    assert [problem.partition(":")[0] for problem in check_state(catalog)] == [
        str(root.state / name) for name in ("plan-source.parquet", "rotten.json", "torn.json")
    ]
    plan.unlink()
    plan.symlink_to(plan)
    assert str(plan) in check_state(catalog)[0]


def test_outputs_that_were_put_elsewhere_are_refused_and_not_marked(root: Root, tmp_path: Path) -> None:
    """A kind of F21: all of it was marked as damaged, so the next run would have made, and crawled, it all anew."""
    root.data.rename(tmp_path / "elsewhere")
    root.data.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="data: expected a folder on the file system of the root, found a link"):
        verify(DatasetState(root, toy_recipe().stages), workers=1, quiet=True)
    root.data.unlink()
    (tmp_path / "elsewhere").rename(root.data)
    assert not verify(DatasetState(root, toy_recipe().stages), workers=1, quiet=True).damaged


def test_flipped_bytes_of_a_compacted_ledger_are_named(root: Root) -> None:
    """F13: 258 of 1500 flips ended in OSError, IndexError or UnicodeDecodeError."""
    folder = root.ledger / "source"
    ledger.compact(folder)
    (path,) = folder.glob("*.parquet")
    whole = path.read_bytes()
    chance = random.Random(1)
    refused: list[str] = []
    for _ in range(150):
        data = bytearray(whole)
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        path.write_bytes(data)
        try:
            state = DatasetState(root, toy_recipe().stages)
            for record in state.records("source").values():
                record.to_row()
            list(ledger.find(folder, NAMES))
        except UsageError as error:
            refused.append(str(error))
    assert len(refused) > 10
    assert all(str(path) in said for said in refused)


def test_a_status_that_is_none_is_named(root: Root) -> None:
    """It was taken for "done"."""
    path = next(iter((root.ledger / "source").glob("*.jsonl")))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    lines[0]["status"] = "dune"
    for line in lines:
        del line["crc"]  # as an earlier version would have left them
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(UsageError, match="found another word"):
        DatasetState(root, toy_recipe().stages).records("source")


def test_a_flipped_bit_in_a_kept_plan_is_named_and_its_absence_means_an_earlier_version() -> None:
    """A side, or a shard's clips, would be others from then on."""
    held = with_checksum({"sides": {"a": "train"}, "params": {"salt": "x"}})
    require_checksum(held)
    require_checksum({"sides": {"a": "test"}})
    for wrong in ({**held, "sides": {"a": "test"}}, {**held, "checksum": "0"}, {**held, "more": 1}):
        with pytest.raises(ValueError, match="checksum"):
            require_checksum(wrong)
