"""A store as every one is: objects below a prefix, and errors that name them without secrets."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from yt360.engine import object_store
from yt360.engine.object_store import ObjectStore, check_url, is_remote, redact
from yt360.errors import ItemError, UsageError


@pytest.fixture
def store() -> ObjectStore:
    return ObjectStore(f"memory://bucket/{uuid.uuid4().hex}/")


@pytest.mark.parametrize(("location", "remote"), [("s3://b/p", True), ("file:///data", False), ("data", False)])
def test_a_url_is_remote_unless_it_is_of_a_folder(location: str, remote: bool) -> None:
    assert is_remote(location) is remote


@pytest.mark.parametrize(
    "url",
    ["s3://me@bucket/p", "s3://bucket/p?token=1", "s3://bucket/p#x", "s3:///p", "s3://bucket/a/../b",
     "zip::s3://bucket/p", "unheardof://bucket/p"],
)  # fmt: skip
def test_urls_with_secrets_or_of_no_store_are_refused_without_repeating_them(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_url(url)
    assert "me@" not in str(caught.value)
    assert "token" not in str(caught.value)
    assert check_url("s3://bucket/p/") == "s3://bucket/p"


def test_objects_are_put_got_listed_and_taken_away(store: ObjectStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    store.put(tmp_path / "file", "ledger/a")
    store.write(b"123", "ledger/deep/b")
    store.write(b"1", "top")
    assert store.read("ledger/a") == b"12345"
    assert (store.size("ledger/a"), store.size("ledger/deep/b"), store.size("nothing")) == (5, 3, None)
    assert set(store.stamps("ledger/")) == {"ledger/a", "ledger/deep/b"}
    assert set(store.stamps("")) == {"ledger/a", "ledger/deep/b", "top"}
    assert store.stamps("nothing/") == {}
    assert store.top() == ["ledger", "top"]
    assert store.stamps("ledger/")["ledger/a"] == store.stamp("ledger/a")
    store.get("ledger/a", tmp_path / "new" / "copy")
    assert (tmp_path / "new" / "copy").read_bytes() == b"12345"
    with pytest.raises(FileNotFoundError):
        store.get("nothing", tmp_path / "new" / "other")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["copy"], "nothing half fetched stays"
    store.delete(["ledger/a", "nothing", "top"])
    assert set(store.stamps("")) == {"ledger/deep/b"}
    assert store.stamp("top") is None
    assert ObjectStore(f"memory://bucket/{uuid.uuid4().hex}").top() == []


def test_what_exists_is_not_created_again(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    assert store.create(b"1", "lease")
    assert not store.create(b"2", "lease")
    assert store.read("lease") == b"1"

    def refuse(words: str) -> None:
        def pipe_file(*_: Any, **__: Any) -> None:
            raise OSError(words)

        monkeypatch.setattr(store._files, "pipe_file", pipe_file)

    for words in ("PreconditionFailed", "ConditionalRequestConflict"):
        refuse(words)
        assert not store.create(b"3", "other")
    refuse("something else")
    with pytest.raises(OSError, match="something else"):
        store.create(b"3", "other")


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "a/../../x"])
def test_a_name_never_leads_out_of_the_prefix(store: ObjectStore, name: str) -> None:
    with pytest.raises(UsageError, match="leads out of"):
        store.read(name)


def test_what_did_not_arrive_as_a_whole_is_said_and_tried_again(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(ObjectStore, "size", lambda self, name: 4)
    (tmp_path / "file").write_bytes(b"12345")
    with pytest.raises(ItemError, match="put 5 bytes, found 4") as caught:
        store.write(b"12345", "a")
    assert caught.value.retryable
    with pytest.raises(ItemError, match="put 5 bytes, found 4"):
        store.put(tmp_path / "file", "a")
    store.write(b"1234", "a")


class NoCredentialsError(Exception):
    """As a store's library calls it."""


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (FileNotFoundError("The specified bucket does not exist"), UsageError, "expected a bucket that exists"),
        (FileNotFoundError("a"), FileNotFoundError, "a"),
        (PermissionError("Forbidden token=abc"), UsageError, r"/x: the store refuses: Forbidden token=\[hidden\]"),
        (NoCredentialsError("no"), UsageError, "no credentials found"),
        (RuntimeError("odd, password: abc"), OSError, r"/x: RuntimeError: odd, password: \[hidden\]"),
        (OSError("broken pipe"), OSError, "broken pipe"),
    ],
)
def test_errors_of_a_store_are_those_of_every_store_without_secrets(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch, error: Exception, kind: type[Exception], words: str
) -> None:
    def cat_file(path: str) -> bytes:
        raise error

    monkeypatch.setattr(store._files, "cat_file", cat_file)
    with pytest.raises(kind, match=words):
        store.read("x")


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("s3://me:secret@bucket", "s3://[user]@bucket"),
        ("X-Amz-Signature=abc&x=1", "X-Amz-Signature=[hidden]&x=1"),
        ("Authorization: Bearer abc", "Authorization: [hidden]"),
        ("key AKIAABCDEFGHIJKLMNOP!", "key [key]!"),
        ("key AKIAABCDEFGHIJKLMNO!", "key AKIAABCDEFGHIJKLMNO!"),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str, clean: str) -> None:
    assert redact(text) == clean


def test_a_stamp_is_the_tag_or_the_size_and_the_time() -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    assert object_store._stamp({"ETag": '"abc"', "size": 3}) == "abc"
    assert object_store._stamp({"etag": "abc"}) == "abc"
    assert object_store._stamp({"size": 3, "mtime": 5.5}) == "3 5.5"
    assert object_store._stamp({"size": 3, "created": moment}) == f"3 {moment.timestamp()}"
    assert object_store._stamp({"size": 3, "LastModified": moment}) == f"3 {moment.timestamp()}"
