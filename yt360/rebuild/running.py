"""Rebuilds a published list in a root of its own: crawl, find the clips in today's videos, cut them, judge them.

No filter decides anything here: the list says what the dataset is. What is finished stays, as in any other run, and
the root can be worked on by stage commands (on Ray or SLURM, say) before it is judged.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from yt360.crawling.removed_ids import Tombstones, bury
from yt360.crawling.targets import CrawlTarget
from yt360.dataset.manifest import clip_row, read_manifest
from yt360.dataset.members import MemberReader
from yt360.engine import pipeline
from yt360.engine import recipe as recipes
from yt360.engine.recipe import Recipe, Registry
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.storage import Root
from yt360.errors import ItemError, UsageError
from yt360.files import atomic_write_text, parse_json
from yt360.filters.duplicates.fingerprints import VideoFingerprint
from yt360.publishing.manifests import publish
from yt360.rebuild import source_table
from yt360.rebuild.alignment import starts
from yt360.rebuild.certificate import certificate, judge
from yt360.rebuild.page import html, markdown
from yt360.release.contents import CRAWLED_BY
from yt360.release.fingerprints import fingerprint
from yt360.release.reading import Published, PublishedClip
from yt360.stages.fingerprint import read_print

_BEFORE_CUTTING = ("crawl", "validate", "fingerprint")
_TAKEN = ("validate", "fingerprint", "chunk")
"""Stages whose parameters are the publisher's; of the crawl, those that say what arrives."""


@dataclass(frozen=True)
class Rebuilt:
    """``certificate``: JSON values (``None`` where the run was interrupted). ``held``: videos that were taken down by
    the publisher and are in this root from before."""

    result: pipeline.RunResult
    certificate: dict[str, Any] | None
    held: tuple[str, ...] = ()


def rebuild(
    published: Published,
    root: Root,
    registry: Registry,
    options: pipeline.Options,
    *,
    settings: Sequence[str] = (),
    say: Callable[[str], None] = lambda _: None,
) -> Rebuilt:
    """Bring ``root`` up to date with a list and judge every clip; writes ``report/rebuild.json``, ``.md``, ``.html``.

    ``settings`` are ``stage.param=value``. Raises :class:`UsageError` for a root that holds something else.
    """
    recipe = recipe_of(published, root, registry, settings)
    root.create()
    root.pull()
    removed = _take_down(published, root)
    left = [clip for clip in published.clips if clip.video not in removed]
    wanted = [clip for clip in left if source_table.source_of(clip)]
    if not wanted:
        found = (
            f"{len({clip.video for clip in left})} without an address, as files of the publisher's own have none; they "
            "cannot be cut again: load the release itself (yt360.open) if it has media, or ask its publisher for it"
            if left
            else "only videos that were taken down, by the publisher or in this root"
        )
        raise UsageError(f"{published.name}: expected videos that can be crawled, found {found}")
    table = root.state / source_table.NAME
    source_table.write_table(table, wanted, {clip.clip: clip.start_s for clip in wanted})
    result = pipeline.RunResult(pipeline.run_name())
    for name in (stage.name for stage in recipe.stages if stage.name in _BEFORE_CUTTING):
        made = pipeline.run(recipe, root, options, only=name, say=say)
        for stage in made.stages:
            result.add(stage)
        if made.interrupted:
            result.interrupted = made.interrupted
            return Rebuilt(result, None)
    starts_s = _places(published, wanted, DatasetState(root, recipe.stages))
    source_table.write_table(table, wanted, {name: max(0.0, start) for name, start in starts_s.items() if start > -0.5})
    made = pipeline.run(recipe, root, options, publish=publish, say=say)
    for stage in made.stages:
        result.add(stage)
    result.interrupted = made.interrupted
    if made.interrupted:
        return Rebuilt(result, None)
    catalog = DatasetState(root, recipe.stages)
    return Rebuilt(result, _judge(published, root, catalog, starts_s, removed), _held(published, catalog))


