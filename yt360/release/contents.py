"""What goes into a release: clips and videos under a policy, what was left out, the funnel, the parameters.

Read from a finished root's manifests and ledger; nothing is written and no media is opened here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from yt360 import __version__
from yt360.crawling.listing import read_listing
from yt360.crawling.removed_ids import Tombstone, Tombstones
from yt360.crawling.targets import page_of
from yt360.dataset.manifest import read_manifest
from yt360.engine.stage import Item, Stage
from yt360.engine.state.dataset_state import DatasetState, StageView
from yt360.errors import UsageError
from yt360.filters.evaluation.precision_recall import wilson
from yt360.filters.evaluation.scores import SCORES
from yt360.redaction import secret_in
from yt360.release.licences import POLICIES, Licence, licence_of
from yt360.report.funnel import Funnel, funnel

Row = dict[str, Any]

FORMAT = 1
"""Of ``release.json``; a reader refuses a greater one."""

_SPLITS = {"val": "validation", "valid": "validation", "dev": "validation"}
"""What others call the validation split -> its name in a release."""

SPLIT_NAME, CLIP_NAME = re.compile(r"[a-z0-9_]{1,20}"), re.compile(r"[A-Za-z0-9_-]{1,120}")
_MEMBER_NAME = re.compile(r"[a-z0-9_]{1,40}(\.[a-z0-9_]{1,20}){1,3}")
"""Names become files and members of archives, here and where a release is read."""

CRAWLED_BY = ("lowest_picture", "highest_picture", "projection", "sort", "labelled_sites", "check_arrived")
"""Parameters of the crawl that change what arrives; all others are the publisher's own business (paths, accounts)."""


@dataclass(frozen=True)
class Wanted:
    """What the publisher asks for.

    ``licence``: of the list and the annotations, an SPDX name. ``date``: ISO 8601, empty for that of the newest shard.
    """

    name: str
    version: str = "1.0.0"
    policy: str = "all"
    media: bool = False
    licence: str = "cc-by-4.0"
    date: str = ""
    url: str = ""


@dataclass(frozen=True)
class Contents:
    """What a release holds. ``clips``: rows of the clip manifest with licence and address; in order of their names.

    ``videos``: of all that were ever crawled. ``left_out``: reason in words -> how many videos and clips.
    """

    wanted: Wanted
    date: str
    clips: list[Row]
    videos: list[Row]
    takedowns: list[Tombstone]
    left_out: dict[str, dict[str, int]]
    funnel: Funnel
    stages: dict[str, Any]
    thresholds: list[Row]
    tools: Mapping[str, str] = field(default_factory=dict)
    events: list[Row] | None = None
    """Sound events of the released clips; ``None`` where the root has no table of them."""
    variants: list[Row] = field(default_factory=list)
    """Further pictures and sounds of the released clips (a release with media has them)."""

    @property
    def splits(self) -> list[str]:
        """Splits that have clips: train, validation, test, then others by name."""
        usual = ("train", "validation", "test")
        found = {row["split"] for row in self.clips}
        return [name for name in usual if name in found] + sorted(found - set(usual))

    def of_split(self, split: str) -> list[Row]:
        return [row for row in self.clips if row["split"] == split]

    def counts(self) -> dict[str, dict[str, float]]:
        """Videos, clips and hours of each split."""
        return {
            split: {
                "videos": len({row["video"] for row in rows}),
                "clips": len(rows),
                "hours": round(sum(row.get("duration_s") or 0.0 for row in rows) / 3600, 4),
            }
            for split in self.splits
            for rows in [self.of_split(split)]
        }

    def licences(self) -> dict[str, dict[str, int]]:
        """Videos and clips of each licence."""
        clips = Counter(row["license_name"] for row in self.clips)
        videos = Counter(row["license_name"] for row in self.videos if row["released"])
        return {name: {"videos": videos[name], "clips": clips[name]} for name in sorted(clips)}

    def to_json(self) -> dict[str, Any]:
        """``release.json`` without what is only known when files are written."""
        wanted = self.wanted
        return {
            "format": "yt360-release",
            "format_version": FORMAT,
            "name": wanted.name,
            "version": wanted.version,
            "date": self.date,
            "license": wanted.licence,
            "policy": {"name": wanted.policy, "words": POLICIES[wanted.policy].words},
            "media": wanted.media,
            "splits": self.counts(),
            "licenses": self.licences(),
            "left_out": self.left_out,
            "takedowns": len(self.takedowns),
            "funnel": self.steps(),
            "thresholds": self.thresholds,
            "stages": self.stages,
            "made_with": {"yt360": __version__, **self.tools},
        }

    def steps(self) -> list[Row]:
        """The funnel, with 95 % Wilson intervals of the share that each step drops of what it judged."""
        found = []
        for step in self.funnel.steps:
            dropped = sum(step.reasons.values())
            low, high = wilson(dropped, step.kept + dropped)
            share = dropped / (step.kept + dropped) if step.kept + dropped else 0.0
            row = asdict(step) | {"dropped": dropped, "dropped_share": round(share, 6)}
            found.append(row | {"dropped_share_95": [round(low, 6), round(high, 6)]})
        return found


