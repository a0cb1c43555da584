"""What changed from one release to another: clips that came, went, moved to another side or have other bytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from yt360.redaction import HIDDEN, hide, is_secret_name
from yt360.release.reading import Published

CHANGES = ("added", "removed", "moved", "changed", "same")
"""What can have become of a clip; ``moved``: to another split; ``changed``: other bytes of picture or sound."""


def diff(old: Published, new: Published) -> dict[str, Any]:
    """JSON values: counts by split, the clips behind them, why clips went, new takedowns, parameters that changed.

    A clip that moved and changed is counted as moved.
    """
    before, after = ({clip.clip: clip for clip in release.clips} for release in (old, new))
    clips: dict[str, list[str]] = {change: [] for change in CHANGES}
    splits: dict[str, Counter[str]] = {}
    for name in sorted(before.keys() | after.keys()):
        one, other = before.get(name), after.get(name)
        if one is None or other is None:
            change = "added" if one is None else "removed"
        elif one.split != other.split:
            change = "moved"
        else:
            bytes_of = [(clip.video_digest, clip.foa_digest) for clip in (one, other)]
            change = "same" if bytes_of[0] == bytes_of[1] else "changed"
        clips[change].append(name)
        side = (other or one).split  # type: ignore[union-attr]  # one of the two is there
        splits.setdefault(side, Counter())[change] += 1
    why = Counter(_why(before[name].video, new) for name in clips["removed"])
    known = {(stone.id, stone.video) for stone in old.takedowns}
    return {
        "old": {"name": old.name, "version": old.version, "digest": old.digest},
        "new": {"name": new.name, "version": new.version, "digest": new.digest},
        "splits": {side: {change: count[change] for change in CHANGES} for side, count in sorted(splits.items())},
        "clips": {change: names for change, names in clips.items() if change != "same"},
        "removed_why": dict(sorted(why.items())),
        "takedowns": sorted(stone.id for stone in new.takedowns if (stone.id, stone.video) not in known),
        "parameters": _parameters(old.stages, new.stages),
    }


def _why(video: str, new: Published) -> str:
    """Why a video's clips are not in the newer release, as far as that says it."""
    if any(video in (stone.id, stone.video) for stone in new.takedowns):
        return "taken down"
    row = new.videos.get(video)
    if row is None:
        return "the video is not in it"
    if row.get("left_out"):
        return str(row["left_out"])
    if row.get("status") == "kept":
        return "cut in another way"
    return f"{row.get('stage')}: {row.get('reason')}" if row.get("reason") else f"{row.get('status')}"


def _parameters(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, list[Any]]:
    """``stage.name`` -> value before and now, of all that is not equal; ``None`` where there is none.

    Releases of others may hold what ours never do: what looks like a secret is not repeated.
    """
    one, other = (dict(_flat(stages)) for stages in (old, new))
    return {
        hide(name): [_shown(name, one.get(name)), _shown(name, other.get(name))]
        for name in sorted(one.keys() | other.keys())
        if one.get(name) != other.get(name)
    }


def _flat(value: Mapping[str, Any], above: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, inner in value.items():
        found += _flat(inner, f"{above}{name}.") if isinstance(inner, Mapping) else [(f"{above}{name}", inner)]
    return found


def _shown(name: str, value: Any) -> Any:
    if value is not None and is_secret_name(name.rpartition(".")[2]):
        return HIDDEN
    if isinstance(value, Mapping):
        return {hide(str(key)): _shown(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_shown("", inner) for inner in value]
    return hide(value) if isinstance(value, str) else value
