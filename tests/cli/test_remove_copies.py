"""A takedown and the copies of what was taken down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.stages.fakes import FakeCrawl, FakeCrawlParams
from yt360.cli.takedown import copies
from yt360.engine import pipeline, removal
from yt360.engine.recipe import Recipe
from yt360.engine.stage import Item
from yt360.engine.state import ledger
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.state.record import Record
from yt360.engine.storage import Root
from yt360.stages.duplicates import Duplicates

from ..inline import Inline

VIDEOS = {"alpha": 1, "beta": 1, "copy": 1, "second": 1, "other": 1}
OF_BETA = {"video": "beta", "covered": 1.0, "offset_s": 0.0}


@pytest.fixture
def state(tmp_path: Path) -> DatasetState:
    """``copy`` is one of ``beta``, ``second`` one of ``copy``; ``gamma`` shares a part with ``beta``, and is kept."""
    root = Root(tmp_path / "root")
    stages = (FakeCrawl(FakeCrawlParams(videos=VIDEOS | {"gamma": 1})),)
    pipeline.run(Recipe("x", stages), root, pipeline.Options(min_free_bytes=0), engine=Inline())
    stage = Duplicates()
    writer = ledger.open_writer(root, "duplicates", "test")

    def judged(name: str, detail: str = "", **measures: Any) -> None:
        meta = dict(measures)
        writer.append(
            Record(
                "duplicates",
                name,
                name,
                stage.key(Item(name, name, meta=meta)),
                "filtered" if detail else "done",
                1,
                measures=measures,
                meta=meta,
                detail=detail,
                reason="duplicate" if detail else "",
            )
        )

    judged("alpha", group="alpha")
    judged("other", group="other")
    judged("beta", group="beta")
    judged("gamma", group="beta")
    judged("copy", "100% of it is also in beta; beta is kept", group="beta", copy_of=OF_BETA)
    judged("second", "90% of it is also in copy", group="beta", copy_of={**OF_BETA, "video": "copy"})
    writer.close()
    return DatasetState(root, [*stages, stage])


def test_copies_of_copies_and_what_it_is_a_copy_of_go_along(state: DatasetState) -> None:
    """F15: a copy took the place of what was taken down."""
    assert [stone.id for stone in copies(state, "crawl", frozenset(["beta"]))] == ["copy", "second"]
    assert [stone.id for stone in copies(state, "crawl", frozenset(["second"]))] == ["beta", "copy"]
    assert copies(state, "crawl", frozenset(["alpha"])) == []


def test_no_record_of_a_copy_names_what_was_taken_down(state: DatasetState) -> None:
    removal.remove(state.root, list(state.stages.values()), frozenset(["beta"]), lambda: None)
    left = {record.item: record for record in ledger.read(state.root.ledger / "duplicates")}
    assert set(left) == {"alpha", "other", "gamma"}
    assert left["gamma"].measures == {"group": "gamma"}
    assert (left["gamma"].status, left["gamma"].sequence) == ("done", 2), "newer than the record that it replaces"
    assert left["gamma"].key == Duplicates().key(Item("gamma", "gamma", meta={"group": "gamma"}))
    files = [path for path in state.root.path.rglob("*") if path.is_file() and path != state.root.recipe]
    assert not [path for path in files if b"beta" in path.read_bytes()]
