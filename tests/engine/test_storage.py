"""The folder of a root, and the mirror of a store: what stages declare of files that only they know."""

from __future__ import annotations

import errno
import os
import re
import socket
import uuid
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from yt360.engine.object_store import ObjectStore
from yt360.engine.storage import Root
from yt360.errors import DiskFullError, RootBusyError, UsageError

STAGE: Any = SimpleNamespace(host_local=frozenset({"unfinished"}), mirrored=("shelf/index.json",))


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Root]:
    """The same root in a store, as different machines open it."""
    url = f"memory://bucket/{uuid.uuid4().hex}"

    def opened(name: str) -> Root:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / name))
        return Root(url)

    return opened


def write(root: Root, name: str, text: str) -> None:
    path = root.path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def names(root: Root) -> set[str]:
    assert isinstance(root.store, ObjectStore)
    return set(root.store.stamps(""))


def test_what_belongs_to_one_host_stays_there_and_what_readers_need_goes_along(host: Callable[[str], Root]) -> None:
    one = host("one")
    one.declare([STAGE])
    for name in ("state/unfinished/part", "state/known.json", "shelf/index.json", "shelf/0.tar"):
        write(one, name, "1")
    one.push()
    assert names(one) == {"state/known.json", "shelf/index.json"}
    other = host("other")
    other.declare([STAGE])
    other.pull()
    assert (other.path / "shelf" / "index.json").read_text() == "1"


def test_who_does_not_know_of_a_file_neither_replaces_nor_removes_it(host: Callable[[str], Root]) -> None:
    one, other = host("one"), host("other")
    for root in (one, other):
        root.declare([STAGE])
    write(one, "shelf/index.json", "1")
    one.push()
    other.pull()
    write(other, "shelf/index.json", "2")
    other.push()
    unknowing = host("one")  # its mirror still has the first
    unknowing.pull()
    unknowing.push()
    assert other.store is not None
    assert other.store.read("shelf/index.json") == b"2"
    knowing = host("one")
    knowing.declare([STAGE])
    knowing.pull()
    assert (knowing.path / "shelf" / "index.json").read_text() == "2"


def test_a_listing_stamps_an_object_as_asking_for_it_does(tmp_path: Path) -> None:
    """Where a file system says the time of one in seconds and of the other as a date, nothing was ever taken away."""
    store = ObjectStore(f"memory://bucket/{tmp_path.name}")
    store.write(b"a record", "ledger/crawl/x.jsonl")
    assert store.stamps("ledger/") == {"ledger/crawl/x.jsonl": store.stamp("ledger/crawl/x.jsonl")}


def _refused(number: int) -> Callable[..., None]:
    def mkdir(self: Path, *_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return mkdir


@pytest.mark.parametrize("number", [errno.EACCES, errno.ENOTDIR, errno.EROFS, errno.EIO])
def test_a_root_that_cannot_be_made_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    (tmp_path / "root").mkdir()
    monkeypatch.setattr(Path, "mkdir", _refused(number))
    with pytest.raises(UsageError, match=re.escape(os.strerror(number))):
        Root(tmp_path / "root").create()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_root_for_which_there_is_no_room_is_no_wrong_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    (tmp_path / "root").mkdir()
    monkeypatch.setattr(Path, "mkdir", _refused(number))
    with pytest.raises(DiskFullError, match="no room left"):
        Root(tmp_path / "root").create()


def test_a_lock_needs_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kind of F5: on a full disk a takedown could not even begin."""
    root = Root(tmp_path / "root")
    root.create()
    with root.lock():
        assert (root.state / "lock").read_text() == f"process {os.getpid()} on {socket.gethostname()}\n"
    monkeypatch.setattr(os, "pwrite", _refused(errno.ENOSPC))
    with root.lock(), pytest.raises(RootBusyError), root.lock():
        pass


def test_a_file_is_no_root(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(
        UsageError, match=r"expected a folder that can be written, found: (File exists|Not a directory)"
    ):
        Root(tmp_path / "file").create()


def test_copies_on_other_machines_go_with_a_takedown(host: Callable[[str], Root]) -> None:
    """What `report` and `view` had fetched of a video stayed in the mirror of their machine for good."""
    one, other = host("one"), host("other")
    write(one, "state/removed.jsonl", '{"id": "before"}\n')
    one.push()
    assert one.store is not None
    one.store.write(b"a clip", "data/chunk/gone/clip.mp4")
    other.pull()
    held = other.local("data/chunk/gone/clip.mp4")
    other.pull()
    assert held.read_bytes() == b"a clip"
    write(one, "state/removed.jsonl", '{"id": "before"}\n{"id": "gone"}\n')
    one.push()
    other.pull()
    assert not held.exists()
