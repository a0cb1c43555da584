"""A root's own folders lie in it and on its file system: outputs are moved into place in one step."""

from __future__ import annotations

import os
import re
from pathlib import Path

from yt360.errors import UsageError
from yt360.root_marker import MOVED_BETWEEN


def require(root: Path) -> None:
    """Raise :class:`UsageError` where one of the folders that outputs are moved between is a link or mounted."""
    whole = root.resolve()
    found = {}
    for name in MOVED_BETWEEN:
        folder = root / name
        stages = sorted(folder.iterdir()) if name == "data" and folder.is_dir() and not folder.is_symlink() else []
        for place in (folder, *stages):
            if place.is_symlink():
                found[place] = "a link"
            elif place.is_dir() and place.stat().st_dev != whole.stat().st_dev:
                found[place] = "another file system"
        found |= {at: "one that is mounted there" for at in mount_points() if at.is_relative_to(whole / name)}
    for place, what in found.items():
        raise UsageError(
            f"{place}: expected a folder on the file system of the root, found {what}; put the whole root where "
            "there is room"
        )


def mount_points() -> list[Path]:
    """Where file systems, or folders of one, are mounted; empty where the system does not say it as Linux does."""
    try:
        lines = Path("/proc/self/mountinfo").read_bytes().splitlines()
    except OSError:
        return []
    places = (line.split(b" ")[4] for line in lines if line.count(b" ") > 4)
    return [Path(os.fsdecode(re.sub(rb"\\([0-7]{3})", lambda match: bytes([int(match[1], 8)]), at))) for at in places]
