"""The folder of a dataset (its root): where things lie, and writes that are whole or not there.

Everything that appears at its final name was complete and flushed before it got that name.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import socket
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from yt360.errors import DiskFullError, ItemError, RootBusyError, UsageError

_OUT_OF_ROOM = {errno.ENOSPC, errno.EDQUOT}


class Root:
    """Paths below a dataset's root."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).expanduser().absolute()
        self.ledger = self.path / "ledger"
        self.data = self.path / "data"
        self.manifests = self.path / "manifests"
        self.shards = self.path / "shards"
        self.report = self.path / "report"
        self.state = self.path / "state"
        self.tmp = self.path / "tmp"
        self.recipe = self.path / "recipe.json"

    def create(self) -> None:
        """Make the folder. A path that is a file or cannot be written is wrong use."""
        try:
            for folder in (self.ledger, self.data, self.state, self.tmp):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            if error.errno in _OUT_OF_ROOM:
                raise DiskFullError(
                    f"{self.path}: no room left on the device; free some space and run again"
                ) from error
            raise UsageError(f"{self.path}: expected a folder that can be written, found: {error.strerror}") from error

    def require(self) -> None:
        """Refuse a root in which nothing has ever run."""
        if not self.ledger.is_dir():
            raise UsageError(
                f"{self.path}: expected the root of a dataset (a folder with a ledger), found none; "
                "give the --root of an earlier run, or start one with `yt360 run RECIPE --root DIR`"
            )

    def item_folder(self, stage: str, item_id: str, flat_folder: str | None = None) -> Path:
        """Where the outputs of an item lie."""
        return self.path / flat_folder if flat_folder else self.data / stage / item_id

    def local(self, uri: str) -> Path:
        """The local path of a :class:`~yt360.engine.contract.Blob`'s location; never outside the root."""
        path = (self.path / uri).resolve()
        if not path.is_relative_to(self.path.resolve()):
            raise UsageError(f"{uri!r} leads out of {self.path}; the ledger was changed by something else")
        return path

    def uri(self, path: Path) -> str:
        return path.relative_to(self.path).as_posix()

    def clear_tmp(self) -> None:
        """Remove what an interrupted run left half done. Only while the lock is held."""
        for left in self.tmp.iterdir() if self.tmp.is_dir() else ():
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """One local run at a time. The lock dies with its process, so a kill leaves nothing to clean."""
        descriptor = os.open(self.state / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                owner = os.pread(descriptor, 200, 0).decode("utf-8", "replace").strip() or "another process"
                raise RootBusyError(
                    f"{self.path}: {owner} is working on this root; wait for it, or stop it first"
                ) from error
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
            yield
        finally:
            os.close(descriptor)

    def free_bytes(self) -> int:
        return shutil.disk_usage(self.path).free

    def require_free(self, floor_bytes: int) -> None:
        """Refuse to go on when less than ``floor_bytes`` are free on the root's file system."""
        free = self.free_bytes()
        if free < floor_bytes:
            raise DiskFullError(
                f"{self.path}: {free / 1e9:.2f} GB free, the floor is {floor_bytes / 1e9:.2f} GB; "
                "free some space (or lower --min-free-gb) and run again: finished work is kept"
            )


def raise_if_disk_full(error: BaseException, path: Path) -> None:
    """Turn "no room" in any disguise (errno, or a tool's last words) into :class:`DiskFullError`."""
    full = isinstance(error, OSError) and error.errno in _OUT_OF_ROOM
    if isinstance(error, ItemError):
        full = error.kind == "disk-full" or "No space left on device" in str(error)
    if full:
        raise DiskFullError(
            f"{path}: no room left on the device; free some space and run again: finished work is kept"
        ) from error


def fsync_path(path: Path) -> None:
    """Flush a file or a folder's entries to the device."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def atomic_write(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a neighbour of ``path``, flush it and give it the name in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        write(partial)
        fsync_path(partial)
        os.replace(partial, path)
        fsync_path(path.parent)
    except OSError as error:
        raise_if_disk_full(error, path)
        raise
    finally:
        partial.unlink(missing_ok=True)


def atomic_write_text(path: Path, text: str) -> None:
    atomic_write(path, lambda partial: partial.write_text(text, encoding="utf-8"))


def publish_folder(prepared: Path, final: Path, trash: Path) -> None:
    """Put a prepared folder at its final name in one step; what was there goes to ``trash`` first.

    Readers see the old folder, nothing, or the new one, never a mixture. Both must lie on one file
    system. If another worker published the same item meanwhile, its folder is replaced: names and
    bytes are deterministic, so it is the same.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    for _ in range(8):
        if final.exists():
            trash.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                os.rename(final, trash / uuid.uuid4().hex)
        try:
            os.rename(prepared, final)
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                continue
            raise
        fsync_path(final.parent)
        return
    raise ItemError("busy-output", f"{final}: other workers keep replacing it; run again", retryable=True)


def publish_files(prepared: Sequence[Path], folder: Path) -> None:
    """Put single files into a folder, each in one step."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in prepared:
        os.replace(path, folder / path.name)
    fsync_path(folder)
