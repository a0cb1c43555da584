"""One attempt, by hand: what of it is published, what is written down, and how much of an error."""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.engine.toys import Misbehave, MisbehaveThresholds
from yt360.engine import worker
from yt360.engine.stage import Blob, Child, Done, Failed, Filtered, Item, Outcome
from yt360.engine.state.record import Record
from yt360.engine.storage import Root
from yt360.errors import DiskFullError, ItemError, UsageError
from yt360.hashing import digest_bytes

RECORD = Record(stage="misbehave", item="a", source="a", key="k", status="done", sequence=3)

SHORT, LONG = {"length": 100}, {"length": 101}
"""Measures on either side of the toy's threshold."""


@pytest.fixture
def made(tmp_path: Path) -> Root:
    root = Root(tmp_path / "root")
    root.create()
    return root


def committed(root: Root, outcome: Outcome, **files: str) -> Record:
    """What comes of an outcome with these files in its work folder (``__`` for a folder), which is emptied then."""
    out = root.tmp / "work" / "out"
    out.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        path = out / name.replace("__", "/")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    try:
        return worker._commit(Misbehave(), outcome, RECORD, root, out)
    finally:
        shutil.rmtree(out.parent)


def lying(root: Root) -> dict[str, str]:
    folder = root.data / "misbehave" / "a"
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("length", [3999, 4000, 4001, 10_000])
def test_of_a_long_error_the_end_is_kept(length: int) -> None:
    """A traceback says in its last line what went wrong."""
    error = ("x" * length)[:-3] + "end"
    kept = worker.failed_fields(Failed("unexpected", error))["error"]
    assert kept == error[-4000:]
    assert kept.endswith("end")


def test_a_failure_says_what_kind_it_is_and_which_inputs_were_damaged() -> None:
    fields = worker.failed_fields(Failed("broken", "no\ud800", retryable=True))
    assert fields == {"status": "failed", "kind": "broken", "error": "no?", "retryable": True, "tools": {}}
    damaged = worker.failed_fields(replace(Failed("broken", "no"), damaged=("video",)))
    assert list(damaged["measures"].values()) == [["video"]]


def test_only_what_was_promised_is_published_with_its_size_and_digest(made: Root) -> None:
    child = Child("a-0", {"clip": "clips/0"}, {"n": 1})
    outcome = Done(outputs={"text": "text"}, measures={"length": 100}, children=(child,))
    record = committed(made, outcome, text="four", clips__0="three", litter="x", clips__1="y", empty__z="z")
    assert lying(made) == {"text": "four", "clips/0": "three"}
    assert not (made.data / "misbehave" / "a" / "empty").exists()
    assert record.outputs == {"text": Blob("data/misbehave/a/text", digest_bytes(b"four"), 4)}
    clip = Blob("data/misbehave/a/clips/0", digest_bytes(b"three"), 5)
    assert record.children == ({"id": "a-0", "outputs": {"clip": clip.to_json()}, "meta": {"n": 1}},)
    assert (record.size, record.status, record.measures) == (9, "done", {"length": 100})
    assert record.decision == Misbehave().decision_key()


def test_what_an_earlier_version_left_goes_where_there_is_nothing_now(made: Root) -> None:
    committed(made, Done({"text": "text"}, LONG), text="old")
    committed(made, Done({"other": "other"}, SHORT), other="new")
    assert lying(made) == {"other": "new"}
    record = committed(made, Filtered("dull", "nothing to see"))
    assert not (made.data / "misbehave" / "a").exists()
    assert (record.status, record.reason, record.detail, record.decision) == ("filtered", "dull", "nothing to see", "")


def test_a_failure_publishes_nothing(made: Root) -> None:
    committed(made, Done({"text": "text"}, LONG), text="old")
    record = committed(made, Failed("broken", "no"), text="half")
    assert (record.status, record.kind) == ("failed", "broken")
    assert lying(made) == {"text": "old"}


@pytest.mark.parametrize("path", ["missing", "/etc/hostname", "../outside", "folder", "link"])
def test_an_output_that_is_no_file_of_the_attempt_is_refused(made: Root, path: str) -> None:
    out = made.tmp / "work" / "out"
    (out / "folder").mkdir(parents=True)
    (out.parent / "outside").write_text("x")
    (out / "link").symlink_to(out.parent / "outside")
    with pytest.raises(ItemError, match="found no such file"):
        committed(made, Done(outputs={"text": path}))


