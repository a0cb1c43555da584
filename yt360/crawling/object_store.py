"""Media files in an object store or any other file system that fsspec knows (``s3://bucket/prefix`` …)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import fsspec

from yt360.crawling.failures import CrawlError, classify
from yt360.crawling.media_kind import extension, media_kind_of, split_format
from yt360.crawling.pairing import Group, pair
from yt360.crawling.targets import CrawlTarget
from yt360.crawling.text import clean_text, public_url
from yt360.errors import UsageError

_STORES = frozenset(
    "s3 s3a gs gcs az abfs abfss adl oci oss hf hdfs webhdfs sftp ssh smb ftp memory local".split()  # noqa: SIM905
)
"""File systems that hold files of their own; fsspec's others cache, chain or read archives."""

_MARKS = ("ETag", "etag", "md5Hash", "generation", "LastModified", "mtime", "last_modified")
"""What file systems tell of a file's version; the first that one tells counts."""

_COPY_BLOCK = 4 << 20


def is_store(scheme: str) -> bool:
    """Whether fsspec has a store of this name."""
    return scheme in _STORES and scheme in fsspec.available_protocols()


def scan_store(url: str) -> Iterator[CrawlTarget]:
    """The videos below a prefix, or the one file at ``url``. Credentials are those that its file system finds itself.

    Raises :class:`UsageError` when it cannot be listed or holds no media file.
    """
    shown = public_url(url)
    try:
        system, prefix = fsspec.core.url_to_fs(url)
        found: dict[str, dict[str, Any]] = system.find(prefix, detail=True)
    except ImportError as error:
        raise UsageError(f"{shown}: this kind of store needs a package: {clean_text(error, 200)}") from error
    except Exception as error:  # each file system raises its own kinds
        raise UsageError(
            f"{shown}: expected files that can be listed, found: {type(error).__name__}: {clean_text(error, 200)}"
        ) from error
    base = prefix.rstrip("/")
    files = {path.removeprefix(base).lstrip("/"): (path, about) for path, about in found.items()}
    if list(files) == [""]:  # the address of one file
        path, about = files[""]
        name = path.rpartition("/")[2]
        files, group = {name: (path, about)}, _single(name, shown)
        yield _target(system, group, files)
        return
    visible = [name for name in sorted(files) if not any(part.startswith(".") for part in name.split("/"))]
    for group in pair(visible, shown):
        yield _target(system, group, files)


def take(url: str, target: Path) -> None:
    """Copy one file of a store; raises :class:`CrawlError`, and leaves nothing that is not whole."""
    shown = public_url(url)
    try:
        system, path = fsspec.core.url_to_fs(url)
        size = system.size(path)
        with system.open(path, "rb") as reading, target.open("wb") as writing:
            shutil.copyfileobj(reading, writing, _COPY_BLOCK)
    except FileNotFoundError as error:
        raise CrawlError("not-found", f"{shown}: expected a media file, found nothing; was it moved?") from error
    except PermissionError as error:
        raise CrawlError("unreadable", f"{shown}: not readable with the credentials at hand") from error
    except Exception as error:
        failure = classify(error, shown)
        raise failure if failure.kind != "unexpected" else CrawlError("network", str(failure)) from error
    copied = target.stat().st_size
    if copied == 0 or (size is not None and copied != size):
        target.unlink()
        kind = "empty-file" if size == 0 else "incomplete"
        raise CrawlError(kind, f"{shown}: expected {size or 'some'} bytes, found {copied}")


def _single(name: str, shown: str) -> Group:
    role = media_kind_of(name)
    if role is None:
        raise UsageError(f"{shown}: expected a media file or a prefix with some, found {extension(name)!r}")
    return Group(split_format(name[: -len(extension(name)) - 1])[0], **{role: name})


def _target(system: Any, group: Group, files: Mapping[str, tuple[str, dict[str, Any]]]) -> CrawlTarget:
    identity: dict[str, object] = {"source": "store"}
    where: dict[str, str] = {}
    for role, name in group.files().items():
        path, about = files[name]
        mark = next((about[key] for key in _MARKS if about.get(key) is not None), "")
        identity[role] = [about.get("size"), clean_text(mark, 100)]
        where[f"{role}_stored"] = system.unstrip_protocol(path)
    return CrawlTarget(group.name, identity, where, said=next(iter(where.values())))
