"""How much of a published list is still there: videos, ambisonics, segments, by side of the split.

What is known of a video is its newest answer: the record of its crawl, or of a probe. A segment can
be recovered when its video is reachable, offers ambisonics, and is long enough.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from yt360.crawling.failures import KINDS
from yt360.crawling.kept_ids import KeptIds
from yt360.crawling.meanings import meanings
from yt360.crawling.tables import ListedVideo
from yt360.errors import UsageError
from yt360.files import parse_json
from yt360.hashing import safe_id

State = Literal["whole", "no-ambisonics", "unreachable", "gone", "unknown"]

_GONE = frozenset(("removed", "private", "not-found"))
_UNREACHABLE = frozenset(("age-gated", "geo-blocked", "members-only", "paid", "drm", "live"))
_WITHOUT = frozenset(("no-360-format", "no-ambisonic-format", "sabr-only"))
_SLACK_S = 0.5
"""A site's duration is rounded; the last segment may end this much after it."""


@dataclass(frozen=True)
class Known:
    """What is known of one video. ``whole``: reachable, spherical, with ambisonics."""

    state: State
    kind: str = ""
    duration_s: float | None = None


def known_from(kind: str, duration_s: float | None) -> Known:
    """From the failure kind of a crawl or probe (empty: it went well)."""
    if not kind:
        return Known("whole", "", duration_s)
    if kind in _GONE:
        return Known("gone", kind)
    if kind in _UNREACHABLE:
        return Known("unreachable", kind)
    return Known("no-ambisonics" if kind in _WITHOUT else "unknown", kind)


def gather(records: Mapping[str, Any], probes: Mapping[str, Mapping[str, Any]]) -> dict[str, Known]:
    """What is known of each item: ``records`` are the crawl's latest (:class:`~yt360.engine.state.ledger.Record`)."""
    known: dict[str, tuple[str, Known]] = {}
    for name, row in probes.items():
        known[name] = (str(row.get("probed", "")), known_from(row["kind"], row.get("duration_s")))
    for name, record in records.items():
        if record.status == "done" or (record.status == "failed" and record.kind in KINDS):
            found = known_from(record.kind, record.measures.get("told_duration_s"))
            if name not in known or known[name][0] <= record.started or known[name][1].state == "unknown":
                known[name] = (record.started, found)
    return {name: found for name, (_, found) in known.items()}


def joined(rows: Iterable[ListedVideo], known: Mapping[str, Known], kept: KeptIds) -> list[ListedVideo]:
    """Rows of a table by the ids that their videos have in a root: spellings and addresses of one video are one row.

    ``kept`` are the ids of addresses in roots of earlier versions (:mod:`yt360.crawling.kept_ids`).
    """
    found: dict[str, ListedVideo] = {}
    for row in rows:
        names = list(meanings(row.video, kept))
        name = next((name for name in names if name in known), names[0] if names else row.video)
        first = found.setdefault(name, ListedVideo(name, row.split))
        first.split = first.split or row.split
        first.segments += [segment for segment in row.segments if segment not in first.segments]
    return list(found.values())


def attrition(listed: Sequence[ListedVideo], known: Mapping[str, Known]) -> dict[str, Any]:
    """The report: one block of numbers for each side of the split and for all, and the state of every video."""
    states = {row.video: known.get(safe_id(row.video), Known("unknown", "not-asked")) for row in listed}
    sides = sorted({row.split or "all" for row in listed})
    report: dict[str, Any] = {
        side: _block([row for row in listed if (row.split or "all") == side], states) for side in sides
    }
    report["total"] = _block(listed, states)
    report["videos"] = {video: state.kind or state.state for video, state in sorted(states.items())}
    return report


def compare(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """What changed between two reports: videos by how they were and how they are."""
    changes: dict[str, list[str]] = {}
    for video, state in now["videos"].items():
        before = earlier["videos"].get(video)
        if before is not None and before != state:
            changes.setdefault(f"{before} -> {state}", []).append(video)
    return {change: sorted(videos) for change, videos in sorted(changes.items())}


def read_report(path: Path) -> dict[str, Any]:
    """A report that was written before. Raises :class:`UsageError` for what is none."""
    try:
        value = parse_json(path.read_text(encoding="utf-8"))
        states = {str(video): str(state) for video, state in value["videos"].items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{path}: expected a report of `yt360 crawl attrition` (JSON), found something else "
            f"({type(error).__name__}); give another one, or delete it"
        ) from error
    return {**value, "videos": states}


def _block(rows: Iterable[ListedVideo], states: Mapping[str, Known]) -> dict[str, Any]:
    rows = list(rows)
    counts: Counter[str] = Counter(states[row.video].state for row in rows)
    kinds: Counter[str] = Counter(states[row.video].kind for row in rows if states[row.video].kind)
    segments = sum(len(row.segments) for row in rows)
    recoverable = sum(_recoverable(row, states[row.video]) for row in rows)
    asked = len(rows) - counts["unknown"]
    return {
        "videos": len(rows),
        "asked": asked,
        "live": asked - counts["gone"],
        "reachable": counts["whole"] + counts["no-ambisonics"],
        "with_ambisonics": counts["whole"],
        "kinds": dict(sorted(kinds.items())),
        "segments": segments,
        "segments_recoverable": recoverable,
        "segments_of_unknown_videos": sum(len(row.segments) for row in rows if states[row.video].state == "unknown"),
    }


def _recoverable(row: ListedVideo, state: Known) -> int:
    if state.state != "whole":
        return 0
    return sum(state.duration_s is None or end <= state.duration_s + _SLACK_S for _, end in row.segments)
