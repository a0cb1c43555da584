"""`yt360 remove ID…`: a video and everything made of it goes, and stays away."""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from yt360.cli.common import json_option, open_root, print_json, root_option
from yt360.cli.completion import complete_items
from yt360.cli.groups import ItemCommand
from yt360.cli.outcome import plural
from yt360.cli.plain_text import clean
from yt360.cli.remaking import Remaking, with_room
from yt360.cli.takedown import copies, meant
from yt360.crawling.removed_ids import bury, removed_ids
from yt360.engine import recipe as recipes
from yt360.engine import removal
from yt360.engine.earlier_stages import UnknownStage, earlier_stages, stand_in
from yt360.engine.stage import Stage
from yt360.engine.state import ledger
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.storage import Root
from yt360.errors import UsageError
from yt360.filters.evaluation import label_table
from yt360.publishing import features
from yt360.publishing.manifests import holding
from yt360.stages import REGISTRY
from yt360.stages.shard import Shard, planned_params
from yt360.stages.shards_as_they_lie import ShardsAsTheyLie

log = logging.getLogger(__name__)

_FATES = {"edited": "edit", "rewritten": "rewrite without them"}


@click.command("remove", cls=ItemCommand, short_help="Take videos down: delete all that was made of them, for good.")
@click.argument("videos", nargs=-1, required=True, metavar="ID…", shell_complete=complete_items)
@root_option
@click.option("--reason", default="", help="Reason to keep with the tombstone.")
@click.option("--with-copies", is_flag=True, help="Also the videos that were found to be copies of one of them.")
@click.option("--dry-run", is_flag=True, help="Only list what would be deleted.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def remove_command(
    videos: tuple[str, ...], root: str, reason: str, with_copies: bool, dry_run: bool, yes: bool, as_json: bool
) -> int | None:
    """Delete each video ID with everything made of it: files, records, clips, pictures in the report.

    ID is the video's id in this root, its name or file at the source, its YouTube id, or its address.
    Only the shards that hold its clips are written again. A tombstone keeps it from being crawled
    again under any name; an ID that this root never saw gets one too. A copy of it that was dropped
    for its sake is kept by the next run, unless it goes as well: --with-copies.
    """
    folder = open_root(root)
    folder.require_one_device()
    has_recipe = folder.recipe.is_file()
    recipe = recipes.of_root(folder.recipe, REGISTRY) if has_recipe else _without_recipe(folder)
    earlier, unknown = _of_earlier_recipes(folder, recipe)
    stages = [*recipe.stages, *earlier, *unknown]
    catalog = DatasetState(folder, stages)
    first = recipe.stages[0].name
    _refuse_clips(catalog, first, videos)
    stones = [stone for name in videos for stone in meant(catalog, first, name)]
    if with_copies:
        stones += copies(catalog, first, frozenset(stone.id for stone in stones))
    items = frozenset(stone.id for stone in stones)
    found = removal.find(catalog, items)
    labels = folder.path / label_table.FILE
    spoken_of = items | (found.parts - set(catalog.entries(first)))
    edited = [*found.edited, *features.naming(folder, found.parts)]
    edited += [labels] if label_table.names_any(labels, spoken_of) else []
    told: dict[str, Any] = {
        "removed": sorted(items),
        "unknown": sorted(items - set(catalog.entries(first)) - removed_ids(folder.state)),
        "folders": [str(path) for path in found.folders],
        "pictures": [str(path) for path in found.pictures],
        "files": [str(path) for path in (*found.files, *features.leftovers(folder))],
        "edited": [str(path) for path in edited],
        "rewritten": [str(path) for path in holding(catalog, items, found.shared)],
        "bytes": found.bytes,
        "records": sum(found.ledger.values()),
        "ledger": found.ledger,
        "shards": found.shared,
        "dry_run": dry_run,
    }
    if not as_json:
        _say(told)
    for path, where in features.of_others(folder, found.parts):
        log.warning("%s was gathered of %s, of which this is a copy: it stays; take them down there", path, where)
    if dry_run:
        if as_json:
            print_json(told)
        else:
            for kind in ("folders", "pictures", "files", "edited", "rewritten"):
                for path in told[kind]:
                    click.echo(f"{_FATES.get(kind, 'delete')}: {clean(path, 4096)}")
            for stage, count in found.ledger.items():
                if count:
                    click.echo(f"delete: {plural(count, 'record')} of {stage}")
        return 0
    if not yes:
        click.confirm("Delete all this for good?", abort=True, err=True)
    # The tombstone first: whatever happens from here on, nothing brings the video back.
    with folder.lock():
        make_room = functools.partial(_delete, folder, found.folders)
        with_room(lambda: bury(folder.state, stones, clean(reason, 500)), make_room)
    for each in stages:
        if isinstance(each, ShardsAsTheyLie):
            each.gone = found.parts
    with_room(lambda: label_table.forget(labels, spoken_of), make_room)
    features.forget(folder, found.parts)  # while it is known which clips there were
    removal.remove(folder, stages, items, Remaking(folder, recipe, earlier, found.parts, whole=has_recipe))
    if as_json:
        print_json(told)
    else:
        click.echo(f"removed: {', '.join(clean(name, 80) for name in sorted(items))}")
        click.echo("next: yt360 run, where other copies of them may take their place; yt360 report")
    return 0


