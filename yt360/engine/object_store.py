"""Objects below a prefix of a store that fsspec knows (``s3://bucket/prefix``, ``gs://…``).

Only what every object store can do is used: put a whole object, get it, ask for one, list a prefix, delete.
Nothing is renamed or appended to. Where the store knows conditional writes, ``create`` uses them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

from yt360.errors import ItemError, UsageError
from yt360.redaction import hide

_EXTRA = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs"}
"""Scheme -> the extra of yt360 that brings its file system."""

_TIMEOUTS = {"s3": {"config_kwargs": {"connect_timeout": 20, "read_timeout": 120, "retries": {"max_attempts": 5}}}}
"""A store that stops answering is an error, not a run that hangs."""


def is_remote(location: str) -> bool:
    """Whether a root is a URL of a store (``file://`` is a folder)."""
    return "://" in location and not location.startswith("file://")


def check_url(url: str) -> str:
    """The URL without a trailing slash. Refuses, without repeating them, secrets in it."""
    parts = urlsplit(url)
    where = f"{parts.scheme}://…{parts.path}"
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise UsageError(
            f"{where}: expected SCHEME://BUCKET/PREFIX, found a user, password or query in the URL; "
            "give credentials by the environment or the store's own configuration (they would end in logs)"
        )
    if "::" in url or not parts.netloc or ".." in parts.path.split("/"):
        raise UsageError(f"{where}: expected SCHEME://BUCKET/PREFIX of an object store")
    import fsspec  # here: a fifth of a second that a root in a folder does not need

    if parts.scheme not in fsspec.available_protocols():
        raise UsageError(
            f"{where}: no store of the kind {parts.scheme!r} is known; known are s3, gs and what fsspec knows"
        )
    return url.rstrip("/")


class ObjectStore:
    """Objects below one prefix; names are POSIX paths relative to it."""

    def __init__(self, url: str) -> None:
        import fsspec
        from fsspec.implementations.local import LocalFileSystem

        self.url = check_url(url)
        scheme = self.url.split("://", 1)[0]
        try:
            self._files, self._prefix = fsspec.core.url_to_fs(
                self.url, use_listings_cache=False, **_TIMEOUTS.get(scheme, {})
            )
        except ImportError as error:
            extra = _EXTRA.get(scheme)
            hint = f"pip install 'yt360[{extra}]'" if extra else str(error)
            raise UsageError(f"{self.url}: the library for {scheme}:// is not installed; {hint}") from error
        if isinstance(self._files, LocalFileSystem):
            raise UsageError(f"{self.url}: expected an object store, found a local file system; give its folder")

    def _path(self, name: str) -> str:
        if name.startswith("/") or ".." in name.split("/"):
            raise UsageError(f"{name!r} leads out of {self.url}; the ledger was changed by something else")
        return f"{self._prefix}/{name}" if name else self._prefix

    def get(self, name: str, path: Path) -> None:
        """Fetch an object into a local file, which is whole or not there. Raises :class:`FileNotFoundError`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.partial")
        try:
            with self._said(name):
                self._files.get_file(self._path(name), str(partial))
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)

    def read(self, name: str) -> bytes:
        with self._said(name):
            data: bytes = self._files.cat_file(self._path(name))
            return data

    def put(self, path: Path, name: str) -> None:
        """Store a file's content under a name, replacing what is there, and see that all of it arrived."""
        with self._said(name):
            self._files.put_file(str(path), self._path(name))
            self._arrived(name, path.stat().st_size)

    def write(self, data: bytes, name: str) -> None:
        with self._said(name):
            self._files.pipe_file(self._path(name), data)
            self._arrived(name, len(data))

    def create(self, data: bytes, name: str) -> bool:
        """Store an object that does not exist yet; ``False`` when it does (decided by the store where it can)."""
        try:
            with self._said(name):
                self._files.pipe_file(self._path(name), data, mode="create")
        except FileExistsError:
            return False
        except OSError as error:
            if "PreconditionFailed" in repr(error) or "ConditionalRequestConflict" in repr(error):
                return False
            raise
        return True

    def stamp(self, name: str) -> str | None:
        """What changes when an object does (its entity tag, or size and time); ``None`` when there is none."""
        self._files.invalidate_cache()
        try:
            with self._said(name):
                return _stamp(self._files.info(self._path(name)))
        except FileNotFoundError:
            return None

    def size(self, name: str) -> int | None:
        self._files.invalidate_cache()
        try:
            with self._said(name):
                return int(self._files.info(self._path(name))["size"])
        except FileNotFoundError:
            return None

    def stamps(self, prefix: str) -> dict[str, str]:
        """Name -> stamp of every object below a prefix (meant for the ledger and the state: few objects)."""
        self._files.invalidate_cache()
        try:
            with self._said(prefix):
                found = self._files.find(self._path(prefix), detail=True, withdirs=False)
        except FileNotFoundError:
            return {}
        start = len(self._prefix.rstrip("/")) + 1
        return {name[start:]: _stamp(info) for name, info in found.items() if info.get("type") != "directory"}

    def top(self) -> list[str]:
        """Names directly below the prefix."""
        self._files.invalidate_cache()
        try:
            with self._said(""):
                names = [str(path).rstrip("/") for path in self._files.ls(self._prefix, detail=False)]
        except FileNotFoundError:
            return []
        return sorted({name.rpartition("/")[2] for name in names if name != self._prefix.rstrip("/")})

    def delete(self, names: Iterable[str]) -> None:
        """Take objects away; those that are gone already are no error."""
        for name in names:
            try:
                with self._said(name):
                    self._files.rm_file(self._path(name))
            except FileNotFoundError:
                continue

    def _arrived(self, name: str, size: int) -> None:
        found = self.size(name)
        if found != size:
            raise ItemError(
                "store-lost-it", f"{self.url}/{name}: put {size} bytes, found {found}; run again", retryable=True
            )

    @contextmanager
    def _said(self, name: str) -> Iterator[None]:
        """Errors of the store by the object's name, without secrets, the same for every kind of store."""
        try:
            yield
        except FileNotFoundError as error:
            if re.search("NoSuchBucket|bucket does not exist", f"{error} {error.__cause__}"):
                raise UsageError(f"{self.url}: expected a bucket that exists, found none; make it first") from error
            raise
        except FileExistsError:
            raise
        except PermissionError as error:
            _refuse(f"{self.url}/{name}: the store refuses: {redact(str(error))}; check the credentials", error)
        except OSError:
            raise
        except (ItemError, UsageError):
            raise
        except Exception as error:
            if type(error).__name__ in ("NoCredentialsError", "PartialCredentialsError"):
                _refuse(f"{self.url}: no credentials found; give them by the environment", error)
            raise OSError(f"{self.url}/{name}: {type(error).__name__}: {redact(str(error))}") from None


def _refuse(message: str, cause: Exception) -> NoReturn:
    raise UsageError(message) from cause


_SECRET = re.compile(
    r"(?i)((?:x-amz-(?:signature|credential|security-token)|sig|signature|token|password|secret\w*|aws_\w*key\w*|"
    r"access_?key\w*|authorization)\s*[=:]\s*)(?:bearer\s+|basic\s+)?[^\s&,;'\"]+"
)
_URL_USER = re.compile(r"(?i)\b([a-z][a-z0-9+.-]{1,20}://)[^\s/@]+@")
_AWS_KEY = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")


def redact(text: str) -> str:
    """Text without what looks like a secret: users of URLs, signatures, tokens, access keys."""
    return _AWS_KEY.sub("[key]", _URL_USER.sub(r"\1[user]@", _SECRET.sub(r"\1[hidden]", hide(text))))


def _stamp(info: dict[str, Any]) -> str:
    tag = info.get("ETag") or info.get("etag")
    if tag:
        return str(tag).strip('"')
    changed = info.get("mtime") or info.get("created") or info.get("LastModified")
    if isinstance(changed, datetime):  # of one object; a listing may say the same moment in seconds
        changed = changed.timestamp()
    return f"{info.get('size')} {changed}"
