"""What became of every clip of a published list: the same bytes, the same recording, another one, or gone.

The verdicts are counted by split, and the whole is signed off with a digest over itself, so that a paper can cite it
and a reader can see that it is what was cited.
"""

from __future__ import annotations

import functools
import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from yt360 import __version__
from yt360.crawling.attrition import known_from
from yt360.engine.state.dataset_state import DatasetState
from yt360.errors import ItemError, UsageError
from yt360.filters.duplicates.fingerprints import VideoFingerprint
from yt360.filters.duplicates.matching import compare
from yt360.filters.evaluation.precision_recall import wilson
from yt360.hashing import canonical_json
from yt360.rebuild.alignment import SAME_PLACE_S, limits_for
from yt360.rebuild.source_table import source_of
from yt360.release.reading import Published, PublishedClip
from yt360.stages.clip_cutting import clip_name

FORMAT = 1

VERDICTS = {
    "identical": "the files have the same bytes",
    "same-recording": "picture and sound are those of the published clip, encoded anew or from a trimmed video",
    "changed": "the video is there, and what it shows or sounds like is not the published clip",
    "gone": "the video, or this part of it, is not there any more",
    "removed": "the video was taken down on request, and stays away",
    "unreachable": "the video could not be asked for, fetched or read from here; it may be there",
    "unverified": "the clip was cut; the list has nothing to compare it with",
}
"""Every verdict, and what it means."""

REBUILT = ("identical", "same-recording", "unverified")
"""Verdicts of clips that are in the rebuilt dataset as what was published, as far as that can be told."""


@dataclass(frozen=True)
class Verdict:
    """``why``: a word behind the verdict (a kind of failure, ``re-encoded``, ``trimmed``); ``detail``: numbers."""

    verdict: str
    why: str = ""
    detail: str = ""
    rebuilt: str = ""
    start_s: float | None = None


PrintOf = Callable[[str], VideoFingerprint]
"""The fingerprint of a rebuilt clip by its id; raises :class:`ItemError` where its files do not decode."""


def judge(
    published: Published,
    catalog: DatasetState,
    starts_s: Mapping[str, float],
    removed: frozenset[str],
    clips: Mapping[str, Mapping[str, Any]],
    print_of: PrintOf,
) -> dict[str, Verdict]:
    """The verdict on every published clip. ``clips``: rows of the rebuilt manifest by clip; ``removed``: videos."""
    states = _Videos(catalog)
    found = {}
    for clip in published.clips:
        if clip.video in removed:
            found[clip.clip] = Verdict("removed")
        elif not source_of(clip):
            found[clip.clip] = Verdict("gone", "no-address", "the list says of no place where it could be crawled")
        else:
            start_s = starts_s[clip.clip]
            row = clips.get(clip_name(clip.video, max(0.0, start_s)))
            if row is not None:
                found[clip.clip] = _compared(clip, published.fingerprint(clip), row, start_s, print_of)
            else:
                found[clip.clip] = states.of(clip, start_s)
    return found


class _Videos:
    """Why a video has no such clip, by the stage that it ended at."""

    def __init__(self, catalog: DatasetState) -> None:
        self._catalog = catalog

    def of(self, clip: PublishedClip, start_s: float) -> Verdict:
        for stage in ("crawl", "validate", "fingerprint", "chunk", "split"):
            if stage not in self._catalog.stages:
                continue
            entry = self._catalog.entries(stage).get(clip.video)
            if entry is None or entry.state in ("waiting", "undecided") or entry.record is None:
                return Verdict("unreachable", "waiting", f"{stage} has not looked at it yet")
            record = entry.record
            if entry.state == "failed":
                return _failed(stage, record.kind, record.error)
            if entry.state == "filtered":
                verdict = "gone" if record.reason == "too-short" else "changed"
                return Verdict(verdict, record.reason, record.detail)
        trimmed = abs(start_s - clip.start_s) > SAME_PLACE_S
        place = f"from {start_s:g} s in today's video, " if trimmed else f"from {start_s:g} s, "
        return Verdict(
            "gone", "cut-off", f"{place}{clip.duration_s:g} s long: it does not lie within the video any more"
        )


def _failed(stage: str, kind: str, error: str) -> Verdict:
    state = known_from(kind, None).state if stage == "crawl" else "unknown"
    verdict = {"gone": "gone", "no-ambisonics": "changed"}.get(state, "unreachable")
    return Verdict(verdict, kind, error.splitlines()[0] if error else "")