def _delete(folder: Root, paths: list[Path]) -> None:
    for path in paths:
        folder.remove(path)


def _of_earlier_recipes(folder: Root, recipe: recipes.Recipe) -> tuple[list[Stage], list[UnknownStage]]:
    """Stages that the recipe has no more and the root still holds something of.

    What joins items would be made anew for all of them, by parameters that nobody knows: such files go as a whole.
    """
    known, unknown = earlier_stages(folder, [stage.name for stage in recipe.stages], REGISTRY)
    joining = [stand_in(stage.name) for stage in known if stage.flat_folder and not isinstance(stage, Shard)]
    kept = [_as_it_lies(folder, stage) for stage in known if isinstance(stage, Shard) or not stage.flat_folder]
    return kept, [*unknown, *joining]


def _without_recipe(folder: Root) -> recipes.Recipe:
    """The stages that this root has records of, for a root whose recipe is lost."""
    made = recipes.default(REGISTRY)
    there = [stage for stage in made.stages if (folder.ledger / stage.name).is_dir()]
    if not there:
        raise UsageError(f"{folder.recipe}: expected a root that holds videos, found neither a recipe nor records")
    return recipes.Recipe(made.name, tuple(_as_it_lies(folder, stage) for stage in there))


def _as_it_lies(folder: Root, stage: Stage) -> Stage:
    """Shards that no recipe plans stay laid out as they are."""
    if not isinstance(stage, Shard):
        return stage
    settings = [f"{stage.name}.{name}={value}" for name, value in planned_params(folder.state).items()]
    planned = next(each for each in recipes.default(REGISTRY, settings).stages if each.name == stage.name)
    return ShardsAsTheyLie(planned.params, planned.thresholds)


def _refuse_clips(catalog: DatasetState, first: str, names: tuple[str, ...]) -> None:
    """Refuse ids of clips: a clip alone would be made again by the next run."""
    for name in names:
        if name in catalog.entries(first):
            continue
        for stage in catalog.stages:
            if parent := ledger.parent_of(catalog.root.ledger / stage, name):
                raise UsageError(
                    f"{clean(name, 80)} is a clip of the video {parent!r}, and `remove` takes whole videos: "
                    f"`yt360 remove {parent}` takes it with all its clips"
                )


def _say(told: Mapping[str, Any]) -> None:
    for name in told["unknown"]:
        click.echo(f"{clean(name, 80)}: never seen in this root; its tombstone will keep it out")
    click.echo(
        f"{plural(len(told['folders']), 'folder')} and {plural(len(told['pictures']), 'picture')} "
        f"({told['bytes'] / 1e6:.1f} MB), {plural(told['records'], 'record')}; "
        f"shards to write again: {', '.join(told['shards']) or 'none'}"
    )