def recipe_of(published: Published, root: Root, registry: Registry, settings: Sequence[str]) -> Recipe:
    """The stages that cut a list, by its publisher's parameters.

    Only what decides the clips is taken from a release: it may be hostile, and whom to ask how is this side's business.
    """
    name = f"rebuild-{published.name}"
    if root.recipe.is_file():
        held = _recipe_name(root)
        if held != name:
            raise UsageError(
                f"{root.url}: expected a folder for the rebuild of {published.name} alone, found a root of the recipe "
                f"{held!r}; give another --root"
            )
    stages: dict[str, Any] = {"crawl": _told(published, "crawl", CRAWLED_BY)}
    stages["crawl"]["source"] = str(root.state / source_table.NAME)
    for stage in ("validate", *(("fingerprint",) if published.prints else ()), "chunk"):
        stages[stage] = _told(published, stage) if stage in _TAKEN else {}
    stages |= {"split": {}, "shard": {}}
    return recipes.build({"name": name, "stages": stages}, registry, settings, where=published.name)


def _told(published: Published, stage: str, only: Collection[str] | None = None) -> dict[str, Any]:
    """Parameters and thresholds of a stage as its publisher had them; never a class to load."""
    told = published.stages.get(stage)
    if not isinstance(told, Mapping):
        return {}
    params = told.get("parameters")
    found = {str(name): value for name, value in params.items()} if isinstance(params, Mapping) else {}
    found = {name: value for name, value in found.items() if name not in ("use", "package", "thresholds")}
    if only is not None:
        return {name: value for name, value in found.items() if name in only}
    return found | ({"thresholds": told["thresholds"]} if isinstance(told.get("thresholds"), Mapping) else {})


def _recipe_name(root: Root) -> str:
    try:
        return str(parse_json(root.recipe.read_text(encoding="utf-8")).get("name"))
    except (OSError, ValueError, AttributeError):
        return "that cannot be read"


def _take_down(published: Published, root: Root) -> frozenset[str]:
    """Videos of the list that the publisher or this root took down; the publisher's get tombstones here as well."""
    theirs, ours = Tombstones(None, published.takedowns), Tombstones(root.state)
    targets = {clip.video: source_table.target_of(clip) for clip in published.clips}
    with root.lock():
        if set(theirs.held) - set(ours.held):
            bury(root.state, theirs.held, f"taken down by the publisher of {published.name}")
    return frozenset(
        name for name, target in targets.items() if theirs.keep_out(target, name) or ours.keep_out(target, name)
    )


def _held(published: Published, catalog: DatasetState) -> tuple[str, ...]:
    """Videos of this root that the publisher took down since: deleting them is for a person to do."""
    theirs = Tombstones(None, published.takedowns)
    items = (entry.item for entry in catalog.entries("crawl").values()) if published.takedowns else ()
    return tuple(item.id for item in items if theirs.keep_out(CrawlTarget(item.id, item.meta, item.hints), item.id))


def _places(published: Published, wanted: Sequence[PublishedClip], catalog: DatasetState) -> dict[str, float]:
    """Where each clip begins in today's video."""
    of_video: dict[str, list[PublishedClip]] = {}
    for clip in wanted:
        of_video.setdefault(clip.video, []).append(clip)
    records = catalog.passing("fingerprint") if "fingerprint" in catalog.stages else {}
    found: dict[str, float] = {}
    for name, clips in of_video.items():
        print_ = None
        if name in records:
            try:
                print_ = read_print(catalog.root.local(records[name].outputs["print"].uri))
            except ItemError:
                print_ = None  # `verify` finds it; the clips are then cut where the list says
        found |= starts([(clip, published.fingerprint(clip)) for clip in clips], print_)
    return found


def _judge(
    published: Published, root: Root, catalog: DatasetState, starts_s: Mapping[str, float], removed: frozenset[str]
) -> dict[str, Any]:
    rows = {row["clip"]: row for row in read_manifest(str(root.path), "clips").to_pylist()}
    reader = MemberReader(str(root.path) if root.store is None else root.url)

    def print_of(name: str) -> VideoFingerprint:
        clip = clip_row(rows[name], "manifests/clips.parquet")
        return fingerprint(clip, reader.video(clip), reader.sound(clip))

    verdicts = judge(published, catalog, starts_s, removed, rows, print_of)
    reader.close()
    days = sorted(record.started[:10] for record in catalog.records("crawl").values() if record.started)
    about = {"first_day": days[0] if days else "", "last_day": days[-1] if days else ""}
    made = certificate(published, verdicts, about)
    root.report.mkdir(parents=True, exist_ok=True)
    text = json.dumps(made, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    for name, page in (("rebuild.json", text), ("rebuild.md", markdown(made)), ("rebuild.html", html(made))):
        atomic_write_text(root.report / name, page)
    return made
