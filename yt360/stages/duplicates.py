"""Duplicates: of videos that hold the same recording the best copy is kept.

Consumes the fingerprints of all videos and what ``validate`` measured; looks across items when it plans, so a new
video is compared with all that are there. Videos that share a part are one group (``split`` keeps a group on
one side); a copy most of which a better one holds is dropped. The comparison is remembered as long as the
fingerprints stay the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from yt360.engine.stage import (
    Context,
    DatasetView,
    Done,
    Filtered,
    Item,
    Outcome,
    Record,
    Resources,
    Stage,
)
from yt360.files import atomic_write_text
from yt360.filters.duplicates.matching import clusters, matches
from yt360.filters.duplicates.settings import MatchSettings
from yt360.hashing import canonical_json, digest_bytes
from yt360.settings import Settings
from yt360.stages.fingerprint import read_print

_STATE = "duplicates.json"


class DuplicatesParams(MatchSettings):
    """When two videos hold the same recording, and when one of them is dropped."""

    covered: float = Field(
        default=0.6,
        gt=0,
        le=1,
        description="A video is dropped when a better copy holds at least this share of it. Raising it drops fewer.",
    )


class Duplicates(Stage):
    name = "duplicates"
    item_kind = "video"
    params_type = DuplicatesParams
    needs = Resources(memory_mb=4096)
    inputs: ClassVar[Mapping[str, str]] = {"print": "fingerprint.print"}
    after = ("fingerprint",)

    def __init__(self, params: Settings | None = None, thresholds: Settings | None = None) -> None:
        super().__init__(params, thresholds)
        self._compared: dict[str, list[dict[str, Any]]] = {}

    def plan(self, dataset: DatasetView) -> Iterator[Item]:
        items = list(super().plan(dataset))
        found = self._matches(dataset, items)
        names = [item.id for item in items]
        place = {name: index for index, name in enumerate(names)}
        groups = clusters(len(names), [(place[match["one"]], place[match["other"]]) for match in found])
        dropped = _dropped(found, {name: _worth(dataset, name) for name in names}, self.params.covered)
        for item, group in zip(items, groups, strict=True):
            meta: dict[str, Any] = {"group": names[group]}
            if item.id in dropped:
                meta["copy_of"] = dropped[item.id]
            yield replace(item, inputs={}, meta=meta)

    def remember(self, dataset: DatasetView, items: Sequence[Item]) -> None:
        digest, found = next(iter(self._compared.items()), ("", []))
        path = dataset.state_dir / _STATE
        if digest and _remembered(path).get("digest") != digest:
            atomic_write_text(path, json.dumps({"digest": digest, "matches": found}, sort_keys=True) + "\n")

    def process(self, item: Item, context: Context) -> Outcome:
        copy = item.meta.get("copy_of")
        measures = {"group": item.meta["group"]} | ({"copy_of": copy} if copy else {})
        if copy is None:
            return Done(measures=measures)
        picture = "" if copy["picture"] is None else f", pictures alike by {copy['picture']:.2f}"
        return Filtered(
            "duplicate",
            f"{copy['covered']:.0%} of it is in {copy['video']}, {copy['offset_s']:+.1f} s later there "
            f"({copy['votes']} landmarks of the sound{picture}); {copy['video']} is kept",
            measures,
        )

    def _matches(self, dataset: DatasetView, items: Sequence[Item]) -> list[dict[str, Any]]:
        """Matches by name, from what is remembered as long as the fingerprints are the same."""
        limits: MatchSettings = self.params
        told = {
            "limits": limits.keyed(exclude={"covered"}),
            "prints": [[item.id, item.inputs["print"].digest] for item in items],
        }
        digest = digest_bytes(canonical_json(told).encode())
        if digest not in self._compared:
            held = _remembered(dataset.state_dir / _STATE)
            if held.get("digest") == digest:
                self._compared = {digest: list(held["matches"])}
            else:
                prints = [read_print(dataset.root.local(item.inputs["print"].uri)) for item in items]
                named = [
                    asdict(match) | {"one": items[match.one].id, "other": items[match.other].id}
                    for match in matches(prints, limits)
                ]
                self._compared = {digest: named}
        return self._compared[digest]


def _worth(dataset: DatasetView, name: str) -> tuple[Any, ...]:
    """Sorts copies from the best to the worst: the sharpest picture, the longest, the earliest, then by name."""
    measures: Mapping[str, Any] = {}
    if "validate" in dataset.stages:
        record: Record | None = dataset.records("validate").get(name)
        measures = record.measures if record is not None else {}
    pixels = int(measures.get("width") or 0) * int(measures.get("height") or 0)
    told = (
        dataset.records("crawl")[name].measures
        if "crawl" in dataset.stages and name in dataset.records("crawl")
        else {}
    )
    return (-pixels, -round(float(measures.get("duration_s") or 0), 1), str(told.get("upload_date") or "9"), name)


def _dropped(
    found: Sequence[Mapping[str, Any]], worth: Mapping[str, tuple[Any, ...]], covered: float
) -> dict[str, dict[str, Any]]:
    """Videos that a better one, itself kept, covers: name -> what holds it."""
    neighbours: dict[str, list[tuple[str, float, Mapping[str, Any], float]]] = {}
    for match in found:
        one, other = match["one"], match["other"]
        neighbours.setdefault(one, []).append((other, match["covered_one"], match, match["offset_s"]))
        neighbours.setdefault(other, []).append((one, match["covered_other"], match, -match["offset_s"]))
    gone: dict[str, dict[str, Any]] = {}
    for name in sorted(neighbours, key=lambda name: worth[name]):
        for other, share, match, offset_s in sorted(neighbours[name], key=lambda each: worth[each[0]]):
            if share >= covered and other not in gone and worth[other] < worth[name]:
                facts = {key: match[key] for key in ("votes", "picture")}
                gone[name] = {"video": other, "covered": share, "offset_s": offset_s, **facts}
                break
    return gone


def _remembered(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # nothing is lost: the fingerprints are compared anew
    return value if isinstance(value, dict) and isinstance(value.get("matches"), list) else {}
