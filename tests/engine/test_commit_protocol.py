"""Outputs first, the record second; each test is named after the fault that it plants."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.engine.conftest import NAMES, Marks, run_inline, states, toy_recipe, tree
from yt360 import process_tag
from yt360.engine import storage, verify, worker
from yt360.engine.stage import Item
from yt360.engine.state import checksums, ledger
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.storage import Root
from yt360.engine.worker import ItemJob, StageHost, execute, stage_path
from yt360.errors import DiskFullError, RootBusyError, UsageError


@pytest.fixture
def undisturbed(tmp_path: Path) -> dict[str, str]:
    root = Root(tmp_path / "undisturbed")
    run_inline(root, toy_recipe())
    return tree(root)


def _job(root: Root, name: str = "a", sequence: int = 1) -> ItemJob:
    stage = toy_recipe().stages[0]
    item = Item(id=name, source_id=name)
    params = stage.params.model_dump(mode="json")
    return ItemJob(root.url, "by-hand", stage_path(stage), params, {}, item, stage.key(item), sequence, 1)


def test_two_workers_do_the_same_item_by_accident(root: Root, undisturbed: dict[str, str]) -> None:
    root.create()
    hosts = [StageHost(), StageHost()]
    records = [execute(host, _job(root)) for host in hosts]
    for host in hosts:
        host.close()
    assert [record.status for record in records] == ["done", "done"]
    assert records[0].outputs == records[1].outputs
    assert not run_inline(root, toy_recipe()).failed
    assert tree(root) == undisturbed
    assert len(ledger.latest(ledger.read(root.ledger / "source"))) == len(NAMES)


def test_torn_record(root: Root, undisturbed: dict[str, str]) -> None:
    run_inline(root, toy_recipe())
    path = next((root.ledger / "misbehave").glob("*.jsonl"))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]) + lines[-1][: len(lines[-1]) // 2])
    again = run_inline(root, toy_recipe())
    assert {stage.stage: stage.worked for stage in again.stages} == {"source": 0, "misbehave": 1, "gather": 0}
    assert tree(root) == undisturbed


def test_duplicate_record(root: Root, undisturbed: dict[str, str]) -> None:
    run_inline(root, toy_recipe())
    path = next((root.ledger / "misbehave").glob("*.jsonl"))
    (path.parent / "copy.jsonl").write_bytes(path.read_bytes() * 2)
    assert run_inline(root, toy_recipe()).worked == 0
    ledger.compact(root.ledger / "misbehave")
    assert len(list(ledger.read(root.ledger / "misbehave"))) == len(NAMES)
    assert tree(root) == undisturbed


def test_clock_skew(root: Root, marks: Marks) -> None:
    """The newest record is the one of the highest sequence, though another host's clock runs years ahead."""
    run_inline(root, toy_recipe(behaviour={"a": "filter"}, marks=marks.folder))
    for path in (root.ledger / "misbehave").glob("*.jsonl"):
        ahead = [json.loads(line) | {"started": "2099-01-01T00:00:00.000+00:00"} for line in path.open()]
        bare = [json.dumps({name: line[name] for name in line if name != "crc"}).encode() for line in ahead]
        path.write_bytes(b"".join(checksums.sealed(line) for line in bare))
    made = toy_recipe(marks=marks.folder)
    run_inline(root, made)
    assert states(root, made) == dict.fromkeys(NAMES, "done")
    assert run_inline(root, made).worked == 0


def test_lost_shard_file(root: Root, undisturbed: dict[str, str]) -> None:
    made = toy_recipe()
    run_inline(root, made)
    (root.path / "gathered" / "all.json").unlink()
    found = verify.verify(DatasetState(root, made.stages), workers=1)
    assert [(damage.stage, damage.item) for damage in found.damaged] == [("gather", "all")]
    again = run_inline(root, made)
    assert {stage.stage: stage.worked for stage in again.stages} == {"source": 0, "misbehave": 0, "gather": 1}
    assert tree(root) == undisturbed


