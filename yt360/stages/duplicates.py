"""Duplicates: of videos that hold the same recording the best copy is kept.

Consumes the fingerprints of all videos and what ``validate`` measured; looks at all videos at once, so a new one is
compared with all that are there. Videos that share a part, or only the picture, are one group (``split`` keeps a group
on one side); a copy most of which a better one holds is dropped. Where only the picture or only the sound is the same,
both are kept and ``related`` names the other. The matches are remembered as long as the fingerprints stay the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, ClassVar

from pydantic import Field

from yt360.engine.stage import (
    DatasetView,
    Done,
    Failed,
    FanInContext,
    FanInStage,
    Filtered,
    Item,
    Outcome,
    Resources,
)
from yt360.errors import ItemError
from yt360.files import parse_json, require_checksum, with_checksum
from yt360.filters.duplicates.fingerprints import COPY, SAME_PICTURE, SAME_SOUND
from yt360.filters.duplicates.matching import clusters, matches
from yt360.filters.duplicates.settings import MatchSettings
from yt360.hashing import canonical_json, digest_bytes
from yt360.stages.fingerprint import read_print

_STATE = "duplicates.json"


class DuplicatesParams(MatchSettings):
    """When two videos hold the same recording, and when one of them is dropped."""

    aliases: ClassVar[Mapping[str, str]] = {**MatchSettings.aliases, "covered": "min_covered_share"}

    min_covered_share: float = Field(
        serialization_alias="covered",
        default=0.6,
        gt=0,
        le=1,
        description="A video is dropped when a better copy holds at least this share of it. Raising it drops fewer.",
    )


class Duplicates(FanInStage):
    name = "duplicates"
    item_kind = "video"
    version = 4
    params_type = DuplicatesParams
    # One job for all videos: ten thousand of them take a while.
    needs = Resources(memory_mb=4096, timeout_s=12 * 3600.0)
    inputs: ClassVar[Mapping[str, str]] = {"print": "fingerprint.print"}
    after = ("fingerprint",)

    def plan(self, dataset: DatasetView) -> Iterator[Item]:
        """Each video with its fingerprint and with what says which of two copies is the better one."""
        validated = dataset.records("validate") if "validate" in dataset.stages else {}
        crawled = dataset.records("crawl") if "crawl" in dataset.stages else {}
        for item in super().plan(dataset):
            measures = validated[item.id].measures if item.id in validated else {}
            told = crawled[item.id].measures if item.id in crawled else {}
            worth = {
                "pixels": int(measures.get("width") or 0) * int(measures.get("height") or 0),
                "duration_s": round(float(measures.get("duration_s") or 0), 1),
                "uploaded": str(told.get("upload_date") or "9"),
            }
            yield replace(item, meta=worth)

    def reduce(self, items: Sequence[Item], context: FanInContext) -> Mapping[str, Outcome]:
        broken, found = self._matches(items, context)
        names = [item.id for item in items]
        place = {name: index for index, name in enumerate(names)}
        joined = [match for match in found if match["kind"] in (COPY, SAME_PICTURE)]
        groups = clusters(len(names), [(place[match["one"]], place[match["other"]]) for match in joined])
        copies = [match for match in found if match["kind"] == COPY]
        dropped = _dropped(copies, {item.id: _worth(item) for item in items}, self.params.min_covered_share)
        related = _related(found)
        outcomes: dict[str, Outcome] = dict(broken)
        for name, group in zip(names, groups, strict=True):
            if name not in broken:
                outcomes[name] = _outcome(names[group], dropped.get(name), related.get(name, []))
        return outcomes

    def _matches(self, items: Sequence[Item], context: FanInContext) -> tuple[dict[str, Failed], list[dict[str, Any]]]:
        """Videos whose fingerprint cannot be read, and matches by name: the remembered ones if nothing changed."""
        limits: MatchSettings = self.params
        told = {
            "version": self.version,
            "limits": limits.keyed(exclude={"min_covered_share"}),
            "prints": [[item.id, item.inputs["print"].digest] for item in items],
        }
        digest = digest_bytes(canonical_json(told).encode())
        held = _remembered(context.recall(_STATE))
        if held.get("digest") == digest:
            return {}, list(held["matches"])
        broken: dict[str, Failed] = {}
        names, prints = [], []
        for item in items:
            try:
                prints.append(read_print(context.path(item.inputs["print"])))
                names.append(item.id)
            except ItemError as error:
                broken[item.id] = Failed.of(error)
        found = [
            asdict(match) | {"one": names[match.one], "other": names[match.other]} for match in matches(prints, limits)
        ]
        if not broken:
            held = with_checksum({"digest": digest, "matches": found})
            context.remember(_STATE, json.dumps(held, sort_keys=True) + "\n")
        return broken, found

    def summary(self, measures: Mapping[str, Any]) -> str:
        named = [f"{each['video']} has {each['shares']}" for each in measures.get("related", [])]
        more = f"; so have {len(named) - _MOST_TOLD} more" if len(named) > _MOST_TOLD else ""
        return "; ".join(named[:_MOST_TOLD]) + more


_MOST_TOLD = 3
"""Related videos that are named in words."""

_MOST_RELATED = 20
"""Videos that a record names as related."""


def _outcome(group: str, copy: Mapping[str, Any] | None, related: Sequence[Mapping[str, Any]]) -> Outcome:
    measures: dict[str, Any] = {"group": group}
    if related:
        measures["related"] = [dict(each) for each in related[:_MOST_RELATED]]
    if copy is None:
        return Done(measures=measures)
    how = []
    if abs(copy["offset_s"]) >= _AT_ONCE_S:
        how.append(f"{abs(copy['offset_s']):.1f} s {'later' if copy['offset_s'] > 0 else 'earlier'}")
    if copy["speed"] != 1.0:
        how.append(f"{copy['speed']:.3g} times as long")
    if copy["mirrored"]:
        how.append("with left and right exchanged")
    where = f" ({', '.join(how)})" if how else ""
    return Filtered(
        "duplicate",
        f"{copy['covered']:.0%} of it is also in {copy['video']}{where}; {copy['video']} is kept",
        measures | {"copy_of": dict(copy)},
    )


_AT_ONCE_S = 0.05
"""Offsets below this are none."""

_SHARED = {SAME_SOUND: "the same sound under another picture", SAME_PICTURE: "the same picture under other sound"}


def _related(found: Sequence[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Videos that share only the picture or only the sound with another: name -> who that is and what is shared."""
    named: dict[str, list[dict[str, Any]]] = {}
    for match in found:
        if match["kind"] in _SHARED:
            for name, other in ((match["one"], match["other"]), (match["other"], match["one"])):
                named.setdefault(name, []).append({"video": other, "shares": _SHARED[match["kind"]]})
    return {name: sorted(each, key=lambda one: str(one["video"])) for name, each in named.items()}