def gather(catalog: DatasetState, wanted: Wanted, tools: Mapping[str, str] | None = None) -> Contents:
    """What a root has for a release. Raises :class:`UsageError` where that is nothing, and for wrong wishes."""
    _require(wanted)
    root = catalog.root
    clips = read_manifest(str(root.path), "clips").to_pylist()
    videos = {row["video"]: row for row in read_manifest(str(root.path), "videos").to_pylist()}
    stones = Tombstones(root.state)
    entries = catalog.entries("crawl") if "crawl" in catalog.stages else {}
    listing = read_listing(StageView(catalog, next(iter(catalog.stages.values())))) if catalog.stages else {}
    policy = POLICIES[wanted.policy]
    reasons: dict[str, str] = {}
    for name, row in videos.items():
        licence = licence_of(row.get("license"))
        row |= {"license_name": licence.name, "address": _address(entries[name].item) if name in entries else ""}
        if row.get("status") == "failed":
            row["detail"] = None  # words of tools, which name folders of this machine
        if name in stones.ids:
            reasons[name] = "taken down"
        elif not policy.takes(licence):
            reasons[name] = f"policy {policy.name}: {_why(licence)}"
    released: list[Row] = []
    left_out: dict[str, Counter[str]] = {}
    for row in clips:
        video = videos.get(row["video"])
        reason = reasons.get(row["video"], "") if video is not None else "not in videos.parquet"
        if reason or video is None:
            left_out.setdefault(reason, Counter())["clips"] += 1
            continue
        said = listing.get(row["video"], {})
        about = {name: video.get(name) for name in ("address", "channel", "license", "license_name")}
        about |= {"listed": bool(said.get("segments")), "listed_convention": said.get("convention")}
        released.append(row | about | {"split": _SPLITS.get(row["split"], row["split"])})
    if not released:
        why = "; ".join(f"{count['clips']} clips: {reason}" for reason, count in left_out.items())
        raise UsageError(f"{root.url}: expected clips to release, found none ({why or 'the manifest is empty'})")
    variants = (_rows_of(catalog, "variants", released) or []) if wanted.media else []
    _require_names(root.manifests / "clips.parquet", released, clip=CLIP_NAME, video=CLIP_NAME, split=SPLIT_NAME)
    _require_names(root.manifests / "variants.parquet", variants, member=_MEMBER_NAME)
    kept = {row["video"] for row in released}
    for name, row in videos.items():
        row["released"], row["left_out"] = name in kept, None
        row["split"] = _SPLITS.get(row.get("split") or "", row.get("split"))
        if row.get("status") == "kept" and name in reasons:
            row["left_out"] = reasons[name]
            left_out.setdefault(reasons[name], Counter())["videos"] += 1
    rows = [row for name, row in sorted(videos.items()) if name not in stones.ids]
    return Contents(
        wanted,
        wanted.date or _newest(catalog),
        sorted(released, key=lambda row: str(row["clip"])),
        rows,
        sorted(set(stones.held), key=lambda stone: (stone.id, stone.video, stone.address)),
        {reason: {"videos": count["videos"], "clips": count["clips"]} for reason, count in sorted(left_out.items())},
        funnel(catalog),
        {name: _stage(stage) for name, stage in catalog.stages.items()},
        _thresholds(catalog),
        dict(tools or {}),
        _rows_of(catalog, "events", released),
        variants,
    )


