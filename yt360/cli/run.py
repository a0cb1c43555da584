"""`yt360 run RECIPE` and one command for each stage."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from typing import Any

import click

from yt360 import shipped
from yt360.cli import outcome
from yt360.cli.common import engine_options, root_option, table, usable_cores
from yt360.cli.completion import complete_parameters, complete_recipes, complete_settings
from yt360.cli.recipes import list_option
from yt360.cli.stage_help import EngineCommand, StageCommand
from yt360.cli.talk import coloured, quiet, talk_options, verbose
from yt360.engine import estimate as estimates
from yt360.engine import pipeline
from yt360.engine import recipe as recipes
from yt360.engine.executors.base import Executor
from yt360.engine.recipe import Recipe
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.storage import Root
from yt360.errors import UsageError
from yt360.publishing.manifests import publish
from yt360.redaction import is_secret_name, secret_in
from yt360.stages import REGISTRY

_ASSIGNED = re.compile(r"(?:^|[\s,=])([A-Za-z_][A-Za-z0-9_]*)=(?=[^\s,$])")
"""``NAME=VALUE`` among words, as in ``--export=ALL,NAME=VALUE``; a value that is itself a variable is none."""

_SLOWEST = 3
"""Items that -v names."""

_set_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="STAGE.PARAM=VALUE",
    shell_complete=complete_settings,
    help="Override a parameter or a threshold of a stage; may be given several times.",
)


def execute(recipe: Recipe, root: Root, only: str | None, engine: dict[str, Any]) -> int:
    """Run, print what happened, and give the exit code."""
    options = pipeline.Options(
        workers=engine["workers"] or usable_cores(),
        min_free_bytes=int(engine["min_free_gb"] * 1e9),
        retry=engine["retry"],
        quiet=quiet(),
        ahead=engine.get("ahead", True),
    )
    if engine["sample"] and not engine["dry_run"]:
        raise UsageError("--sample: expected --dry-run with it; without, all items are worked on")
    if engine["dry_run"]:
        return _dry_run(recipe, root, options, engine["sample"])
    if engine["engine"] == "slurm":
        _refuse_secrets(engine)
        return _on_slurm(recipe, root, only, options, engine)
    _refuse_secrets(engine)
    if engine["address"] and engine["engine"] != "ray":
        raise UsageError("--address: expected --engine ray with it")
    result = pipeline.run(
        recipe,
        root,
        options,
        engine=_ray(engine) if engine["engine"] == "ray" else None,
        only=only,
        publish=publish,
        say=lambda text: click.echo(text, err=True),
    )
    _summary(result, recipe, root, whole=only is None)
    if result.interrupted:
        click.echo("interrupted; run the same command again to go on", err=True)
        return 128 + result.interrupted
    return 1 if result.failed else 0


def _refuse_secrets(engine: dict[str, Any]) -> None:
    """What is said to a cluster stands in scripts, in the root's state, and in the lists of running processes."""
    if engine["address"] and (found := secret_in(engine["address"])):
        raise UsageError(f"--address: this address holds {found}; give a token by the environment (RAY_AUTH_TOKEN)")
    for name, words in (("--sbatch", " ".join(engine["extra"])), ("--launcher", engine["launcher"] or "")):
        found = secret_in(words) or next(
            (f"a value for {match[1]}" for match in _ASSIGNED.finditer(words) if is_secret_name(match[1])), ""
        )
        if found:
            raise UsageError(
                f"{name} holds {found}, which would stand in scripts and lists of processes; set it in the "
                "environment: SLURM passes that on to its jobs"
            )


def _ray(engine: dict[str, Any]) -> Executor:
    from yt360.engine.executors.ray import RayExecutor

    return RayExecutor(engine["address"], workers=engine["workers"])


