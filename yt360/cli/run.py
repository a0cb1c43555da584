"""`yt360 run RECIPE` and one command for each stage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from yt360.cli.common import _SHOWN, clean, engine_options, path_argument, root_option, table, usable_cores
from yt360.engine import pipeline
from yt360.engine import recipe as recipes
from yt360.engine.recipe import Recipe
from yt360.engine.storage import Root
from yt360.errors import UsageError
from yt360.stages import REGISTRY
from yt360.stages.manifests import publish

_set_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="STAGE.PARAM=VALUE",
    help="Override a parameter or a threshold of a stage; may be given several times.",
)


def execute(recipe: Recipe, root: Root, only: str | None, engine: dict[str, Any]) -> int:
    """Run, print what happened, and give the exit code."""
    options = pipeline.Options(
        workers=engine["workers"] or usable_cores(),
        min_free_bytes=int(engine["min_free_gb"] * 1e9),
        retry=engine["retry"],
    )
    result = pipeline.run(
        recipe, root, options, only=only, publish=publish, say=lambda text: click.echo(text, err=True)
    )
    rows = [
        [
            stage.stage,
            stage.counts["done"],
            stage.counts["filtered"],
            stage.counts["failed"],
            stage.counts["waiting"] + stage.counts["undecided"],
            stage.worked,
            f"{stage.seconds:.1f}",
        ]
        for stage in result.stages
    ]
    click.echo(table(rows, ["stage", "kept", "filtered", "failed", "waiting", "worked on", "seconds"]))
    for record in result.failed[:_SHOWN]:
        click.echo(f"failed: {record.stage} {record.item}: {record.kind}: {clean(record.error)}", err=True)
    if len(result.failed) > _SHOWN:
        click.echo(
            f"… and {len(result.failed) - _SHOWN} more failed: `yt360 status --root {root.path} --json`", err=True
        )
    if result.interrupted:
        click.echo("interrupted; run the same command again to go on", err=True)
        return 128 + result.interrupted
    return 1 if result.failed else 0


@click.command("run", short_help="Run a recipe: all its stages.")
@path_argument("recipe")
@root_option
@_set_option
@engine_options
def run_command(recipe: Path, root: str, settings: tuple[str, ...], **engine: Any) -> int:
    """Run all stages of a RECIPE (a YAML file, see pipelines/).

    What is finished stays; a second run does only what is missing or changed.
    """
    return execute(recipes.load(recipe, REGISTRY, settings), Root(root), None, engine)


_SUMMARIES = {
    "crawl": "Get videos: from YouTube, from URLs, or from a folder.",
    "validate": "Find projection and ambisonics; drop what is not 360° with spatial sound.",
    "stills": "Drop still pictures.",
    "voiceover": "Drop post-production sound: voice-over and background music.",
    "fingerprint": "Make what a video can be recognised by when it turns up again.",
    "duplicates": "Drop copies of videos that are there in better quality.",
    "chunk": "Cut 10 s clips; silence is skipped.",
    "segment": "Make panoptic maps of the clips.",
    "split": "Put every video into train or test.",
    "shard": "Write clips into tar shards.",
}


def stage_command(name: str, kind: type[click.Command] = click.Command) -> click.Command:
    """The command of one stage; ``kind`` is the class of the command object."""

    def command(root: str, settings: tuple[str, ...], parameters: tuple[str, ...], **engine: Any) -> int:
        folder = Root(root)
        own = [f"{name}.{parameter}" for parameter in parameters]
        source = engine.pop("source", None)
        if source is not None:
            own.append(f"{name}.source={_as_yaml(source)}")
        recipe = recipes.of_root(folder.recipe, REGISTRY, [*settings, *own])
        if name not in [stage.name for stage in recipe.stages]:
            raise UsageError(f"{folder.recipe}: the recipe of this root has no stage {name!r}")
        return execute(recipe, folder, name, engine)

    command.__doc__ = (
        f"{_SUMMARIES[name]}\n\nParameters are those of the recipe that the root was last run with; "
        "-p changes them for this run and those that follow."
    )
    decorated: Any = engine_options(_set_option(command))
    decorated = click.option(
        "-p",
        "--param",
        "parameters",
        multiple=True,
        metavar="PARAM=VALUE",
        help="A parameter or threshold of this stage.",
    )(decorated)
    if name == "crawl":
        decorated = click.option(
            "--source", metavar="WHAT", help="A folder, a list file, a URL, a YouTube id, or ytsearchN:QUERY."
        )(decorated)
    return click.command(name, cls=kind, short_help=_SUMMARIES[name])(root_option(decorated))


def _as_yaml(text: str) -> str:
    """Text as a YAML string, whatever it contains (``-id``, ``a: b``)."""
    return "'" + text.replace("'", "''") + "'"


validate_command = stage_command("validate")
stills_command = stage_command("stills")
voiceover_command = stage_command("voiceover")
fingerprint_command = stage_command("fingerprint")
duplicates_command = stage_command("duplicates")
chunk_command = stage_command("chunk")
segment_command = stage_command("segment")
split_command = stage_command("split")
shard_command = stage_command("shard")