def _worth(item: Item) -> tuple[Any, ...]:
    """Sorts copies from the best to the worst: the sharpest picture, the longest, the earliest, then by name."""
    return (-item.meta["pixels"], -item.meta["duration_s"], item.meta["uploaded"], item.id)


def _dropped(
    found: Sequence[Mapping[str, Any]], worth: Mapping[str, tuple[Any, ...]], covered: float
) -> dict[str, dict[str, Any]]:
    """Videos that a better one, itself kept, covers: name -> what holds it."""
    neighbours: dict[str, list[tuple[str, float, Mapping[str, Any], dict[str, float]]]] = {}
    for match in found:
        one, other = match["one"], match["other"]
        speed = match["speed"]
        there = {"offset_s": match["offset_s"], "speed": speed}
        back = {"offset_s": round(0.0 - match["offset_s"] / speed, 3), "speed": round(1 / speed, 4)}
        neighbours.setdefault(one, []).append((other, match["covered_one"], match, there))
        neighbours.setdefault(other, []).append((one, match["covered_other"], match, back))
    gone: dict[str, dict[str, Any]] = {}
    for name in sorted(neighbours, key=lambda name: worth[name]):
        for other, share, match, line in sorted(neighbours[name], key=lambda each: worth[each[0]]):
            if share >= covered and other not in gone and worth[other] < worth[name]:
                facts = {key: match[key] for key in ("votes", "picture", "mirrored")}
                gone[name] = {"video": other, "covered": share, **line, **facts}
                break
    return gone


def _remembered(text: str | None) -> dict[str, Any]:
    try:
        value = parse_json(text or "null")
        if isinstance(value, dict):
            require_checksum(value)
    except ValueError:
        return {}  # nothing is lost: the fingerprints are compared anew
    return value if isinstance(value, dict) and isinstance(value.get("matches"), list) else {}