def _summary(result: pipeline.RunResult, recipe: Recipe, root: Root, *, whole: bool) -> None:
    """What was done, dropped (and why) and failed; after a ``whole`` recipe also where the result is and what next."""
    rows = [
        [
            stage.stage,
            stage.counts["done"],
            stage.counts["filtered"],
            stage.counts["failed"],
            stage.counts["waiting"] + stage.counts["undecided"],
            stage.worked,
            f"{stage.seconds:.1f}",
            f"{stage.worked / stage.seconds:.2f}/s" if stage.worked and stage.seconds else "-",
            f"{stage.size / 1e6:.1f} MB",
        ]
        for stage in result.stages
    ]
    header = ["stage", "kept", "filtered", "failed", "waiting", "worked on", "seconds", "rate", "written"]
    click.echo(table(rows, header))
    if verbose():
        slow = sorted(((s, stage.stage, item) for stage in result.stages for s, item in stage.slowest), reverse=True)
        for seconds, name, item in slow[:_SLOWEST]:
            click.echo(f"slowest: {seconds:.1f} s, {name}, {item}")
    catalog = DatasetState(root, recipe.stages)
    ran = {stage.stage for stage in result.stages}
    for line in outcome.told_off(stage for stage in recipe.stages if stage.name in ran):
        click.echo(line)
    for stage in result.stages:
        for line in outcome.told_reasons(stage.stage, outcome.reasons_of(catalog, stage.stage)):
            click.echo(line)
    for line in outcome.told_causes(outcome.causes(outcome.of_records(result.failed)), root):
        click.echo(coloured(line, "red") if line.startswith("failed") else line, err=True)
    if result.interrupted:
        return
    if not whole:
        if (line := outcome.still_waiting(catalog, result.stages[-1].stage)) and not quiet():
            click.echo(line)
        return
    if sounds := outcome.loose_sounds(catalog):
        click.echo(outcome.told_sounds(sounds))
    made = outcome.result(root)
    if made:
        click.echo(f"result: {made}")
    if not quiet():
        click.echo("next:")
        dropped = outcome.first_dropped(catalog, besides=sounds)
        for line in outcome.next_commands(root, dropped, kept=made.startswith(tuple("123456789"))):
            click.echo(line)


def _on_slurm(recipe: Recipe, root: Root, only: str | None, options: pipeline.Options, engine: dict[str, Any]) -> int:
    from yt360.engine.executors import slurm

    slurm.require_slurm()
    settings = slurm.Settings(
        tasks=engine["tasks"], window=engine["window"], extra=engine["extra"], workers=engine["workers"] or 1
    )
    if engine["launcher"]:
        settings = replace(settings, launcher=tuple(shlex.split(engine["launcher"])))
    pipeline.require_usable(recipe, only)
    run = pipeline.run_name()
    root.create()
    root.pull()
    slurm.start(root, run, only, options, settings)
    progress = slurm.advance(root, recipe, run, publish)
    click.echo(f"run {run}: jobs {', '.join(map(str, progress.jobs)) or 'none'}; logs in {root.logs / run}")
    if engine["no_wait"]:
        click.echo(f"`yt360 status --root {root.url} --missing` says what is left")
        return 0
    progress = slurm.wait(root, run, say=lambda now: click.echo(f"{now.stage or 'finished'}: jobs {list(now.jobs)}"))
    for stage, count in progress.left.items():
        click.echo(f"{stage}: {count} items are still to do; give the same command again", err=True)
    return 1 if progress.failed or progress.left else 0


def _dry_run(recipe: Recipe, root: Root, options: pipeline.Options, sample: int | None) -> int:
    if sample is None:
        root.pull()
        rows = [list(row) for row in estimates.to_do(recipe, root)]
        click.echo(table(rows, ["stage", "items known", "to work on"]))
        return 0
    costs = estimates.estimate(recipe, root, options, sample)
    shown = [
        [c.stage, c.sampled, c.items, f"{c.worker_hours:.2f}", f"{c.size / 1e9:.3f}", f"{c.gpu_hours:.2f}"]
        for c in costs
    ]
    click.echo(table(shown, ["stage", "sampled", "items", "worker hours", "GB", "GPU hours"]))
    hours, size = sum(c.worker_hours for c in costs), sum(c.size for c in costs)
    click.echo(
        f"the whole, from {sample} items: {hours:.2f} worker hours ({hours / options.workers:.2f} h with "
        f"{options.workers} workers), {size / 1e9:.3f} GB, {sum(c.gpu_hours for c in costs):.2f} GPU hours"
    )
    return 0


