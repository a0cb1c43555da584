"""The folder of a root, and the mirror of a store: what stages declare of files that only they know."""

from __future__ import annotations

import errno
import fcntl
import multiprocessing
import os
import re
import socket
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from yt360 import process_tag
from yt360.engine import storage
from yt360.engine.object_store import ObjectStore
from yt360.engine.storage import Root, publish_files, publish_folder
from yt360.errors import DiskFullError, ItemError, RootBusyError, UsageError

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


@pytest.mark.parametrize("text", ["", "  ", "file://", "file:// "])
def test_an_empty_root_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--root is empty"):
        Root(text)


@pytest.mark.parametrize("length", [255, 256])
def test_names_may_be_as_long_as_linux_takes_them(tmp_path: Path, length: int) -> None:
    """In bytes: an umlaut has two."""
    name = "ä" * (length // 2) + "a" * (length % 2)
    if length == 255:
        Root(tmp_path / name).create()
    else:
        with pytest.raises(UsageError, match="a name that is too long"):
            Root(tmp_path / name)


@pytest.mark.parametrize(("length", "taken"), [(4000, True), (4001, False)])
def test_paths_may_be_as_long_as_linux_takes_them(length: int, taken: bool) -> None:
    path = ("/" + "a" * 99) * 40
    path = path if taken else path + "b"
    assert len(path) == length
    if taken:
        assert Root(path).url == path
    else:
        with pytest.raises(UsageError, match="a name that is too long"):
            Root(path)
    with pytest.raises(UsageError, match="zero byte"):
        Root("/tmp/a\0b")


def test_what_no_run_has_made_its_root_is_refused_by_what_it_lacks(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder" / "ledger").mkdir(parents=True)
    new = Root(tmp_path / "new")
    new.create()
    new.require()
    new.ledger.rmdir()
    lacks = {"file": "a file", "nothing": "no such folder", "folder": "a folder without yt360-root.json",
             "new": "a root in which nothing has run yet: no ledger/"}  # fmt: skip
    for name, found in lacks.items():
        with pytest.raises(UsageError, match=re.escape(f"as a run makes them), found {found}; give")):
            Root(tmp_path / name).require()


def test_a_uri_never_leads_out_of_the_root(tmp_path: Path) -> None:
    root = Root(tmp_path / "root")
    root.create()
    (tmp_path / "other").write_text("x")
    assert root.local("data/a") == root.path / "data" / "a"
    assert root.fetch("data/a", tmp_path / "copies") == root.path / "data" / "a"
    (root.data / "link").symlink_to(tmp_path)
    for uri in ("../other", "data/../../other", "data/link/other", "/etc/passwd"):
        for reach in (root.local, lambda uri: root.fetch(uri, tmp_path)):
            with pytest.raises(UsageError, match="leads out of"):
                reach(uri)
    with pytest.raises(UsageError, match="leads out of"):
        root.remove(root.data / "link" / "other")
    assert (tmp_path / "other").is_file()


def test_items_lie_by_stage_or_in_the_folder_that_all_share(tmp_path: Path) -> None:
    root = Root(tmp_path / "root")
    assert root.item_folder("crawl", "a") == root.path / "data" / "crawl" / "a"
    assert root.item_folder("shard", "a", "shards") == root.path / "shards"
    assert root.uri(root.data / "x" / "y") == "data/x/y"


def test_outputs_are_taken_away_files_folders_and_links(tmp_path: Path) -> None:
    root = Root(tmp_path / "root")
    root.create()
    folder, own = root.data / "crawl" / "a", tmp_path / "own"
    for place in (folder, own):
        place.mkdir(parents=True)
        (place / "file").write_text("1")
    assert root.holds(folder)
    root.remove(folder / "file")
    root.remove(folder / "file")  # nothing there is no error
    assert root.holds(folder)
    root.remove(folder)
    assert not root.holds(folder)
    (root.data / "crawl" / "b").symlink_to(own)
    root.remove(root.data / "crawl" / "b")
    assert not (root.data / "crawl" / "b").is_symlink()
    assert (own / "file").read_text() == "1", "what a link leads to is not the root's"


def test_outputs_of_a_store_are_held_fetched_once_and_taken_away(host: Callable[[str], Root], tmp_path: Path) -> None:
    one = host("one")
    assert one.store is not None
    one.store.write(b"12345", "data/crawl/a/video")
    assert one.holds(one.data / "crawl" / "a")
    assert not one.holds(one.data / "crawl" / "b")
    assert one.local("data/crawl/a/video").read_bytes() == b"12345"
    one.local("data/crawl/a/video").write_bytes(b"other")  # as long: taken for the same
    assert one.local("data/crawl/a/video").read_bytes() == b"other"
    one.local("data/crawl/a/video").write_bytes(b"cut")
    assert one.local("data/crawl/a/video").read_bytes() == b"12345"
    assert not one.local("data/crawl/a/nothing").exists()
    copy = one.fetch("data/crawl/a/video", tmp_path / "work")
    assert (copy.read_bytes(), copy.name) == (b"12345", "video")
    assert copy.is_relative_to(tmp_path / "work")
    assert not one.fetch("data/crawl/a/nothing", tmp_path / "work").exists()
    one.remove(one.data / "crawl" / "a")
    assert names(one) == set()


def test_a_mirror_takes_in_what_changed_and_what_went(host: Callable[[str], Root]) -> None:
    one, other = host("one"), host("other")
    for number in range(3):
        write(one, f"ledger/crawl/{number}.jsonl", str(number))
    write(one, "recipe.json", "{}")
    write(one, "state/lock", "mine")
    write(one, "state/snapshot/big", "worked out")
    write(one, "ledger/crawl/.hidden", "x")
    write(one, "data/crawl/a", "an output")
    one.push()
    assert names(one) == {*(f"ledger/crawl/{number}.jsonl" for number in range(3)), "recipe.json"}
    other.pull()
    assert (other.path / "ledger/crawl/2.jsonl").read_text() == "2"
    (one.path / "ledger/crawl/0.jsonl").unlink()
    write(one, "ledger/crawl/1.jsonl", "more")
    one.push()
    other.pull()
    assert sorted(path.name for path in other.ledger.rglob("*.jsonl")) == ["1.jsonl", "2.jsonl"]
    assert (other.path / "ledger/crawl/1.jsonl").read_text() == "more"
    (other.path / "ledger/crawl/2.jsonl").unlink()
    other.pull()
    assert (other.path / "ledger/crawl/2.jsonl").read_text() == "2", "what is lost here is fetched again"
    (other.path / "mirror.json").write_text("[1]")
    write(other, "ledger/crawl/1.jsonl", "damaged here")
    other.pull()
    assert (other.path / "ledger/crawl/1.jsonl").read_text() == "more", "who knows nothing fetches all"


def test_what_grew_in_a_store_since_it_was_seen_is_not_taken_away(host: Callable[[str], Root]) -> None:
    one, other = host("one"), host("other")
    write(one, "ledger/crawl/x.jsonl", "1")
    one.push()
    other.pull()
    write(one, "ledger/crawl/x.jsonl", "1 and 2")
    one.push()
    (other.path / "ledger/crawl/x.jsonl").unlink()
    other.push()
    assert names(one) == {"ledger/crawl/x.jsonl"}
    other.pull()
    (other.path / "ledger/crawl/x.jsonl").unlink()
    other.push()
    assert names(one) == set()


def test_only_what_nobody_writes_any_more_is_cleared(tmp_path: Path) -> None:
    root = Root(tmp_path / "root")
    root.create()
    gone = multiprocessing.get_context("fork").Process(target=int)
    gone.start()
    gone.join()
    space = process_tag.mark().split(".")[0]
    kept = {
        "mine": root.tmp / f"a{process_tag.mark()}",
        "another host's of an hour ago": root.tmp / "b~00000000.1~",
        "unmarked": root.tmp / "somebody's",
        "a write of today": root.state / ".known.json.0123abcd.partial",
        "no write": root.state / "known.partial",
    }
    cleared = {
        "a process that ended": root.tmp / f"c{space}.{gone.pid}~",
        "another host's of yesterday": root.tmp / "d~00000000.2~",
        "a write of yesterday": root.state / ".known.json.fedc4321.partial",
        "a write that ended here": root.path / f".recipe.json.0123abcd{space}.{gone.pid}~.partial",
    }
    for path in (*kept.values(), *cleared.values()):
        if path.parent == root.tmp:
            path.mkdir()
            (path / "file").write_text("")
        else:
            path.write_text("")
    hour, day = time.time() - 86400 + 600, time.time() - 86400 - 600
    os.utime(kept["another host's of an hour ago"], (hour, hour))
    os.utime(kept["a write of today"], (hour, hour))
    for name in ("another host's of yesterday", "a write of yesterday"):
        os.utime(cleared[name], (day, day))
    os.utime(kept["unmarked"], (day, day))
    assert {path.name for path in root.partials()} == {
        path.name for path in (*kept.values(), *cleared.values()) if path.name.endswith("partial")
    } - {"known.partial"}
    root.clear_tmp()
    assert [name for name, path in kept.items() if not path.exists()] == []
    assert [name for name, path in cleared.items() if path.exists()] == []


@pytest.mark.parametrize(("floor", "enough"), [(5_000_000_000, True), (5_000_000_001, False)])
def test_a_run_needs_as_much_room_as_the_floor_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, floor: int, enough: bool
) -> None:
    root = Root(tmp_path / "root")
    monkeypatch.setattr(Root, "free_bytes", lambda self: 5_000_000_000)
    if enough:
        root.require_free(floor)
    else:
        with pytest.raises(DiskFullError, match=r"5\.00 GB free, the floor is 5\.00 GB"):
            root.require_free(floor)


def test_a_root_that_may_only_be_read_is_known_and_not_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Root(tmp_path / "root")
    assert not root.is_read_only(), "nothing is there"
    root.create()
    assert not root.is_read_only()
    for place in (root.path, root.state):
        with monkeypatch.context() as patched:
            patched.setattr(os, "access", lambda path, mode, place=place: Path(path) != place)
            assert root.is_read_only()
    with monkeypatch.context() as patched:
        patched.setattr(storage, "_read_only", lambda folder: True)
        assert root.is_read_only()
        with pytest.raises(UsageError, match="found: Read-only file system"):
            root.create()
    with monkeypatch.context() as patched:
        patched.setattr(os, "access", lambda path, mode: False)
        with pytest.raises(UsageError, match="found: Permission denied"):
            root.create()
    for number, error in ((errno.EACCES, UsageError), (errno.EROFS, UsageError), (errno.EIO, OSError)):
        with monkeypatch.context() as patched:
            patched.setattr(os, "open", _refused(number))
            with pytest.raises(error, match=re.escape(os.strerror(number))), root.lock():
                pass


def test_a_lock_names_its_holder_and_ends_with_him(tmp_path: Path) -> None:
    root = Root(tmp_path / "root")
    root.create()
    (root.state / "lock").write_text("process 123456789 on a host whose name is much longer than that of this one\n")
    with root.lock(), pytest.raises(RootBusyError, match=rf"process {os.getpid()} on .* is working"), root.lock():
        pass
    with root.lock():
        pass
    (root.state / "lock").write_text("")
    descriptor = os.open(root.state / "lock", os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with pytest.raises(RootBusyError, match="another process is working"), root.lock():
        pass
    os.close(descriptor)


def test_where_no_locks_are_a_lease_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Root(tmp_path / "root")
    root.create()
    monkeypatch.setattr(fcntl, "flock", _refused(errno.ENOLCK))
    with root.lock():
        assert process_tag.mark() in (root.state / "lease").read_text()
    assert not (root.state / "lease").exists()


def prepared(tmp_path: Path, text: str) -> Path:
    folder = tmp_path / f"prepared-{uuid.uuid4().hex}"
    folder.mkdir()
    (folder / "file").write_text(text)
    return folder


def test_a_folder_is_published_in_one_step_over_what_was_there(tmp_path: Path) -> None:
    final, trash = tmp_path / "data" / "stage" / "a", tmp_path / "trash"
    publish_folder(prepared(tmp_path, "1"), final, trash)
    assert not trash.exists()
    publish_folder(prepared(tmp_path, "2"), final, trash)
    assert (final / "file").read_text() == "2"
    assert [(old / "file").read_text() for old in trash.iterdir()] == ["1"]
    link = final.with_name("b")
    link.symlink_to(tmp_path / "nowhere")
    publish_folder(prepared(tmp_path, "3"), link, trash)
    assert (link / "file").read_text() == "3"
    assert not link.is_symlink()


@pytest.mark.parametrize(("busy", "published"), [(7, True), (8, False)])
def test_workers_that_replace_one_folder_again_and_again_give_up_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, busy: int, published: bool
) -> None:
    real, refused = os.rename, iter([errno.ENOTEMPTY, errno.EEXIST] * 4)
    left = busy

    def rename(one: Path, other: Path) -> None:
        nonlocal left
        if left:
            left -= 1
            raise OSError(next(refused), "another worker was faster")
        real(one, other)

    monkeypatch.setattr(os, "rename", rename)
    final = tmp_path / "final"
    if published:
        publish_folder(prepared(tmp_path, "1"), final, tmp_path / "trash")
        assert (final / "file").read_text() == "1"
    else:
        with pytest.raises(ItemError, match="other workers keep replacing it") as caught:
            publish_folder(prepared(tmp_path, "1"), final, tmp_path / "trash")
        assert caught.value.retryable
    monkeypatch.setattr(os, "rename", _refused(errno.EXDEV))
    with pytest.raises(OSError, match=re.escape(os.strerror(errno.EXDEV))):
        publish_folder(prepared(tmp_path, "1"), tmp_path / "other", tmp_path / "trash")


def test_single_files_are_published_beside_others(tmp_path: Path) -> None:
    (tmp_path / "shelf").mkdir()
    (tmp_path / "shelf" / "file").write_text("old")
    (tmp_path / "shelf" / "kept").write_text("kept")
    publish_files([prepared(tmp_path, "new") / "file"], tmp_path / "shelf")
    assert {path.name: path.read_text() for path in (tmp_path / "shelf").iterdir()} == {"file": "new", "kept": "kept"}
    publish_files([prepared(tmp_path, "new") / "file"], tmp_path / "not" / "there" / "yet")
    assert (tmp_path / "not" / "there" / "yet" / "file").read_text() == "new"


def test_a_mirror_remembers_what_it_knows_nothing_about_and_forgets_what_went(host: Callable[[str], Root]) -> None:
    """What a stage declared that this process does not load is neither fetched again nor taken for gone."""
    one, other = host("one"), host("other")
    for root in (one, other):
        root.declare([STAGE])
    write(one, "shelf/index.json", "1")
    write(one, "ledger/crawl/x.jsonl", "1")
    write(one, "ledger/crawl/y.jsonl", "2")
    one.push()
    other.pull()
    assert set(other._load_known()) == {"shelf/index.json", "ledger/crawl/x.jsonl", "ledger/crawl/y.jsonl"}
    (one.path / "ledger/crawl/x.jsonl").unlink()
    one.push()
    unknowing = host("other")
    unknowing.pull()
    assert set(unknowing._load_known()) == {"shelf/index.json", "ledger/crawl/y.jsonl"}
    (one.path / "shelf/index.json").unlink()
    one.push()
    other.pull()
    assert set(other._load_known()) == {"ledger/crawl/y.jsonl"}
    assert not (other.path / "shelf/index.json").exists()