def test_nfs_without_locks(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(descriptor: int, how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    root.create()
    with root.lock():
        assert process_tag.mark() in (root.state / "lease").read_text()
        monkeypatch.setattr(storage, "hold", lambda place, what: storage_hold(place, what))
        with pytest.raises(RootBusyError, match="process"), root.lock():
            pass
    assert not (root.state / "lease").exists()
    (root.state / "lease").write_text(
        f"process 1 {process_tag.mark().replace(str(os.getpid()), '999999999')}"
    )  # was killed
    assert not run_inline(root, toy_recipe()).failed


def storage_hold(place: Any, what: str) -> Any:
    from yt360.engine.lease import hold

    # The holder in this test renews every five seconds.
    return hold(place, what, silent_s=20.0)


def _mounted(folder: Path, size: str) -> bool:
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    return shutil.which("mount") is not None and subprocess.run(words, capture_output=True).returncode == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    if os.getuid() != 0 or not _mounted(folder, "2m"):
        pytest.skip("mounting a small file system needs root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_read_only_disk(small_disk: Path, undisturbed: dict[str, str]) -> None:
    root = Root(small_disk / "root")
    run_inline(root, toy_recipe())
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(UsageError, match="Read-only"):
        run_inline(root, toy_recipe([*NAMES, "new"]))
    assert states(root, toy_recipe()) == dict.fromkeys(NAMES, "done")
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    assert run_inline(root, toy_recipe()).worked == 0
    assert tree(root) == undisturbed


def test_full_disk(small_disk: Path, undisturbed: dict[str, str]) -> None:
    root = Root(small_disk / "root")
    root.create()
    ballast = small_disk / "ballast"
    free = shutil.disk_usage(small_disk).free
    ballast.write_bytes(bytes(free - (36 << 10)))  # room for a few items
    with pytest.raises(DiskFullError, match="free some space"):
        run_inline(root, toy_recipe([*NAMES, *(f"item{n}" for n in range(40))]), workers=1)
    ballast.unlink()
    assert not run_inline(root, toy_recipe()).failed
    assert {name: digest for name, digest in tree(root).items() if name in undisturbed and "gathered" not in name} == {
        name: digest for name, digest in undisturbed.items() if "gathered" not in name
    }


def test_disk_without_any_room_says_so_before_the_first_item(small_disk: Path, undisturbed: dict[str, str]) -> None:
    root = Root(small_disk / "root")
    root.create()
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(shutil.disk_usage(small_disk).free))
    with pytest.raises(DiskFullError, match="free some space"):
        run_inline(root, toy_recipe())
    ballast.unlink()
    assert not run_inline(root, toy_recipe()).failed
    assert tree(root) == undisturbed


_POINTS = ("publish_folder", "publish_files", "fsync_path", "digest_file")
"""What an attempt does between its last byte and its record."""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("point", [*_POINTS, "append"])
def test_fault_at_a_commit_point_leaves_nothing_that_counts(
    root: Root, monkeypatch: pytest.MonkeyPatch, point: str, when: str
) -> None:
    root.create()
    owner_of_point = ledger.LedgerWriter if point == "append" else worker
    real = getattr(owner_of_point, point)

    def broken(*words: Any, **settings: Any) -> None:
        if when == "after":
            real(*words, **settings)
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(owner_of_point, point, broken)
        host = StageHost()
        with contextlib.suppress(OSError):  # or a record that says failed: both count for nothing
            execute(host, _job(root))
        host.close()
    made = toy_recipe()
    run_inline(root, made, retry="failed")
    assert states(root, made) == dict.fromkeys(NAMES, "done")
    assert verify.verify(DatasetState(root, made.stages), workers=1).damaged == []


def test_record_that_names_a_file_outside_the_root_is_never_followed(root: Root, tmp_path: Path) -> None:
    made = toy_recipe()
    run_inline(root, made)
    secret = tmp_path / "secret.txt"
    secret.write_text("not yours")
    records = ledger.latest(ledger.read(root.ledger / "source"))
    writer = ledger.open_writer(root, "source", "hostile")
    blob = replace(records["a"].outputs["text"], uri="../secret.txt", digest="0" * 40)
    writer.append(replace(records["a"], sequence=99, outputs={"text": blob}))
    writer.close()
    result = run_inline(root, made)
    assert [(record.item, record.kind) for record in result.failed] == [("a", "wrong-use")]
    assert "not yours" not in "".join(path.read_text() for path in root.data.rglob("*.txt"))


def test_worker_leaves_its_folder_empty_between_items_and_takes_it_along(root: Root) -> None:
    root.create()
    host = StageHost()
    for name in NAMES:
        assert execute(host, _job(root, name)).status == "done"
        assert [list(folder.iterdir()) for folder in root.tmp.iterdir()] == [[]]
    host.close()
    assert list(root.tmp.iterdir()) == []
