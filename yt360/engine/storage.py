"""The folder of a dataset (its root): where things lie, and writes that are whole or not there.

Everything that appears at its final name was complete and flushed before it got that name.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import logging
import os
import shutil
import socket
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Protocol

from yt360 import process_tag
from yt360.engine import one_device
from yt360.engine.lease import FilePlace, StorePlace, hold
from yt360.engine.object_store import ObjectStore, is_remote
from yt360.errors import DiskFullError, ItemError, RootBusyError, UsageError
from yt360.files import OUT_OF_ROOM, PARTIAL, atomic_write_text, fsync_path, parse_json, require_no_folder
from yt360.hashing import digest_file, safe_id
from yt360.root_marker import MARKER, TAKEDOWNS, claim, claim_store, is_root

log = logging.getLogger(__name__)

_NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}
_LEFT_BEHIND_S = 86400.0
"""Age at which an unfinished work folder of another host is taken for left behind."""


_MIRRORED = ("ledger/", "state/", "manifests/", "report/", "logs/")
"""What a run reads and writes as files, whatever the root is: small, and mirrored when the root is a store."""

_SINGLE = ("recipe.json",)
"""Single files that are mirrored as well; stages declare more (:meth:`Root.declare`)."""

SNAPSHOTS = "snapshot"
"""Entry of ``state``: what can be worked out of the rest."""

_HOST_LOCAL = frozenset({"lock", "lease", SNAPSHOTS})
"""Entries of ``state`` that stay on the machine that made them: locks, copies; stages declare more."""


_LONGEST_NAME, _LONGEST_PATH = 255, 4000
"""Bytes of a name and of a path that Linux takes."""


def _require_possible(path: Path) -> None:
    """Refuse what no folder can be called."""
    text = os.fsencode(path)
    if b"\0" in text:
        raise UsageError(f"--root {str(path)[:100]}: expected a folder, found a name with a zero byte")
    if len(text) > _LONGEST_PATH or max(map(len, text.split(b"/"))) > _LONGEST_NAME:
        raise UsageError(f"--root {str(path)[:100]}…: expected a folder, found a name that is too long")


class Files(Protocol):
    """What a stage says of files that only it knows (see :class:`yt360.engine.stage.Stage`)."""

    host_local: ClassVar[frozenset[str]]
    mirrored: ClassVar[tuple[str, ...]]


class Root:
    """Paths below a dataset's root: a folder, or a store (``s3://bucket/prefix``) with a local mirror.

    Of a store, the mirror holds the small things (ledger, state, manifests): :meth:`pull` brings it up to
    date and :meth:`push` writes back what changed. Outputs go straight to the store and are fetched one by
    one; they are never listed.
    """

    def __init__(self, location: str | os.PathLike[str]) -> None:
        text = os.fspath(location)
        if not text.removeprefix("file://").strip():
            raise UsageError("--root is empty: expected a folder or a store (is a variable unset?)")
        self.store: ObjectStore | None = None
        if is_remote(text):
            self.store = ObjectStore(text)
            self.url = self.store.url
            self.path = _mirror_folder(self.url)
        else:
            try:
                self.path = Path(text.removeprefix("file://")).expanduser().absolute()
            except RuntimeError as error:  # ~nobody
                raise UsageError(f"{text}: expected a folder, found {error}") from error
            _require_possible(self.path)
            self.url = str(self.path)
        self.ledger = self.path / "ledger"
        self.data = self.path / "data"
        self.manifests = self.path / "manifests"
        self.report = self.path / "report"
        self.state = self.path / "state"
        self.logs = self.path / "logs"
        self.tmp = self.path / "tmp"
        self.recipe = self.path / "recipe.json"
        self.is_declared = False
        self._host_local = _HOST_LOCAL
        self._single = list(_SINGLE)

    def declare(self, stages: Iterable[Files]) -> None:
        """Take in what stages say of files that only they know. Before anything is written back to a store."""
        self.is_declared = True
        for stage in stages:
            self._host_local |= stage.host_local
            self._single += [name for name in stage.mirrored if name not in self._single]

    def create(self) -> None:
        """Make the folder. A path that is a file, somebody's own folder or cannot be written is wrong use."""
        try:
            if self.store is not None:
                claim_store(self.store)
            else:
                self.path.mkdir(parents=True, exist_ok=True)
                claim(self.path)
                self.require_one_device()
            for folder in (self.ledger, self.data, self.state, self.tmp):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            if error.errno in OUT_OF_ROOM:
                raise DiskFullError(
                    f"{self.path}: no room left on the device; free some space and run again"
                ) from error
            raise UsageError(f"{self.path}: expected a folder that can be written, found: {error.strerror}") from error
        if _read_only(self.tmp):
            raise UsageError(f"{self.path}: expected a folder that can be written, found: Read-only file system")
        if not os.access(self.tmp, os.W_OK):
            raise UsageError(f"{self.path}: expected a folder that can be written, found: Permission denied")

    def require(self) -> None:
        """Refuse what no run has made its root, and a folder of somebody's own that has a ledger, too."""
        self.pull()
        if found := self._lacks():
            wanted = "a store with a recipe.json" if self.store else f"a folder with {MARKER} and ledger/"
            raise UsageError(
                f"{self.url}: expected the root of a dataset ({wanted}, as a run makes them), found {found}; "
                "give the --root of an earlier run, or start one with `yt360 run RECIPE --root DIR`"
            )

    def require_one_device(self) -> None:
        """Refuse own folders that are links or mounted: outputs are moved into place in one step, and never out of it.

        Raises :class:`UsageError`.
        """
        if self.store is None and self.path.is_dir():
            one_device.require(self.path)

    def _lacks(self) -> str:
        """What is here instead of a root, in words; empty where this is one."""
        if self.store is not None:
            return "" if self.recipe.is_file() else "none there"
        if not self.path.is_dir():
            return "a file" if self.path.exists() else "no such folder"
        if not is_root(self.path):
            return f"a folder without {MARKER}"
        return "" if self.ledger.is_dir() else "a root in which nothing has run yet: no ledger/"

    def item_folder(self, stage: str, item_id: str, flat_folder: str | None = None) -> Path:
        """Where the outputs of an item lie (in the mirror of a store: where they would lie)."""
        return self.path / flat_folder if flat_folder else self.data / stage / item_id

    def local(self, uri: str) -> Path:
        """A local file with the content of a :class:`~yt360.engine.stage.Blob`; never outside the root.

        From a store it is fetched, once, into the mirror. Whether there is such a file is for the caller to see.
        """
        path = self._inside(uri)
        if self.store is not None:
            with contextlib.suppress(FileNotFoundError):
                if not path.is_file() or path.stat().st_size != self.store.size(uri):
                    self.store.get(uri, path)
        return path

    def fetch(self, uri: str, folder: Path) -> Path:
        """Like :meth:`local`, but what comes from a store goes into ``folder``, which the caller removes."""
        path = self._inside(uri)
        if self.store is None:
            return path
        copy = folder / hashlib.blake2b(uri.encode(), digest_size=8).hexdigest() / path.name
        with contextlib.suppress(FileNotFoundError):
            self.store.get(uri, copy)
        return copy

    def _inside(self, uri: str) -> Path:
        path = (self.path / uri).resolve()
        if not path.is_relative_to(self.path.resolve()):
            raise UsageError(f"{uri!r} leads out of {self.url}; the ledger was changed by something else")
        return path

    def uri(self, path: Path) -> str:
        return path.relative_to(self.path).as_posix()

    def holds(self, folder: Path) -> bool:
        """Whether anything lies in a folder of outputs."""
        if folder.is_dir():
            return True
        return self.store is not None and bool(self.store.stamps(self.uri(folder) + "/"))

    def remove(self, path: Path) -> None:
        """Take a file or folder of outputs away, from a store too."""
        self._inside(self.uri(path.parent))
        if self.store is not None:
            name = self.uri(path)
            self.store.delete([name, *self.store.stamps(name + "/")])
        if path.is_symlink():
            log.warning("%s is a link: what it leads to is not this root's, and stays (%s)", path, os.readlink(path))
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        except PermissionError as error:
            raise UsageError(
                f"{path}: expected something that can be deleted, found: {error.strerror}; become who may delete it "
                "and give the command again"
            ) from error

    def pull(self) -> None:
        """Bring the mirror of a store up to date; nothing for a folder."""
        if self.store is None:
            return
        self.path.mkdir(parents=True, exist_ok=True)
        found = {name: stamp for name in self._single if (stamp := self.store.stamp(name)) is not None}
        for prefix in _MIRRORED:
            found |= {name: stamp for name, stamp in self.store.stamps(prefix).items() if self._is_mirrored(name)}
        known = self._load_known()
        for name, stamp in found.items():
            path = self._inside(name)
            if known.get(name, ("", ""))[0] != stamp or not path.is_file():
                try:
                    self.store.get(name, path)
                except FileNotFoundError:  # replaced by a compaction meanwhile; its records are in the new file
                    continue
                known[name] = (stamp, digest_file(path))
                if path == self.state / TAKEDOWNS:  # by another machine: copies here may be of what went
                    shutil.rmtree(self.data, ignore_errors=True)
        for name in self._files():
            if name not in found and name in known:
                (self.path / name).unlink(missing_ok=True)
        self._save_known({name: value for name, value in known.items() if name in found or not self._is_ours(name)})

    def push(self) -> None:
        """Write back to the store what changed in the mirror, and take away what went; nothing for a folder."""
        if self.store is None or not self.path.is_dir():
            return
        known = self._load_known()
        present = self._files()
        for name in present:
            path = self.path / name
            try:
                digest = digest_file(path)
                if known.get(name, ("", ""))[1] == digest:
                    continue
                self.store.put(path, name)
            except FileNotFoundError:
                continue
            known[name] = (self.store.stamp(name) or "", digest)
        for name in sorted(name for name in set(known) - set(present) if self._is_ours(name)):
            # Only what was seen: a segment that grew since holds records that the mirror does not have.
            if self.store.stamp(name) == known[name][0]:
                self.store.delete([name])
            known.pop(name)
        self._save_known(known)

    def _is_mirrored(self, name: str) -> bool:
        parts = name.split("/")
        if parts[0] == "state" and (len(parts) < 2 or parts[1] in self._host_local):
            return False
        return not parts[-1].startswith(".") and ".." not in parts

    def _is_ours(self, name: str) -> bool:
        """Whether a file is mirrored as far as stages were declared; about others nothing is known here."""
        return name in self._single or name.startswith(_MIRRORED)

    def _files(self) -> list[str]:
        """Files of the mirror that belong in the store; single files come last, for they tell of the others."""
        found = []
        for prefix in _MIRRORED:
            for path in sorted((self.path / prefix).rglob("*")):
                if path.is_file() and self._is_mirrored(self.uri(path)):
                    found.append(self.uri(path))
        return [*found, *(name for name in self._single if (self.path / name).is_file())]

    def _load_known(self) -> dict[str, tuple[str, str]]:
        path = self.path / "mirror.json"
        try:
            return {name: (value[0], value[1]) for name, value in parse_json(path.read_text(encoding="utf-8")).items()}
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            return {}  # all is fetched again

    def _save_known(self, known: dict[str, tuple[str, str]]) -> None:
        atomic_write_text(self.path / "mirror.json", json.dumps(known))

    def clear_tmp(self) -> None:
        """Remove what interrupted attempts left half done: of processes that are gone, or a day old."""
        for left in self.tmp.iterdir() if self.tmp.is_dir() else ():
            if process_tag.is_marked(left.name) and _is_left_behind(left):  # without a mark it is not ours
                if left.is_dir() and not left.is_symlink():
                    shutil.rmtree(left, ignore_errors=True)
                else:
                    left.unlink(missing_ok=True)
        for left in self.partials():
            if _is_left_behind(left):
                left.unlink(missing_ok=True)

    def partials(self) -> list[Path]:
        """Files that a write which was cut short left beside those it was to replace."""
        places = [self.path.glob(".*.partial"), self.path.glob("*/.*.partial")]
        places += [(self.path / prefix).rglob(".*.partial") for prefix in _MIRRORED]
        return sorted({path for place in places for path in place if PARTIAL.fullmatch(path.name) and path.is_file()})

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """One run at a time. A lock where the file system has them (it dies with its process), else a lease."""
        try:
            self.state.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.state / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EROFS, errno.EPERM):
                raise
            raise UsageError(
                f"{self.url}: expected a root that can be written, found: {error.strerror}; copy it to where you may "
                "write (`status`, `explain` and `report --out` only read)"
            ) from error
        lease: contextlib.AbstractContextManager[None] = contextlib.nullcontext()
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno in _NO_LOCKS:
                    lease = hold(FilePlace(self.state / "lease"), self.url)
                else:
                    owner_words = os.pread(descriptor, 200, 0).decode("utf-8", "replace").strip() or "another process"
                    raise RootBusyError(
                        f"{self.url}: {owner_words} is working on this root; wait for it, or stop it first"
                    ) from error
            if self.store is not None:
                lease = hold(StorePlace(self.store, "state/lease"), self.url)
            owner = f"process {os.getpid()} on {socket.gethostname()}\n".encode()
            try:  # over what stands there: a block that the file has needs no room
                os.ftruncate(descriptor, os.pwrite(descriptor, owner, 0))
            except OSError as error:  # only words: a takedown on a full disk must get past them
                if error.errno not in OUT_OF_ROOM:
                    raise
                os.ftruncate(descriptor, 0)
            with lease:
                yield
        finally:
            os.close(descriptor)

    def is_read_only(self) -> bool:
        """Whether this process may not write here (another user's root, a read-only mount)."""
        return (
            self.store is None
            and self.path.is_dir()
            and (
                not os.access(self.path, os.W_OK)
                or (self.state.is_dir() and not os.access(self.state, os.W_OK))
                or _read_only(self.path)
            )
        )

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


