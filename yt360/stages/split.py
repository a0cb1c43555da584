"""Split: every video goes to train or test, for good, and what belongs together stays together.

Consumes videos that were cut into clips; produces one word each. Given sides come first: those of lists, then those
that a table of sources said. Other videos go with what they share a recording with (``duplicates``), then with
their channel. Whole groups are drawn by the digest of their name until test has its share. A side is remembered: it
never changes when others arrive or go.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from yt360.crawling import kept_ids
from yt360.crawling.list_files import read_lines, without_note
from yt360.crawling.listing import read_listing
from yt360.crawling.meanings import meanings
from yt360.crawling.text import clean_text
from yt360.crawling.youtube import youtube_id
from yt360.engine.stage import DatasetView, Done, FanInContext, FanInStage, Filtered, Item, Outcome, StageParams
from yt360.errors import UsageError
from yt360.files import parse_json, require_checksum, with_checksum
from yt360.filters.duplicates.matching import clusters
from yt360.hashing import safe_id

log = logging.getLogger("yt360.split")

_STATE = "split-sides.json"
_NAME = re.compile(r"[a-z0-9_]{1,20}")
_NO_SIDE = "none"
"""What the published list says of videos that are on neither side."""
_NOT_LISTED = "not-listed"
_MOST_NAMED = 5


class SplitParams(StageParams):
    """How videos are divided between train and test."""

    test_share: float = Field(
        default=1000 / 5506, ge=0, le=1, description="Share of the videos in test (1000 of 5506 in the paper)."
    )
    salt: str = Field(default="yt360", description="Seed of the draw: another text draws another split.")
    train_list: Path | None = Field(
        default=None, description="Text file with train videos, one a line (ids, file names or addresses)."
    )
    test_list: Path | None = Field(
        default=None, description="Text file with test videos, one a line (ids, file names or addresses)."
    )
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


class Split(FanInStage):
    name = "split"
    item_kind = "video"
    params_type = SplitParams
    after = ("chunk",)

    def __init__(self, *settings: Any) -> None:
        super().__init__(*settings)
        self._missing: list[str] = []
        self._are_listed = False

    def files_read(self) -> Sequence[Path]:
        return [path for path in (self.params.train_list, self.params.test_list) if path is not None]

    def plan(self, dataset: DatasetView) -> Iterator[Item]:
        """Each video with its given side, or with what decides with whom it goes."""
        items = list(super().plan(dataset))
        listed = self._lists(dataset, {item.id for item in items})
        listing = read_listing(dataset)
        groups = _clusters_of(dataset)
        channels = _channels_of(dataset) if self.params.by_channel else {}
        for item in items:
            meta = {"cluster": groups.get(item.id, item.id), "channel": channels.get(item.id, "")}
            given = self._given(item, listed, str(listing.get(item.id, {}).get("split", "")).strip().lower())
            yield replace(item, meta=meta if given is None else meta | {"side": given[0], "by": given[1]})

    def _given(self, item: Item, listed: Mapping[str, str], tabled: str) -> tuple[str, str] | None:
        """The side that a list or a table gives (none: it is left out), and which; ``None`` where it is drawn."""
        if side := listed.get(item.id):
            return side, "list"
        if _NAME.fullmatch(tabled) and tabled != _NO_SIDE:
            return tabled, "table"
        if (self._are_listed or tabled == _NO_SIDE) and self.params.unlisted != "digest":
            return "" if self.params.unlisted == "drop" else self.params.unlisted, "default"
        return None

    def reduce(self, items: Sequence[Item], context: FanInContext) -> Mapping[str, Outcome]:
        text = context.recall(_STATE)
        remembered = self._remembered(text)
        given = {item.id: (item.meta["side"], item.meta["by"]) for item in items if "by" in item.meta}
        members = [
            Member(
                item.id,
                item.meta["cluster"],
                item.meta["channel"],
                given[item.id][0] if item.id in given else remembered.get(item.id, ""),
                drawn=item.id not in given,
            )
            for item in items
            if item.id not in given or given[item.id][0]
        ]
        drawn = draw(members, self.params.test_share, self.params.salt)
        sides = {item.id: given.get(item.id) or (drawn[item.id], "draw") for item in items}
        kept = remembered | {name: side for name, (side, by) in sides.items() if by == "draw" and side}
        drawn = with_checksum({"params": self._draw_params(), "sides": kept})
        state = json.dumps(drawn, indent=1, sort_keys=True) + "\n"
        if state != text:
            context.remember(_STATE, state)
        return {name: _outcome(name, side, by) for name, (side, by) in sides.items()}

    def meta_of(self, outcome: Done | Filtered) -> Mapping[str, Any]:
        """The side is part of the key, so an edited list moves exactly its videos."""
        if isinstance(outcome, Done):
            return {"side": outcome.measures["split"], "by": outcome.measures["by"]}
        return {"side": "", "by": "default" if outcome.reason == _NOT_LISTED else "draw"}

    def check(self) -> None:
        """Refuse a line that stands in both lists."""
        paths = (self.params.train_list, self.params.test_list)
        train, test = ({_named(text) for text in _read_list(path)} if path is not None else set() for path in paths)
        if both := sorted(train & test):
            raise UsageError(
                f"{self.params.test_list}: the video {clean_text(both[0], 100)!r} is in the train list as well; it can "
                "be in one only"
            )

    def prepare_host(self) -> None:
        """Say which listed videos this root does not have: a list that matches nothing splits nothing."""
        for line in self._missing:
            log.warning("%s", line)

    def _lists(self, dataset: DatasetView, ids: Collection[str]) -> dict[str, str]:
        """Item id -> the side that a list gives it."""
        listed: dict[str, str] = {}
        self._missing, self._are_listed = [], False
        paths = (("train", self.params.train_list), ("test", self.params.test_list))
        if not any(path for _, path in paths):
            return listed
        known = dataset.entries("crawl") if "crawl" in dataset.stages else {}
        kept = kept_ids.read(dataset)
        for side, path in paths:
            lines = _read_list(path) if path is not None else []
            self._are_listed |= bool(lines)
            absent = []
            for line in lines:
                names = [name for name in meanings(line, kept, notes=True) if name in ids or name in known]
                if not names:
                    absent.append(line)
                for name in names[:1]:
                    if listed.setdefault(name, side) != side:
                        raise UsageError(
                            f"{path}: the video {name!r} is in the train list as well; it can be in one only"
                        )
            if path is not None and not lines:
                self._missing.append(f"{path}: expected videos for the side {side!r}, found an empty list")
            if absent:
                self._missing.append(
                    f"{path}: {len(absent)} of {len(lines)} listed videos are not in this root, so nobody is put on "
                    f"the side {side!r} for them: {clean_text(', '.join(absent[:_MOST_NAMED]), 300)}"
                )
        return listed

    def _draw_params(self) -> dict[str, Any]:
        return {"test_share": self.params.test_share, "salt": self.params.salt, "by_channel": self.params.by_channel}

    def _remembered(self, text: str | None) -> dict[str, str]:
        """The sides that were drawn before."""
        if text is None:
            return {}
        try:
            state = parse_json(text)
            require_checksum(state)
            params, sides = state["params"], {str(name): str(side) for name, side in state["sides"].items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(
                f"state/{_STATE}: expected the sides of videos (JSON), found something else ({error!r}); restore it, "
                "or delete it: sides are then drawn anew, and may differ from those before"
            ) from error
        # Another share or salt means another split, not an addition to this one.
        return sides if params == self._draw_params() else {}


def _outcome(name: str, side: str, by: str) -> Outcome:
    if side:
        return Done(measures={"split": side, "by": by})
    if by == "default":
        return Filtered(_NOT_LISTED, f"{name}: the given lists name neither side for it")
    return Filtered("both-sides", f"{name}: it shares recordings with videos in train and with videos in test")


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


def _named(line: str) -> str:
    """What a line names, in the spelling of ids where that shows by itself."""
    text = without_note(line)
    try:
        return youtube_id(text) or safe_id(text)
    except ValueError:
        return text


def _read_list(path: Path) -> list[str]:
    return [text for _, text in read_lines(path)]
