"""`yt360 rebuild RELEASE --root DIR`: cut a published dataset again, and certify how much of it is the same."""

from __future__ import annotations

from typing import Any

import click

from yt360.cli import outcome
from yt360.cli.common import json_option, print_json, root_option, table, usable_cores
from yt360.cli.completion import complete_retry, complete_settings
from yt360.cli.plain_text import clean
from yt360.cli.talk import coloured, quiet, talk_options
from yt360.engine import pipeline
from yt360.engine.storage import Root
from yt360.stages import REGISTRY


@click.command("rebuild", short_help="Cut a published dataset again, and certify how much is the same.")
@click.argument("release")
@root_option
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="STAGE.PARAM=VALUE",
    shell_complete=complete_settings,
    help="Override a parameter of a stage (crawl.access…); may be given several times.",
)
@click.option(
    "--workers", type=click.IntRange(1, 1024), default=None, help="Worker processes.  [default: the CPU cores]"
)
@click.option(
    "--min-free-gb",
    type=click.FloatRange(0),
    default=1.0,
    show_default=True,
    help="Stop cleanly below this much free disk.",
)
@click.option(
    "--retry", metavar="WHAT", default=None, shell_complete=complete_retry, help="Try finished items again: failed, …"
)
@json_option
@talk_options
def rebuild_command(
    release: str,
    root: str,
    settings: tuple[str, ...],
    workers: int | None,
    min_free_gb: float,
    retry: str | None,
    as_json: bool,
) -> int:
    """Crawl the videos of RELEASE, cut the same segments, and say of each clip what became of it.

    RELEASE is the folder of a release, yt360-2020 (the list of the paper), or a .tsv or .csv table of segments.
    Verdicts: identical (same bytes), same-recording (encoded anew or trimmed), changed, gone, removed (taken down),
    unreachable, unverified (the list has nothing to compare with). The table, with a digest over itself, is in
    ROOT/report/rebuild.json, .md and .html. A video that was taken down never comes back.
    """
    from yt360.rebuild.page import sentence
    from yt360.rebuild.running import rebuild
    from yt360.release.reading import read_published

    published = read_published(release)
    folder = Root(root)
    options = pipeline.Options(
        workers=workers or usable_cores(), min_free_bytes=int(min_free_gb * 1e9), retry=retry, quiet=quiet() or as_json
    )
    made = rebuild(published, folder, REGISTRY, options, settings=settings, say=lambda text: click.echo(text, err=True))
    for line in outcome.told_causes(outcome.causes(outcome.of_records(made.result.failed)), folder):
        click.echo(coloured(line, "red") if line.startswith("failed") else line, err=True)
    if made.certificate is None:
        click.echo("interrupted; run the same command again to go on", err=True)
        return 128 + made.result.interrupted
    if as_json:
        print_json({name: value for name, value in made.certificate.items() if name != "clips"})
    else:
        _say(made.certificate)
        click.echo(sentence(made.certificate))
        click.echo(f"result: {folder.report / 'rebuild.json'} (every clip), rebuild.md, rebuild.html")
    if made.held:
        names = clean(" ".join(made.held), 1000)
        click.echo(
            f"{len(made.held)} videos of this root were taken down by the publisher since: `yt360 remove {names} "
            f"--root {clean(folder.url)}` deletes them",
            err=True,
        )
        return 1
    return 1 if made.certificate["total"]["unreachable"] else 0


def _say(made: dict[str, Any]) -> None:
    from yt360.rebuild.certificate import VERDICTS

    shown = [name for name in VERDICTS if made["total"][name]]
    sides = {**made["splits"], **({"all": made["total"]} if len(made["splits"]) > 1 else {})}
    rows = [[split, count["clips"], *(count[name] for name in shown)] for split, count in sides.items()]
    click.echo(table(rows, ["split", "clips", *shown]))
    for why, count in made["total"]["why"].items():
        click.echo(f"{clean(why)}: {count}")
