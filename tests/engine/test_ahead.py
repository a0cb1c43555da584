"""Work that is done ahead of its turn: it shows in the time, and in nothing else."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.engine.conftest import run, run_inline
from tests.engine.toys import Count, CountParams, Drop
from tests.inline import Inline
from yt360 import process_tag
from yt360.engine import ahead, pipeline, recipe, worker
from yt360.engine.events import EventLog
from yt360.engine.items import Blob, Child, Done, Failed, Filtered, Item, Outcome
from yt360.engine.job_loop import JobLoop
from yt360.engine.recipe import Recipe, Registry
from yt360.engine.results import StageResult
from yt360.engine.stage import Context, DatasetView, Resources, Stage, StageParams
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.storage import Root
from yt360.engine.worker import ItemJob, StageHost
from yt360.errors import DiskFullError, ItemError, UsageError
from yt360.hashing import digest_file

FIRST, SECOND = "item00000000", "item00000001"


class TextsParams(CountParams):
    alike: bool = False


class Texts(Count):
    """Texts that differ, or not."""

    params_type = TextsParams

    def process(self, item: Item, context: Context) -> Outcome:
        outcome = super().process(item, context)
        if self.params.alike:
            (context.workdir / "text.txt").write_text("hi everybody")
        return outcome


class GlanceParams(StageParams):
    marks: str = ""
    decides: bool = False
    loud: int = 0


class Glance(Stage):
    """Looks at a text, and may have it cut on the way."""

    name = "glance"
    params_type = GlanceParams
    needs = Resources(cpus=1, memory_mb=100, timeout_s=20, grace_s=1)
    inputs: ClassVar[Mapping[str, str]] = {"text": "count.text"}
    after = ("count",)
    ahead_for = "cut"

    @property
    def works_ahead(self) -> bool:
        return not self.params.decides

    def process(self, item: Item, context: Context) -> Outcome:
        mark(self.params.marks, "glance", item.id)
        return Done(measures={"length": len(item.files["text"].read_text()) + self.params.loud})


class CutParams(StageParams):
    marks: str = ""
    behaviour: dict[str, str] = {}
    guesses: bool = True


class Cut(Stage):
    """Cuts a text in two."""

    name = "cut"
    params_type = CutParams
    needs = Resources(cpus=2, memory_mb=300, timeout_s=30, grace_s=2)
    inputs: ClassVar[Mapping[str, str]] = {"text": "count.text"}
    after = ("count", "drop")

    def plan(self, dataset: DatasetView) -> Iterator[Item]:
        for item in super().plan(dataset):
            yield item if self.params.guesses else replace(item, meta={"told": "late"})

    def setup(self) -> None:
        if "setup" in self.params.behaviour.values() and mark(self.params.marks, "set", "up") == 1:
            raise UsageError("it will be mended")

    def process(self, item: Item, context: Context) -> Outcome:
        tries = mark(self.params.marks, "cut", item.id)
        how = self.params.behaviour.get(item.id, "") if tries == 1 else ""
        if how == "fail":
            raise ItemError("broken", "not yet")
        if how == "full":
            raise OSError(28, "No space left on device")
        if how == "wrong-use":
            raise UsageError("it will be mended")
        if how == "memory":
            raise MemoryError
        if self.params.behaviour.get(item.id) == "odd":
            return Done(measures={"odd": object()})
        if how == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.params.behaviour.get(item.id) == "filter":
            return Filtered("unwanted", f"{item.id} is unwanted", {"length": 3})
        text = item.files["text"].read_text()
        (context.workdir / "parts").mkdir()
        (context.workdir / "parts" / "half.txt").write_text(text[:5])
        (context.workdir / "whole.txt").write_text(text.upper() + str(item.meta.get("told", "")))
        half = Child(f"{item.id}-half", {"text": "parts/half.txt"}, {"spans": [(0, 5)]})
        return Done({"whole": "whole.txt"}, {"length": len(text), "at": (1, 2)}, (half,))

    def check_output(self, name: str, path: Path) -> None:
        if "\0" in path.read_text():
            raise ItemError("corrupt", f"{path}: expected text, found a zero byte")


TOYS = Registry({kind.name: f"{kind.__module__}:{kind.__name__}" for kind in (Texts, Drop, Glance, Cut)})


def mark(folder: str, stage: str, item: str) -> int:
    """Note that an item is worked on; how often it has been."""
    with Path(folder, "marks").open("a") as marks:
        marks.write(f"{stage} {item}\n")
    return Path(folder, "marks").read_text().split("\n").count(f"{stage} {item}")


def marks(folder: Path) -> list[str]:
    return (folder / "marks").read_text().split("\n")[:-1]


def made(
    folder: Path,
    *,
    cut: Mapping[str, Any] = {},
    glance: Mapping[str, Any] = {},
    unwanted: str = "",
    count: Mapping[str, Any] = {},
) -> Recipe:
    return recipe.build(
        {
            "name": "ahead",
            "stages": {
                "count": {"count": 2, **count},
                "glance": {"marks": str(folder), **glance},
                "drop": {"unwanted": [unwanted] if unwanted else []},
                "cut": {"marks": str(folder), **cut},
            },
        },
        TOYS,
        [],
        where="test",
    )


def lying(root: Root) -> dict[str, str]:
    return {str(path.relative_to(root.path)): path.read_text() for path in root.data.rglob("*") if path.is_file()}


def recorded(root: Root, made: Recipe) -> list[dict[str, Any]]:
    """All that the ledger holds but who did it, and when."""
    told = []
    for stage in made.stages:
        for _, record in sorted(DatasetState(root, made.stages).records(stage.name).items()):
            told.append(record.changed(seconds=0.0, started="", run="", log="").to_row())
    return told


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("ahead", "apart"):
        (tmp_path / name).mkdir()
    return tmp_path / "ahead", tmp_path / "apart"


def both(folders: tuple[Path, Path], make: Callable[[Path], Recipe]) -> tuple[Root, Root]:
    """Roots of the same recipe, worked on together and apart; they hold the same."""
    roots = tuple(Root(folder / "root") for folder in folders)
    for root, folder, together in zip(roots, folders, (True, False), strict=True):
        run_inline(root, make(folder), ahead=together)
        assert not [path for path in root.tmp.iterdir() if "ahead" in path.name]
    assert lying(roots[0]) == lying(roots[1]) != {}
    return roots[0], roots[1]


def test_what_is_done_ahead_is_recorded_as_if_in_its_turn(folders: tuple[Path, Path]) -> None:
    roots = both(folders, lambda _: made(folders[0]))
    assert recorded(roots[0], made(folders[0])) == recorded(roots[1], made(folders[0]))
    assert marks(folders[0])[:4] == [f"cut {FIRST}", f"glance {FIRST}", f"cut {SECOND}", f"glance {SECOND}"]
    assert marks(folders[0])[4:] == [f"glance {FIRST}", f"glance {SECOND}", f"cut {FIRST}", f"cut {SECOND}"]


def test_what_is_dropped_ahead_is_dropped(folders: tuple[Path, Path]) -> None:
    filtering = {"behaviour": {FIRST: "filter"}}
    ahead_root, _ = both(folders, lambda folder: made(folder, cut=filtering))
    assert marks(folders[0]).count(f"cut {FIRST}") == 1
    state = DatasetState(ahead_root, made(folders[0], cut=filtering).stages).records("cut")[FIRST]
    assert (state.status, state.reason, state.measures) == ("filtered", "unwanted", {"length": 3})


def test_what_is_dropped_in_between_was_done_for_nothing(folders: tuple[Path, Path]) -> None:
    ahead_root, _ = both(folders, lambda folder: made(folder, unwanted=FIRST))
    assert marks(folders[0]).count(f"cut {FIRST}") == 1
    assert marks(folders[1]).count(f"cut {FIRST}") == 0
    assert set(DatasetState(ahead_root, made(folders[0], unwanted=FIRST).stages).records("cut")) == {SECOND}


def test_a_wrong_guess_is_not_used(folders: tuple[Path, Path]) -> None:
    both(folders, lambda folder: made(folder, cut={"guesses": False}))
    assert marks(folders[0]).count(f"cut {FIRST}") == 2


def test_a_failure_ahead_is_not_kept(folders: tuple[Path, Path]) -> None:
    root = Root(folders[0] / "root")
    assert not run_inline(root, made(folders[0], cut={"behaviour": {FIRST: "fail"}})).failed
    assert marks(folders[0]).count(f"cut {FIRST}") == 2


def test_a_death_ahead_is_tried_again_without(folders: tuple[Path, Path]) -> None:
    make = made(folders[0], cut={"behaviour": {FIRST: "die"}})
    root = Root(folders[0] / "root")
    assert not run(root, make, workers=1).failed
    assert marks(folders[0]).count(f"glance {FIRST}") == 1
    assert marks(folders[0]).count(f"cut {FIRST}") == 2


def test_what_is_on_record_is_not_done_again(folders: tuple[Path, Path]) -> None:
    root = Root(folders[0] / "root")
    run_inline(root, made(folders[0]))
    run_inline(root, made(folders[0], glance={"loud": 1}))
    assert marks(folders[0]).count(f"glance {FIRST}") == 2
    assert marks(folders[0]).count(f"cut {FIRST}") == 1


def test_a_stage_asked_for_alone_does_nothing_else(folders: tuple[Path, Path]) -> None:
    root = Root(folders[0] / "root")
    for name in ("count", "glance"):
        pipeline.run(made(folders[0]), root, pipeline.Options(min_free_bytes=0), engine=Inline(), only=name)
    assert marks(folders[0]) == [f"glance {FIRST}", f"glance {SECOND}"]


def test_damage_on_the_way_is_made_anew(tmp_path: Path) -> None:
    root = Root(tmp_path / "root")
    root.create()
    text = root.data / "count" / FIRST / "text.txt"
    text.parent.mkdir(parents=True)
    text.write_text(f"hi {FIRST}")
    item = Item(FIRST, FIRST, {"text": Blob(root.uri(text), digest_file(text), text.stat().st_size)})
    spoilt = tmp_path / "spoilt"
    spoilt.mkdir()
    (spoilt / "whole.txt").write_text("\0")
    ahead.keep(root.tmp / "r-ahead", FIRST, "k", Done({"whole": "whole.txt"}), spoilt, 5.0)
    job = ItemJob(
        root=root.url, run="r", stage=f"{__name__}:Cut", params={"marks": str(tmp_path)}, thresholds={}, item=item,
        key="k", sequence=1, attempt=1, ahead="r-ahead",
    )  # fmt: skip
    host = StageHost()
    record = worker.execute(host, job)
    host.close()
    assert (record.status, record.measures["length"]) == ("done", 15)
    assert record.seconds < 5
    assert (root.data / "cut" / FIRST / "whole.txt").read_text() == f"HI {FIRST.upper()}"


@pytest.mark.parametrize(
    "outcome",
    [
        Done({"a": "a.txt"}, {"x": 1.5, "places": [[1, 2]]}, (Child("i-0", {"a": "a.txt"}, {"n": 1}),)),
        Done(),
        Filtered("why", "in words", {"x": 0.1}, {"a": "a.txt"}),
    ],
)
def test_outcomes_are_kept_and_taken_once(tmp_path: Path, outcome: Done | Filtered) -> None:
    folder, out, left = tmp_path / "kept", tmp_path / "out", tmp_path / "left"
    left.mkdir()
    (left / "a.txt").write_text("text")
    ahead.keep(folder, "i", "key", outcome, left, 2.5)
    out.mkdir()
    assert ahead.take(folder, "i", "other", out) is None
    assert ahead.take(folder, "other", "key", out) is None
    assert ahead.take(folder, "i", "key", out) == ahead.Made(outcome, 2.5)
    assert (out / "a.txt").read_text() == "text"
    assert ahead.take(folder, "i", "key", out) is None
    assert list(folder.iterdir()) == []


def test_failures_are_not_kept(tmp_path: Path) -> None:
    ahead.keep(tmp_path / "kept", "i", "key", Failed("broken", "words"), tmp_path, 1.0)
    assert not (tmp_path / "kept").exists()


def test_an_item_may_use_what_both_stages_need() -> None:
    assert ahead.needs_of(Glance(), None) is Glance.needs
    both = ahead.needs_of(Glance(), Cut())
    assert (both.cpus, both.memory_mb, both.timeout_s, both.grace_s) == (2, 300, 50, 3)


def test_who_may_work_ahead_for_whom() -> None:
    def found(glance: Glance, *others: Stage) -> Stage | None:
        return ahead.later_stage(glance, {stage.name: stage for stage in (Count(), glance, *others)})

    class Off(Cut):
        off = "switched off"

    class Wants(Cut):
        inputs: ClassVar[Mapping[str, str]] = {"text": "count.text", "more": "count.more?"}

    cut = Cut()
    assert found(Glance(), cut) is cut
    assert found(Glance()) is None
    assert found(Glance(), Off()) is None
    assert found(Glance(), Wants()) is None
    assert found(Glance(GlanceParams(decides=True)), cut) is None
    assert ahead.later_stage(Glance(), {"cut": cut, "glance": Glance()}) is None


def test_what_a_dead_run_left_is_known_as_its_own() -> None:
    name = ahead.folder_name("20260101T000000-abc")
    assert process_tag.is_marked(name)
    assert not process_tag.is_gone(name)


def test_twins_are_cut_each_under_its_own_name(folders: tuple[Path, Path]) -> None:
    """One file that came twice has one key; the first of the two is dropped before its turn."""
    twins = {"alike": True}
    both(folders, lambda folder: made(folder, unwanted=FIRST, count=twins))
    state = DatasetState(Root(folders[0] / "root"), made(folders[0], unwanted=FIRST, count=twins).stages)
    assert [child["id"] for child in state.records("cut")[SECOND].children] == [f"{SECOND}-half"]


@pytest.mark.parametrize("how", ["full", "odd", "wrong-use", "setup", "memory"])
def test_what_goes_wrong_ahead_is_no_matter_of_the_earlier_stage(folders: tuple[Path, Path], how: str) -> None:
    root, make = Root(folders[0] / "root"), made(folders[0], cut={"behaviour": {FIRST: how}})
    result = run_inline(root, make)
    records = DatasetState(root, make.stages).records("glance")
    assert [(one.status, one.attempt, one.sequence) for one in records.values()] == [("done", 1, 1)] * 2
    assert [record.item for record in result.failed] == ([FIRST] if how == "odd" else [])


def test_a_death_ahead_is_held_against_nobody(folders: tuple[Path, Path]) -> None:
    root, make = Root(folders[0] / "root"), made(folders[0], cut={"behaviour": {FIRST: "die"}})
    run(root, make, workers=1)
    for stage in ("glance", "cut"):
        record = DatasetState(root, make.stages).records(stage)[FIRST]
        assert (record.status, record.attempt, record.sequence) == ("done", 1, 1)
    assert "worker-died" in next(root.logs.glob("*.jsonl")).read_text()


def test_one_that_is_alone_may_take_as_long_as_ever(tmp_path: Path) -> None:
    item = Item(FIRST, FIRST)
    job = ItemJob(root="", run="r", stage="", params={}, thresholds={}, item=item, key="k", sequence=1, attempt=1)
    root, needs = Root(tmp_path / "root"), ahead.needs_of(Glance(), Cut())
    root.create()
    loop = JobLoop(
        Glance(), root, pipeline.Options(min_free_bytes=0), "r", EventLog(tmp_path / "log", "r"), needs=needs
    )
    given: list[float] = []

    class Noting(Inline):
        def run(self, next_task: Any, needs: Any = None, backlog: Any = None) -> Iterator[Any]:
            while task := next_task():
                given.append(task.timeout_s)
            yield from ()

    loop.work([job, replace(job, later=job)], Noting(), StageResult("glance"))
    loop.writer.close()
    assert given == [20, 50]


def test_what_was_made_ahead_goes_before_a_run_ends_for_want_of_room(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def free(self: Root) -> int:
        return 5 if list(self.tmp.glob("*ahead/*.json")) else 10

    monkeypatch.setattr(Root, "free_bytes", free)
    root = Root(folders[0] / "root")
    assert not run_inline(root, made(folders[0]), min_free_bytes=7).failed
    assert marks(folders[0]).count(f"cut {FIRST}") == 2  # it went, and
    assert marks(folders[0]).index(f"cut {SECOND}") > marks(folders[0]).index(f"glance {SECOND}")  # no more was made
    with pytest.raises(DiskFullError):
        run_inline(root, made(folders[0], glance={"loud": 1}), min_free_bytes=11)


def test_what_cannot_be_kept_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        ahead.keep(tmp_path / "kept", "i", "key", Done(), tmp_path / "is not there", 1.0)
    assert list((tmp_path / "kept").iterdir()) == []


def test_what_is_cleared_away_meanwhile_is_not_taken(tmp_path: Path) -> None:
    out, left = tmp_path / "out", tmp_path / "left"
    out.mkdir()
    left.mkdir()
    ahead.keep(tmp_path / "kept", "i", "key", Done(), left, 1.0)
    (tmp_path / "kept" / ahead._name("i", "key")).rmdir()
    assert ahead.take(tmp_path / "kept", "i", "key", out) is None
    assert out.is_dir()
    assert ahead.clear(tmp_path / "kept")
    assert not ahead.clear(tmp_path / "kept")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