@click.command("run", cls=EngineCommand, short_help="Run a recipe: all its stages.")
@click.argument("recipe", shell_complete=complete_recipes("run"))
@root_option
@list_option("run")
@_set_option
@click.option(
    "--ahead/--no-ahead",
    default=True,
    show_default=True,
    help="Cut clips of HEVC, VP9 and AV1 while frame_of_reference looks at them: decoded once (not with SLURM).",
)
@engine_options
@talk_options
def run_command(recipe: str, root: str, settings: tuple[str, ...], **engine: Any) -> int:
    """Run all stages of a RECIPE: a YAML file, or the name of one that comes with yt360 (--list).

    What is finished stays; a second run does only what is missing or changed.
    """
    return execute(recipes.load(shipped.recipe("run", recipe), REGISTRY, settings), Root(root), None, engine)


_SUMMARIES = {
    "crawl": "Get videos: from YouTube, from URLs, or from a folder.",
    "validate": "Detect projection and ambisonics; drop anything that is not 360° with spatial sound.",
    "stills": "Drop still pictures.",
    "voiceover": "Drop post-production sound: voice-over and background music.",
    "frame_of_reference": "Measure whether sound comes from where and when it is seen; drops nothing by default.",
    "fingerprint": "Compute fingerprints for finding duplicates.",
    "duplicates": "Drop duplicates, keeping the best copy.",
    "chunk": "Cut 10 s clips; silence is skipped.",
    "segment": "Make panoptic maps of the clips.",
    "annotate": "Find the clips' sound events with directions.",
    "split": "Put every video into train or test.",
    "shard": "Write clips into tar shards.",
}


def stage_command(name: str) -> click.Command:
    """The command of one stage: of yt360's own, of an installed package, or of the recipe of the root it is given."""
    summary = _SUMMARIES.get(name) or f"The stage {name!r} of another package."

    def command(root: str, settings: tuple[str, ...], parameters: tuple[str, ...], **engine: Any) -> int:
        folder = Root(root)
        own = [f"{name}.{parameter}" for parameter in parameters]
        source = engine.pop("source", None)
        if source is not None:
            own.append(f"{name}.source={_as_yaml(source)}")
        folder.pull()
        recipe = recipes.of_root(folder.recipe, REGISTRY, [*settings, *own])
        if name not in [stage.name for stage in recipe.stages]:
            raise UsageError(
                f"{folder.recipe}: the recipe of this root has no stage {name!r}; run a recipe that has it on this root"
            )
        return execute(recipe, folder, name, engine)

    command.__doc__ = (
        f"{summary}\n\nParameters are those of the recipe that the root was last run with; "
        "-p changes them for this run and those that follow."
    )
    decorated: Any = engine_options(_set_option(talk_options(command)))
    decorated = click.option(
        "-p",
        "--param",
        "parameters",
        multiple=True,
        metavar="PARAM=VALUE",
        shell_complete=complete_parameters(name),
        help="A parameter or threshold of this stage.",
    )(decorated)
    if name == "crawl":
        decorated = click.option(
            "--source", metavar="WHAT", help="A folder, a list file, a URL, a YouTube id, or ytsearchN:QUERY."
        )(decorated)
    return click.command(name, cls=StageCommand, stage=name, short_help=summary)(root_option(decorated))


def _as_yaml(text: str) -> str:
    """Text as a YAML string, whatever it contains (``-id``, ``a: b``)."""
    return "'" + text.replace("'", "''") + "'"


validate_command = stage_command("validate")
stills_command = stage_command("stills")
voiceover_command = stage_command("voiceover")
frame_of_reference_command = stage_command("frame_of_reference")
fingerprint_command = stage_command("fingerprint")
duplicates_command = stage_command("duplicates")
chunk_command = stage_command("chunk")
segment_command = stage_command("segment")
annotate_command = stage_command("annotate")
split_command = stage_command("split")
shard_command = stage_command("shard")
