"""A folder of media files, or single files, as videos. Files are listed, never opened."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from yt360.crawling.media_kind import extension, media_kind_of, split_format
from yt360.crawling.pairing import pair
from yt360.crawling.targets import CrawlTarget
from yt360.crawling.text import clean_text
from yt360.errors import UsageError
from yt360.root_marker import OWN_FOLDERS, is_root

log = logging.getLogger("yt360.crawl")

_MOST_NAMED = 8


def scan_folder(folder: Path) -> Iterator[CrawlTarget]:
    """The videos of a folder and the folders in it, in order of their names. Hidden files are not looked at.

    Raises :class:`UsageError` when it cannot be read or holds no media file.
    """
    names = (path.relative_to(folder).as_posix() for path in _files(folder))
    for group in pair(names, str(folder)):
        yield _target(group.name, {role: folder / name for role, name in group.files().items()})


def single_file(path: Path) -> CrawlTarget:
    """One media file as a video. Raises :class:`UsageError` when its extension is none of a media file."""
    role = media_kind_of(path.name)
    if role is None:
        raise UsageError(
            f"{path}: expected a media file, a folder, or a list of addresses in a .txt file, "
            f"found the extension {extension(path.name)!r}"
        )
    return _target(split_format(path.name[: -len(extension(path.name)) - 1])[0], {role: path})


def _files(folder: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise UsageError(
            f"{error.filename}: expected something that can be read, found: {error.strerror}; check its permissions"
        ) from error

    for here, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if is_root(Path(here)):
            # A dataset's own files are no videos of anybody; what else lies there may be.
            folders[:] = [name for name in folders if name not in OWN_FOLDERS]
            log.info("%s: the files of this dataset's root are left out of the source", here)
        linked = [name for name in folders if os.path.islink(os.path.join(here, name))]
        if linked:
            log.warning(
                "%s: linked folders are not looked into (%d): %s; name them in crawl.source", here, len(linked),
                clean_text(", ".join(linked[:_MOST_NAMED]), 300),
            )  # fmt: skip
        for name in sorted(names):
            path = Path(here, name)
            try:
                if name.startswith("."):
                    continue
                if path.is_file():
                    yield path
                elif media_kind_of(name) is not None:
                    what = "a link that leads nowhere" if path.is_symlink() else "no regular file"
                    log.warning("%s: left out: expected a media file, found %s", clean_text(path, 300), what)
            except OSError as error:
                refuse(error)


def _target(name: str, files: Mapping[str, Path]) -> CrawlTarget:
    """Sizes and modification times make a local file itself: one that was replaced is crawled again."""
    identity: dict[str, object] = {"source": "file"}
    for role, path in files.items():
        try:
            status = path.stat()
        except OSError as error:
            raise UsageError(f"{path}: expected a file that can be read, found: {error.strerror}") from error
        identity[role] = [status.st_size, status.st_mtime_ns]
    where = {f"{role}_file": str(path.absolute()) for role, path in files.items()}
    return CrawlTarget(name, identity, where, said=str(next(iter(files.values()))))