def _compared(
    clip: PublishedClip,
    published: VideoFingerprint | None,
    row: Mapping[str, Any],
    start_s: float,
    print_of: PrintOf,
) -> Verdict:
    there = functools.partial(Verdict, rebuilt=str(row["clip"]), start_s=start_s)
    same = [row["video_digest"] == clip.video_digest, row["foa_digest"] == clip.foa_digest]
    if all(same):
        return there("identical")
    if published is None:
        return there("unverified", "no-fingerprint" if clip.foa_digest else "no-digest")
    try:
        today = print_of(str(row["clip"]))
    except ItemError as error:
        return there("unreachable", error.kind, str(error))
    match = compare(published, today, limits_for(clip.duration_s))
    if match is None:
        votes = f"{len(published.landmarks)} published audio hashes, {len(today.landmarks)} today"
        return there("changed", "other-content", f"sound and picture do not agree ({votes})")
    moved_s = start_s - clip.start_s + match.offset_s
    why = "trimmed" if abs(moved_s) > SAME_PLACE_S else "re-encoded"
    picture = "" if match.picture is None else f", pictures agree by {match.picture:.2f}"
    detail = f"{match.votes} equal audio hashes{picture}"
    if why == "trimmed":
        detail += f"; {abs(moved_s):.2f} s {'earlier' if moved_s < 0 else 'later'} in today's video"
    equal = [name for name, is_same in zip(("picture", "sound"), same, strict=True) if is_same]
    return there("same-recording", why, detail + (f"; {equal[0]} has the same bytes" if equal else ""))


def certificate(published: Published, verdicts: Mapping[str, Verdict], about: Mapping[str, Any]) -> dict[str, Any]:
    """The table as JSON values, with a digest over itself. ``about``: days of the crawl and what it was made with."""
    rows = [
        {
            "clip": clip.clip,
            "video": clip.video,
            "split": clip.split,
            **{name: value for name, value in vars(verdicts[clip.clip]).items() if value not in ("", None)},
        }
        for clip in published.clips
    ]
    splits = sorted({clip.split for clip in published.clips})
    made: dict[str, Any] = {
        "format": "yt360-rebuild",
        "format_version": FORMAT,
        "list": {"name": published.name, "version": published.version, "digest": published.digest},
        **about,
        "yt360": __version__,
        "splits": {split: _counts([row for row in rows if row["split"] == split]) for split in splits},
        "total": _counts(rows),
        "clips": rows,
    }
    return made | {"digest": _digest(made)}


def _counts(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Clips by verdict, with the shares of those that are rebuilt and of those of equal bytes (95 % Wilson)."""
    counts = Counter(str(row["verdict"]) for row in rows)
    rebuilt = sum(counts[verdict] for verdict in REBUILT)
    return {
        "videos": len({row["video"] for row in rows}),
        "videos_rebuilt": len({row["video"] for row in rows if row["verdict"] in REBUILT}),
        "clips": len(rows),
        **{verdict: counts[verdict] for verdict in VERDICTS},
        "why": dict(sorted(Counter(f"{row['verdict']}: {row['why']}" for row in rows if row.get("why")).items())),
        "rebuilt_share": _share(rebuilt, len(rows)),
        "identical_share": _share(counts["identical"], len(rows)),
    }


def _share(part: int, whole: int) -> dict[str, float]:
    low, high = wilson(part, whole)
    return {"share": round(part / whole, 6) if whole else 0.0, "low": round(low, 6), "high": round(high, 6)}


def _digest(value: Mapping[str, Any]) -> str:
    held = {name: inner for name, inner in value.items() if name != "digest"}
    return hashlib.sha256(canonical_json(held).encode()).hexdigest()


def require_signed(value: Any, where: str) -> dict[str, Any]:
    """A certificate that is as it was signed off. Raises :class:`UsageError` for anything else."""
    if not isinstance(value, dict) or value.get("format") != "yt360-rebuild":
        raise UsageError(f"{where}: expected the table of a rebuild, found something else")
    if value.get("digest") != (found := _digest(value)):
        raise UsageError(f"{where}: expected the digest {value.get('digest')}, found {found}: it was changed since")
    return dict(value)
