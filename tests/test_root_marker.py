"""A folder is a root when it is new, empty or marked; anything else is somebody's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from yt360.cli import main
from yt360.engine.object_store import ObjectStore
from yt360.engine.storage import Root
from yt360.errors import UsageError
from yt360.root_marker import MARKER, is_root


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("name", ["tmp/notes.txt", "shards/imagenet-000001.tar", "thesis.tex", ".git/config"])
def test_a_folder_with_other_files_is_refused_and_left_as_it_was(tmp_path: Path, name: str) -> None:
    """F1: `tmp/` and `shards/` of the folder were emptied, exit code 0."""
    theirs = tmp_path / "theirs" / name
    theirs.parent.mkdir(parents=True)
    theirs.write_text("mine")
    before = _files(tmp_path)
    with pytest.raises(UsageError, match="expected a new or empty folder, or the root of a dataset"):
        Root(tmp_path / "theirs").create()
    assert _files(tmp_path) == before


@pytest.mark.parametrize("text", ["", " "])
def test_an_empty_root_is_an_unset_variable(text: str) -> None:
    with pytest.raises(UsageError, match="--root is empty"):
        Root(text)


@pytest.mark.parametrize("kind", ["new", "empty", "mounted"])
def test_a_new_or_empty_folder_becomes_a_root_with_an_id_that_stays(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "root"
    if kind != "new":
        folder.mkdir()
    if kind == "mounted":
        (folder / "lost+found").mkdir()
    Root(folder).create()
    assert is_root(folder)
    marked = json.loads((folder / MARKER).read_text())
    assert len(marked["id"]) == 32
    Root(folder).create()
    assert json.loads((folder / MARKER).read_text()) == marked


RECIPE = '{"name": "demo", "stages": {"crawl": {}}}'


@pytest.mark.parametrize(
    ("beside", "text"),
    [("recipe.json", RECIPE), ("state/lock", "process 12 on host\n"), ("state/lock", "")],
    ids=["recipe", "lock", "lock of a kill"],
)
def test_a_root_of_an_earlier_version_gets_its_mark(tmp_path: Path, beside: str, text: str) -> None:
    (tmp_path / "ledger").mkdir()
    (tmp_path / beside).parent.mkdir(exist_ok=True)
    (tmp_path / beside).write_text(text)
    (tmp_path / "notes.txt").write_text("mine")
    Root(tmp_path).create()
    assert (tmp_path / MARKER).is_file()


def test_a_foreign_file_under_the_name_of_the_mark_is_no_mark(tmp_path: Path) -> None:
    (tmp_path / MARKER).write_bytes(b"\xff\x00")
    with pytest.raises(UsageError, match="expected the mark of a dataset's root"):
        Root(tmp_path).create()


def test_only_marked_leftovers_are_cleared(tmp_path: Path) -> None:
    root = Root(tmp_path / "root")
    root.create()
    for name in ("notes.txt", "work~draft", "run~00000000.999999999~0"):
        (root.tmp / name).write_text("x")
    (root.manifests / ".x").parent.mkdir()
    root.clear_tmp()
    assert sorted(path.name for path in root.tmp.iterdir()) == ["notes.txt", "run~00000000.999999999~0", "work~draft"]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return ObjectStore(f"memory://bucket/{tmp_path.name}")


def test_a_new_prefix_of_a_store_becomes_a_root_with_an_id_that_stays(store: ObjectStore) -> None:
    Root(store.url).create()
    mark = store.read(MARKER)
    assert json.loads(mark)["format"] == "yt360-root"
    store.write(b"{}", "recipe.json")
    Root(store.url).create()
    assert store.read(MARKER) == mark


def test_a_prefix_with_other_objects_is_refused_and_left_as_it_was(store: ObjectStore) -> None:
    store.write(b"mine", "notes.txt")
    with pytest.raises(UsageError, match=r"notes\.txt"):
        Root(store.url).create()
    assert store.top() == ["notes.txt"]


def test_a_root_in_a_store_of_an_earlier_version_gets_its_mark(store: ObjectStore) -> None:
    store.write(RECIPE.encode(), "recipe.json")
    store.write(b"x", "something.else")
    Root(store.url).create()
    assert MARKER in store.top()


def test_a_recipe_of_something_else_makes_no_root(tmp_path: Path, store: ObjectStore) -> None:
    """A kind of F1: a book-keeper's ledger beside a cook's recipe was taken for a root of an earlier version."""
    for name, text in {
        "ledger/2026.ods": "mine",
        "recipe.json": '{"soup": ["leek"]}',
        "state/lock": "of a boat",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    before = _files(tmp_path)
    with pytest.raises(UsageError, match="found a folder with other files"):
        Root(tmp_path).create()
    assert _files(tmp_path) == before
    store.write(b'{"soup": ["leek"]}', "recipe.json")
    with pytest.raises(UsageError, match="found other objects below it"):
        Root(store.url).create()
    assert store.top() == ["recipe.json"]


@pytest.mark.parametrize("command", [("verify",), ("status",), ("report",), ("remove", "x", "--yes"), ("shard",)])
def test_a_folder_with_a_ledger_of_somebodys_own_is_left_as_it_was(
    tmp_path: Path, command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """A kind of F1: `verify` put a lock beside it, and from then on the folder was taken for a root."""
    for name in ("ledger/2026.ods", "ledger/crawl/x.jsonl", "tmp/thesis.tex", "shards/mine.tar"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(SystemExit) as ended:
        main.main([*command, "--root", str(tmp_path)])
    assert ended.value.code == 2
    assert sorted(tmp_path.rglob("*")) == before
    assert str(tmp_path) in capsys.readouterr().err


@pytest.mark.parametrize("name", ["a\0b", "x" * 300, "x/" * 3000])
def test_what_no_folder_can_be_called_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="expected a folder"):
        Root(f"/nowhere/{name}")


def test_a_refused_root_is_told_what_is_there(tmp_path: Path) -> None:
    """It spoke of a folder with a ledger, also to who had one with a ledger in it."""
    somebody_s, started = tmp_path / "theirs", tmp_path / "started"
    (somebody_s / "ledger").mkdir(parents=True)
    Root(started).create()
    (started / "ledger").rmdir()
    (tmp_path / "file").write_text("")
    for name, found in {
        "none": "no such folder",
        "file": "a file",
        "theirs": f"a folder without {MARKER}",
        "started": "a root in which nothing has run yet",
    }.items():
        with pytest.raises(UsageError, match=rf"expected the root of a dataset \(a folder with .*, found {found}"):
            Root(tmp_path / name).require()
