"""Plans, states and snapshots in columns say what the objects would say one by one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.conftest import run_inline, states, toy_recipe, tree
from tests.engine.test_resume import state_by_hand
from tests.engine.toys import REGISTRY, Second
from yt360.cli.status import keep, summarize
from yt360.engine import recipe
from yt360.engine.resume import states_of
from yt360.engine.stage import Blob, Item, Stage
from yt360.engine.state import latest_records, ledger, snapshot
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.state.entries import STATES
from yt360.engine.state.ledger import LedgerWriter, Record
from yt360.engine.state.plan import ItemPlan, packed, unpacked
from yt360.engine.storage import SNAPSHOTS, Root
from yt360.report.history import explain


def chain(count: int = 6) -> recipe.Recipe:
    """Three stages; the last two have no plan and no keys of their own."""
    stages = {"count": {"count": count}, "second": {}, "third": {}}
    return recipe.build({"stages": stages}, REGISTRY, [], where="test")


def test_plan_in_columns_has_the_items_and_the_keys_of_the_contract(root: Root) -> None:
    made = chain()
    run_inline(root, made)
    catalog = DatasetState(root, made.stages)
    for stage in made.stages[1:]:
        plan = catalog.plan(stage)
        items = list(catalog.items_after(stage.after, stage.inputs))
        assert list(plan) == items
        assert len(items) == 6
        assert plan.keys.to_pylist() == [stage.key(item) for item in items]
    assert set(items[0].inputs) == {"text", "first"}  # the third is optional, and absent


class Wishful(Second):
    """Would also take what ``drop`` leaves."""

    inputs: ClassVar[Mapping[str, str]] = {"text": "count.text", "more": "drop.more?"}


def of_two(second: type[Stage]) -> recipe.Recipe:
    """A recipe without ``drop``."""
    registry = recipe.Registry({**REGISTRY.stages, "second": f"{__name__}:{second.__name__}"})
    stages = {"count": {"count": 2}, "second": {}}
    return recipe.build({"stages": stages}, registry, [], where="test")


def test_an_optional_input_of_a_stage_that_the_recipe_lacks_is_absent(root: Root) -> None:
    made = of_two(Wishful)
    run_inline(root, made)
    catalog = DatasetState(root, made.stages)
    assert [set(item.inputs) for item in catalog.plan(made.stages[1])] == [{"text"}, {"text"}]
    assert states(root, made, "second") == dict.fromkeys(("item00000000", "item00000001"), "done")


def test_how_an_item_stands_is_told_without_reading_what_it_is_made_of(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = chain()
    run_inline(root, made)
    entries = DatasetState(root, made.stages).entries("third")
    whole = {name: (entry.state, entry.record) for name, entry in entries.items()}
    fresh = DatasetState(root, made.stages)
    monkeypatch.setattr(DatasetState, "_item", lambda *_: pytest.fail("an item was made"))
    standing: Any = fresh.entries("third").standing
    assert {name: tuple(standing(name)) for name in whole} == whole
    assert fresh.entries("third").standing("nothing") is None


_STATUSES = st.sampled_from(["done", "filtered", "failed", "damaged"])
_RECORDS = st.lists(
    st.tuples(
        st.sampled_from("abcdef"), _STATUSES, st.sampled_from(["today", "before"]), st.sampled_from(["", "now", "old"]),
        st.booleans(), st.integers(1, 4), st.integers(1, 3),
    ),
    max_size=12,
)  # fmt: skip


@given(_RECORDS)
@settings(deadline=None, max_examples=25)
def test_states_of_many_are_the_states_of_each(tmp_path_factory: pytest.TempPathFactory, drawn: Any) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    stage = toy_recipe().stages[1]
    items = [Item(id=name, source_id=name) for name in "abcdef"]
    keys = {item.id: stage.key(item) for item in items}
    writers = [LedgerWriter(folder, name) for name in ("one", "two")]
    for number, (name, status, key, decision, retryable, attempt, sequence) in enumerate(drawn):
        today = {"": "", "now": stage.decision_key(), "old": "x"}[decision]
        record = Record(
            "misbehave", name, name, keys[name] if key == "today" else "x", status, sequence, attempt=attempt,
            retryable=retryable, decision=today, started=f"{number:02d}",
        )  # fmt: skip
        writers[number % 2].append(record)
    for writer in writers:
        writer.close()
    by_hand = ledger.latest(ledger.read(folder))
    for compacted in (False, True):
        if compacted:
            ledger.compact(folder)
        held = latest_records.load(folder)
        records = latest_records.Records(held)
        assert dict(records.items()) == by_hand
        plan = ItemPlan.of_items(stage, items)
        places = np.array([held.names.place(item.id) for item in items])
        many = [STATES[code] for code in states_of(stage, plan.keys, held, places)]
        assert many == [state_by_hand(stage, keys[item.id], by_hand.get(item.id)) for item in items]


@given(
    st.dictionaries(st.text(max_size=3), st.one_of(st.none(), st.integers(), st.text(max_size=3)), max_size=2),
    st.dictionaries(st.text(max_size=3), st.just(Blob("a/b", "00", 3)), max_size=2),
)
def test_packed_item_is_unpacked_as_it_was(meta: Any, inputs: Any) -> None:
    item = Item("a", "s", inputs, meta, hints={"path": "broken \udc80 name"})
    assert unpacked("a", "s", packed(item)) == item


def test_plan_is_written_once(root: Root) -> None:
    made = chain()
    run_inline(root, made)
    path = DatasetState(root, made.stages).plan_path(made.stages[0])
    before = path.stat().st_mtime_ns
    run_inline(root, made)
    assert path.stat().st_mtime_ns == before
    run_inline(root, chain(7))
    assert path.stat().st_mtime_ns > before


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Snapshots of few items too."""
    monkeypatch.setattr(snapshot, "WORTH_KEEPING", 1)