def _is_left_behind(path: Path) -> bool:
    """Whether the process that wrote this is gone; of another host's, or an unmarked one: whether it is a day old."""
    try:
        old = time.time() - path.stat().st_mtime > _LEFT_BEHIND_S
    except FileNotFoundError:
        return False
    if process_tag.is_from_here(path.name):
        return process_tag.is_gone(path.name)
    return old


def _read_only(folder: Path) -> bool:
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def _mirror_folder(url: str) -> Path:
    """Where the mirror of a store lies on this machine: below ``$XDG_CACHE_HOME`` (``~/.cache``)."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "yt360" / "roots" / f"{safe_id(url)[:60]}-{hashlib.blake2b(url.encode(), digest_size=8).hexdigest()}"


def publish_folder(prepared: Path, final: Path, trash: Path) -> None:
    """Put a prepared folder at its final name in one step; what was there goes to ``trash`` first.

    Readers see the old folder, nothing, or the new one, never a mixture. Both must lie on one file
    system. If another worker published the same item meanwhile, its folder is replaced: names and
    bytes are deterministic, so it is the same.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    for _ in range(8):
        if os.path.lexists(final):  # a link that leads nowhere as well
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
        require_no_folder(folder / path.name)
        os.replace(path, folder / path.name)
    fsync_path(folder)
