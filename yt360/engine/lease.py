"""One run at a time where no lock dies with its holder: an object store, or NFS without locks.

The holder keeps rewriting a small object. Who wants it and finds it unchanged for a while, by its own
monotonic clock, takes it over: no two clocks are ever compared. A holder that dies on this host is seen to
be gone at once. The lease only keeps runs from doing the same work twice: should two hold it after all
(a holder that slept), both write the same bytes.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from yt360 import process_tag
from yt360.engine.object_store import ObjectStore
from yt360.errors import RootBusyError

_RENEW_S = 5.0
_SILENT_S = 30.0
"""Unchanged for this long: the holder is taken for dead. Six renewals, so one slow write is no death."""


class Place(Protocol):
    """Where a lease lies."""

    def create(self, data: bytes) -> bool: ...

    def read(self) -> bytes | None: ...

    def replace(self, data: bytes) -> None: ...

    def delete(self) -> None: ...


class StorePlace:
    def __init__(self, store: ObjectStore, name: str) -> None:
        self._store, self._name = store, name

    def create(self, data: bytes) -> bool:
        return self._store.create(data, self._name)

    def read(self) -> bytes | None:
        try:
            return self._store.read(self._name)
        except FileNotFoundError:
            return None

    def replace(self, data: bytes) -> None:
        self._store.write(data, self._name)

    def delete(self) -> None:
        self._store.delete([self._name])


class FilePlace:
    """A file; created by a hard link, which is one step on NFS too."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def _written(self, data: bytes) -> Path:
        draft = self._path.with_name(f".{self._path.name}.{uuid.uuid4().hex[:8]}")
        draft.write_bytes(data)
        return draft

    def create(self, data: bytes) -> bool:
        draft = self._written(data)
        try:
            os.link(draft, self._path)
        except FileExistsError:
            return False
        finally:
            draft.unlink()
        return True

    def read(self) -> bytes | None:
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return None

    def replace(self, data: bytes) -> None:
        os.replace(self._written(data), self._path)

    def delete(self) -> None:
        self._path.unlink(missing_ok=True)


@contextlib.contextmanager
def hold(place: Place, what: str, *, renew_s: float = _RENEW_S, silent_s: float = _SILENT_S) -> Iterator[None]:
    """Hold the lease of ``what``. Raises :class:`RootBusyError` while somebody alive holds it."""
    name = f"process {os.getpid()} on {socket.gethostname()} {process_tag.mark()} {uuid.uuid4().hex}"
    beat = 0

    def content() -> bytes:
        return f"{name} {beat}\n".encode()

    deadline = time.monotonic() + silent_s
    seen: bytes | None = None
    while not place.create(content()):
        found = place.read()
        if found is None:
            continue
        if process_tag.is_gone(found.decode("utf-8", "replace")):
            place.delete()
            continue
        if seen is not None and found != seen:
            holder = found.decode("utf-8", "replace").split(" ~")[0][:200]
            raise RootBusyError(f"{what}: {holder} is working on this root; wait for it, or stop it first")
        if seen is not None and time.monotonic() > deadline:
            place.delete()
            seen = None
            continue
        seen = found
        time.sleep(min(0.5, renew_s / 2))
    ended = threading.Event()

    def renew() -> None:
        nonlocal beat
        while not ended.wait(renew_s):
            beat += 1
            with contextlib.suppress(Exception):  # the next beat may succeed; silence is what others judge by
                found = place.read()
                if found is not None and name.encode() in found:
                    place.replace(content())

    thread = threading.Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        with contextlib.suppress(OSError):
            found = place.read()
            if found is not None and name.encode() in found:
                place.delete()
