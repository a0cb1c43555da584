"""What a dataset's root made is no source of it: its clips would be cut into clips again, run after run."""

from __future__ import annotations

import functools
import os
from pathlib import Path

from yt360.crawling.targets import CrawlTarget
from yt360.errors import UsageError
from yt360.root_marker import OWN_FOLDERS


class OwnFiles:
    """Knows which files a root holds of its own."""

    def __init__(self, root: Path) -> None:
        self._own = [os.path.join(os.path.realpath(root), name) + os.sep for name in sorted(OWN_FOLDERS)]
        self._is_own = functools.lru_cache(4096)(self._lies_in_own)

    def refuse(self, target: CrawlTarget) -> None:
        """Raise :class:`UsageError` for a video whose files the root itself made."""
        for role in ("video_file", "sound_file"):
            path = target.where.get(role)
            if path and self._is_own(os.path.dirname(path)):
                raise UsageError(
                    f"{path}: expected a file of a source, found one that this root made itself; "
                    "take its folder out of crawl.source"
                )

    def _lies_in_own(self, folder: str) -> bool:
        return (os.path.realpath(folder) + os.sep).startswith(tuple(self._own))