def test_status_keeps_what_it_worked_out(root: Root, kept: None) -> None:
    made = chain()
    run_inline(root, made)
    folder = root.state / SNAPSHOTS
    for path in folder.iterdir():
        path.unlink()
    catalog = DatasetState(root, made.stages)
    summary = summarize(catalog)
    assert not list(folder.iterdir())  # it is told first
    keep(catalog, summary)
    assert {path.name.partition(".")[0] for path in folder.iterdir()} == {stage.name for stage in made.stages}
    assert _status(root, made) == summary


def _status(root: Root, made: recipe.Recipe) -> dict[str, Any]:
    return summarize(DatasetState(root, made.stages))


def test_snapshot_is_used_and_says_the_same(root: Root, kept: None, monkeypatch: pytest.MonkeyPatch) -> None:
    made = chain()
    run_inline(root, made)
    before = (
        _status(root, made),
        states(root, made, "third"),
        explain(DatasetState(root, made.stages), "item00000003-1"),
    )
    assert before[2]["verdict"] == "kept"
    with monkeypatch.context() as patch:
        patch.setattr(latest_records, "load", None)  # the ledger is not asked for
        assert _status(root, made) == before[0]
        assert run_inline(root, made).worked == 0
    for path in (root.state / SNAPSHOTS).iterdir():
        path.unlink()
    after = _status(root, made), states(root, made, "third"), explain(DatasetState(root, made.stages), "item00000003-1")
    assert before == after


@pytest.mark.parametrize("what", ["ledger", "plan", "parameter", "damaged"])
def test_snapshot_of_yesterday_is_never_believed(
    root: Root, kept: None, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    made = chain()
    run_inline(root, made)
    expected = dict.fromkeys([f"item{n:08d}" for n in range(6)], "done")
    assert states(root, made, "third") == expected
    if what == "ledger":
        writer = LedgerWriter(root.ledger / "second", "later")
        record = ledger.latest(ledger.read(root.ledger / "second"))["item00000002"]
        writer.append(Record("second", record.item, record.source, record.key, "filtered", 2, reason="gone"))
        writer.close()
        expected.pop("item00000002")
    elif what == "plan":
        made = chain(7)
        DatasetState(root, made.stages).save_plan(
            made.stages[0], list(made.stages[0].plan(DatasetState(root, made.stages)))
        )
        assert states(root, made, "count")["item00000006"] == "waiting"
    elif what == "parameter":
        monkeypatch.setattr(Second, "version", 2)
        made = chain()
        expected = {}
        assert set(states(root, made, "second").values()) == {"waiting"}
    else:
        for path in (root.state / SNAPSHOTS).iterdir():
            path.write_bytes(b"PAR1 nonsense")
    assert states(root, made, "third") == expected


def test_rerun_upon_snapshots_does_what_is_missing_and_no_more(root: Root, tmp_path: Path, kept: None) -> None:
    undisturbed = Root(tmp_path / "undisturbed")
    run_inline(undisturbed, chain(9))
    run_inline(root, chain(6))
    again = run_inline(root, chain(9))
    assert [stage.worked for stage in again.stages] == [3, 3, 3]
    assert run_inline(root, chain(9)).worked == 0
    assert tree(root) == tree(undisturbed)
