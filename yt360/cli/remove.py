"""`yt360 remove ID…`: a video and everything made of it goes, and stays away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from yt360.cli.common import clean, json_option, open_root, print_json, root_option
from yt360.cli.completion import complete_items
from yt360.cli.groups import ItemCommand
from yt360.crawling.removed_ids import bury, removed_ids
from yt360.engine import pipeline, removal
from yt360.engine import recipe as recipes
from yt360.engine.state.dataset_state import DatasetState
from yt360.hashing import safe_id
from yt360.publishing.manifests import publish
from yt360.stages import REGISTRY


@click.command("remove", cls=ItemCommand, short_help="Take videos down: delete all that was made of them, for good.")
@click.argument("videos", nargs=-1, required=True, metavar="ID…", shell_complete=complete_items)
@root_option
@click.option("--reason", default="", help="Kept with the tombstone.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def remove_command(
    videos: tuple[str, ...], root: str, reason: str, dry_run: bool, yes: bool, as_json: bool
) -> int | None:
    """Delete each video ID with everything made of it: files, records, clips, pictures in the report.

    Only the shards that hold its clips are written again. A tombstone keeps it from being crawled
    again; an ID that this root never saw gets one too.
    """
    folder = open_root(root)
    recipe = recipes.of_root(folder.recipe, REGISTRY)
    catalog = DatasetState(folder, recipe.stages)
    first = recipe.stages[0].name
    named = {record.source: name for name, record in catalog.records(first).items()}
    items = frozenset(name if name in catalog.records(first) else named.get(name, safe_id(name)) for name in videos)
    found = removal.find(catalog, items)
    told = {
        "removed": sorted(items),
        "unknown": sorted(items - set(catalog.records(first)) - removed_ids(folder.state)),
        "folders": [str(path) for path in found.folders],
        "pictures": [str(path) for path in found.pictures],
        "bytes": found.bytes,
        "records": found.records,
        "shards": found.shared,
        "dry_run": dry_run,
    }
    if not as_json:
        _say(told)
    if dry_run:
        if as_json:
            print_json(told)
        return 0
    if not yes:
        click.confirm("Delete all this for good?", abort=True, err=True)
    # The tombstone first: whatever happens from here on, nothing brings the video back.
    with folder.lock():
        bury(folder.state, sorted(items), clean(reason, 500))

    def remake() -> None:
        options = pipeline.Options(workers=1)
        for stage in recipe.stages:
            if stage.flat_folder:
                pipeline.run(recipe, folder, options, only=stage.name, publish=publish)

    removal.remove(folder, recipe.stages, items, remake)
    if as_json:
        print_json(told)
    else:
        click.echo(f"removed: {', '.join(clean(name, 80) for name in sorted(items))}")
        click.echo("run the recipe again if one of them stood for its duplicates; make the report again")
    return 0


def _say(told: Mapping[str, Any]) -> None:
    for name in told["unknown"]:
        click.echo(f"{clean(name, 80)}: never seen in this root; its tombstone will keep it out")
    click.echo(
        f"{len(told['folders'])} folders and {len(told['pictures'])} pictures ({told['bytes'] / 1e6:.1f} MB), "
        f"{told['records']} records; shards to write again: {', '.join(told['shards']) or 'none'}"
    )