def test_an_empty_output_and_measures_that_are_no_json_are_refused(made: Root) -> None:
    with pytest.raises(ItemError, match=r"left the output 'text' \(text\) empty"):
        committed(made, Done(outputs={"text": "text"}), text="")
    for value in (float("nan"), {1, 2}):
        with pytest.raises(ItemError, match="not JSON"):
            committed(made, Done(measures={"x": value}))
    assert worker.json_safe({"x": (1, 2)}, "s") == {"x": [1, 2]}


def _raises(error: Exception) -> Callable[[], Any]:
    def work() -> Any:
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "kind", "retryable"),
    [
        (ItemError("corrupt", "no"), "corrupt", False),
        (ItemError("network", "no", retryable=True), "network", True),
        (MemoryError("no"), "out-of-memory", True),
        (UsageError("no"), "wrong-use", False),
        (ValueError("no"), "unexpected", False),
        (OSError(errno.EIO, "no"), "unexpected", False),
    ],
)
def test_whatever_a_stage_raises_has_a_kind(made: Root, error: Exception, kind: str, retryable: bool) -> None:
    found = worker.guarded(_raises(error), made, "a")
    assert isinstance(found, Failed)
    assert (found.kind, found.retryable) == (kind, retryable)
    assert "no" in found.error
    assert worker.guarded(lambda: 7, made, "a") == 7


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), DiskFullError("full")])
def test_a_full_disk_is_not_held_against_an_item(made: Root, error: Exception) -> None:
    with pytest.raises(DiskFullError):
        worker.guarded(_raises(error), made, "a")


def test_a_host_keeps_what_it_set_up_and_leaves_nothing(made: Root) -> None:
    host = worker.StageHost()
    path = worker.stage_path(Misbehave())
    assert path == "tests.engine.toys:Misbehave"
    first = host.stage(path, {}, {})
    assert host.stage(path, {}, {}) is first
    assert host.stage(path, {"seconds": 0.5}, {}) is not first
    assert host.stage(path, {}, {}, for_work=False) is not first
    folder = host.workdir(made, "r1")
    assert host.workdir(made, "r1") == folder
    assert folder.parent == made.tmp
    assert not folder.exists()
    folder.mkdir()
    writer = host.writer(made, "misbehave", "r1")
    assert host.writer(made, "misbehave", "r1") is writer
    assert host.root(made.url) is host.root(made.url)
    host.close()
    assert not folder.exists()


def test_one_attempt_leaves_a_record_and_an_empty_work_folder(made: Root) -> None:
    host = worker.StageHost()
    item = Item("a", "the source", meta={"m": 1})
    job = worker.ItemJob(made.url, "r1", "tests.engine.toys:Source", {"text": "hi"}, {}, item, "key", 4, 2, "logs/r1")
    record = worker.execute(host, job)
    assert (record.status, record.sequence, record.attempt, record.run) == ("done", 4, 2, "r1")
    assert (record.item, record.source, record.key, record.meta) == ("a", "the source", "key", {"m": 1})
    assert record.log == f"logs/r1/worker-{record.host}-{os.getpid()}.log"
    assert record.tools == {}
    assert (made.path / record.outputs["text"].uri).read_text() == "hi a\n"
    assert list(host.workdir(made, "r1").iterdir()) == []
    assert not (made.data / "source" / "a" / "left-behind.tmp").exists()
    host.close()


def test_what_was_measured_decides_now_and_under_another_threshold(made: Root) -> None:
    kept, dropped = committed(made, Done(measures=SHORT)), committed(made, Done(measures=LONG))
    assert (kept.status, dropped.status) == ("done", "filtered")
    assert dropped.reason
    lenient, strict = (Misbehave(None, MisbehaveThresholds(longest=longest)) for longest in (101, 99))
    again = worker.redecide(lenient, dropped, 9)
    assert (again.status, again.reason, again.detail, again.sequence) == ("done", "", "", 9)
    assert (again.measures, again.decision) == (LONG, lenient.decision_key())
    assert again.decision != dropped.decision
    other = worker.redecide(strict, kept, 5)
    assert (other.status, other.reason, other.sequence) == ("filtered", dropped.reason, 5)


def test_outputs_of_a_store_replace_what_was_there_before_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    root = Root(f"memory://bucket/{uuid.uuid4().hex}")
    root.create()
    assert root.store is not None
    root.store.write(b"of another item", "data/misbehave/aa/text")
    committed(root, Done({"text": "text", "more": "more"}, SHORT), text="old", more="m")
    record = committed(root, Done({"text": "text"}, SHORT), text="new")
    assert set(root.store.stamps("data/")) == {"data/misbehave/aa/text", "data/misbehave/a/text"}
    assert root.store.read(record.outputs["text"].uri) == b"new"