def _rows_of(catalog: DatasetState, table: str, clips: Sequence[Row]) -> list[Row] | None:
    """The rows of the released clips in one of a root's further tables; ``None`` where it has no such table."""
    if not (catalog.root.manifests / f"{table}.parquet").is_file():
        return None
    split_of = {row["clip"]: row["split"] for row in clips}
    rows = [row for row in read_manifest(str(catalog.root.path), table).to_pylist() if row["clip"] in split_of]
    return [row | ({"split": split_of[row["clip"]]} if "split" in row else {}) for row in rows]


def _require(wanted: Wanted) -> None:
    if wanted.policy not in POLICIES:
        raise UsageError(f"--policy: expected one of {', '.join(POLICIES)}, found {wanted.policy!r}")
    if wanted.date and not _is_day(wanted.date):
        raise UsageError(f"--date: expected a day as 2026-01-31, found {wanted.date!r}")
    if not re.fullmatch(r"\d+\.\d+\.\d+", wanted.version):
        raise UsageError(f"--version: expected three numbers as in 1.0.0, found {wanted.version!r}")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}", wanted.name):
        raise UsageError(f"--name: expected letters, digits, '.', '_' and '-', found {wanted.name!r}")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,63}", wanted.licence):
        raise UsageError(f"--license: expected the identifier of a licence (SPDX), found {wanted.licence[:80]!r}")
    if wanted.url and (not re.fullmatch(r"https?://[^\s<>\"]{1,2000}", wanted.url) or secret_in(wanted.url)):
        raise UsageError("--url: expected an http(s) address without a user, password or token, found something else")


def _is_day(text: str) -> bool:
    try:
        return re.fullmatch(r"\d{4}-\d\d-\d\d", text) is not None and bool(date.fromisoformat(text))
    except ValueError:
        return False


def _require_names(path: Path, rows: Sequence[Row], **names: re.Pattern[str]) -> None:
    for row in rows:
        for column, pattern in names.items():
            if not pattern.fullmatch(found := str(row[column])):
                raise UsageError(
                    f"{path}: expected names of the column {column} that can be a file's ({pattern.pattern}), found "
                    f"{found[:80]!r}; run the recipe of this root again"
                )


def _address(item: Item) -> str:
    """Where an item was crawled: a page, or the addresses of its files; empty for files of a folder."""
    if page := page_of(item):
        return page
    return " ".join(str(item.hints[role]) for role in ("video", "sound") if item.hints.get(role))


def _why(licence: Licence) -> str:
    words = {
        "not-stated": "the source states no licence",
        "other": "the licence that the source states is not recognised",
    }
    return words.get(licence.name, f"licence {licence.name}")


def _newest(catalog: DatasetState) -> str:
    """The day of the newest shard (or clip): when what is released was made."""
    stage = next((name for name in ("shard", "chunk", "crawl") if name in catalog.stages), "")
    records = catalog.records(stage).values() if stage else ()
    return max((record.started[:10] for record in records), default="")


def _stage(stage: Stage) -> Row:
    """Version, parameters and thresholds of a stage, without what is the publisher's own (paths, accounts)."""
    params = {name: value for name, value in stage.params.model_dump().items() if not _is_private(value)}
    if stage.name == "crawl":
        params = {name: params[name] for name in CRAWLED_BY if name in params}
    public = stage.params.model_dump(mode="json", include=set(params))
    return {"version": stage.version, "parameters": public, "thresholds": stage.thresholds.model_dump(mode="json")}


def _is_private(value: Any) -> bool:
    """Whether a value names a file or an address of the machine that made the dataset."""
    if isinstance(value, Path):
        return True
    if isinstance(value, str):
        return "/" in value or value.startswith("~")
    if isinstance(value, Mapping):
        return any(map(_is_private, value.values()))
    return isinstance(value, Sequence) and not isinstance(value, bytes) and any(map(_is_private, value))


def _thresholds(catalog: DatasetState) -> list[Row]:
    found = []
    for score in SCORES:
        try:
            limit = float(score.threshold(catalog.stages[score.stage]))
        except (KeyError, AttributeError):
            continue  # the recipe has no such stage, or another package's under its name
        row = {"stage": score.stage, "score": score.name, "words": score.words, "threshold": round(limit, 6)}
        found.append(row | {"drops": "at or above" if score.drops_above else "at or below"})
    return found
