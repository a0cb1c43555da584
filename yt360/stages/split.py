"""Split: every video goes to train or test, for good, and what belongs together stays together.

Consumes videos that were cut into clips; produces one word each. Given sides come first: those of lists, then those
that a table of sources said. Other videos go with what they share a recording with (``duplicates``), then with
their channel. Whole groups are drawn by the digest of their name until test has its share. A side is remembered: it
never changes when others arrive or go.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from yt360.crawling.listing import read_notes, remember_notes
from yt360.engine.stage import Context, DatasetView, Done, Filtered, Item, Outcome, Stage, StageParams
from yt360.errors import UsageError
from yt360.files import atomic_write_text
from yt360.filters.duplicates.matching import clusters

_STATE = "split-sides.json"
_NAME = re.compile(r"[a-z0-9_]{1,20}")
_NO_SIDE = "none"
"""What the published list says of videos that are on neither side."""


class SplitParams(StageParams):
    """How videos are divided between train and test."""

    test_share: float = Field(
        default=1000 / 5506, ge=0, le=1, description="Share of the videos in test (1000 of 5506 in the paper)."
    )
    salt: str = Field(default="yt360", description="Seed of the draw: another text draws another split.")
    train_list: Path | None = Field(default=None, description="Text file with the ids of train videos, one a line.")
    test_list: Path | None = Field(default=None, description="Text file with the ids of test videos, one a line.")
    unlisted: Literal["digest", "train", "test", "drop"] = Field(
        default="digest",
        description="What happens to a video in neither list when a list is given: drawn (digest), put on a side, or "
        "dropped.",
    )
    by_channel: bool = Field(default=True, description="Keep all videos of a channel on one side.")


@dataclass(frozen=True)
class Member:
    """A video to split: ``video`` as lists spell it, its ``cluster`` of duplicates and its ``channel`` (may be empty).

    ``side`` is fixed (a list, a table, an earlier run), or empty; ``drawn`` says that an earlier draw fixed it.
    """

    name: str
    cluster: str
    channel: str = ""
    side: str = ""
    drawn: bool = True


class Split(Stage):
    name = "split"
    item_kind = "video"
    params_type = SplitParams
    after = ("chunk",)

    def plan(self, dataset: DatasetView) -> Iterator[Item]:
        params: SplitParams = self.params
        listed = self._lists()
        tabled = read_notes(dataset, "split")
        remembered = self._remembered(dataset)
        items = list(super().plan(dataset))
        fixed: dict[str, tuple[str, str]] = {}
        for item in items:
            said = str(tabled.get(item.id, "")).strip().lower()
            if side := listed.get(item.source_id) or listed.get(item.id):
                fixed[item.id] = (side, "list")
            elif _NAME.fullmatch(said) and said != _NO_SIDE:
                fixed[item.id] = (said, "table")
            elif (listed or said == _NO_SIDE) and params.unlisted != "digest":
                fixed[item.id] = ("" if params.unlisted == "drop" else params.unlisted, "default")
        groups = _clusters_of(dataset)
        channels = _channels_of(dataset) if params.by_channel else {}
        members = [
            Member(
                item.id,
                groups.get(item.id, item.id),
                channels.get(item.id, ""),
                fixed[item.id][0] if item.id in fixed else remembered.get(item.id, ""),
                drawn=item.id not in fixed,
            )
            for item in items
            if item.id not in fixed or fixed[item.id][0]
        ]
        drawn = draw(members, params.test_share, params.salt)
        for item in items:
            # The side goes into the item's key, so that an edited list moves exactly its videos.
            side, by = fixed.get(item.id) or (drawn[item.id], "draw")
            yield replace(item, meta={"side": side, "by": by})

    def remember(self, dataset: DatasetView, items: Sequence[Item]) -> None:
        remember_notes(dataset, "split")
        sides = self._remembered(dataset)
        sides |= {item.id: item.meta["side"] for item in items if item.meta["by"] == "draw" and item.meta["side"]}
        text = json.dumps({"params": self._draw_params(), "sides": sides}, indent=1, sort_keys=True) + "\n"
        path = dataset.state_dir / _STATE
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            atomic_write_text(path, text)

    def process(self, item: Item, context: Context) -> Outcome:
        side, by = item.meta["side"], item.meta["by"]
        if side:
            return Done(measures={"split": side, "by": by})
        if by == "default":
            return Filtered("not-listed", f"{item.id}: the given lists name neither side for it")
        return Filtered("both-sides", f"{item.id}: it shares recordings with videos in train and with videos in test")

    def _lists(self) -> dict[str, str]:
        listed: dict[str, str] = {}
        for side, path in (("train", self.params.train_list), ("test", self.params.test_list)):
            for video in _read_list(path) if path is not None else ():
                if listed.setdefault(video, side) != side:
                    raise UsageError(f"{path}: the video {video!r} is in the train list as well; it can be in one only")
        return listed

    def _draw_params(self) -> dict[str, Any]:
        return {"test_share": self.params.test_share, "salt": self.params.salt, "by_channel": self.params.by_channel}

    def _remembered(self, dataset: DatasetView) -> dict[str, str]:
        path = dataset.state_dir / _STATE
        if not path.is_file():
            return {}
        try:
            state = json.loads(path.read_text(encoding="utf-8"))
            params, sides = state["params"], {str(name): str(side) for name, side in state["sides"].items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(
                f"{path}: expected the sides of videos (JSON), found something else ({error!r}); restore it, or delete "
                "it: sides are then drawn anew, and may differ from those before"
            ) from error
        # Another share or salt means another split, not an addition to this one.
        return sides if params == self._draw_params() else {}


def draw(members: Sequence[Member], test_share: float, salt: str) -> dict[str, str]:
    """A side for each member without one: ``train``, ``test``, or empty where its copies are on both.

    Members of one cluster or one channel go together. Groups without any fixed side are taken in the order of the
    digests of salt and smallest name; test takes each that brings it to its share of all drawn members.
    """
    side = {member.name: member.side for member in members if member.side}
    by_cluster: dict[str, set[str]] = {}
    for member in members:
        if member.side:
            by_cluster.setdefault(member.cluster, set()).add(member.side)
    free: list[list[Member]] = []
    for group in _together(members):
        open_ones = [member for member in group if not member.side]
        votes = Counter(member.side for member in group if member.side)
        for member in open_ones:
            near = by_cluster.get(member.cluster, set())
            if near:
                side[member.name] = next(iter(near)) if len(near) == 1 else ""
            elif votes:
                side[member.name] = max(sorted(votes, reverse=True), key=votes.__getitem__)
        if open_ones and not votes:
            free.append(open_ones)
    drawn = [member for member in members if member.drawn]
    missing = test_share * len(drawn) - sum(side.get(member.name) == "test" for member in drawn)
    for group in sorted(free, key=lambda group: _digest(salt, min(member.name for member in group))):
        takes = len(group) <= max(missing + 0.5, 1.25 * missing) and test_share > 0
        missing -= len(group) if takes else 0
        side |= {member.name: "test" if takes else "train" for member in group}
    return side


def _together(members: Sequence[Member]) -> list[list[Member]]:
    """Members connected by clusters and channels, in order."""
    first: dict[str, int] = {}
    pairs = []
    for place, member in enumerate(members):
        for key in [f"cluster {member.cluster}"] + ([f"channel {member.channel}"] if member.channel else []):
            pairs.append((first.setdefault(key, place), place))
    groups: dict[int, list[Member]] = {}
    for place, top in enumerate(clusters(len(members), pairs)):
        groups.setdefault(top, []).append(members[place])
    return list(groups.values())


def _digest(salt: str, name: str) -> bytes:
    return hashlib.blake2b(f"{salt}\0{name}".encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _clusters_of(dataset: DatasetView) -> Mapping[str, str]:
    if "duplicates" not in dataset.stages:
        return {}
    return {name: record.measures["group"] for name, record in dataset.passing("duplicates").items()}


def _channels_of(dataset: DatasetView) -> Mapping[str, str]:
    if "crawl" not in dataset.stages:
        return {}
    told = {name: record.measures for name, record in dataset.passing("crawl").items()}
    found = {name: each.get("channel_id") or each.get("channel") for name, each in told.items()}
    return {name: str(channel) for name, channel in found.items() if channel}


def _read_list(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: expected a text file with one video id a line, found: {error}") from error
    return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
