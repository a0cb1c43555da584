"""`yt360 crawl`: discover, probe and download, together or one by one; the doctor; the attrition report."""

from __future__ import annotations

import functools
import itertools
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from yt360.cli.common import json_option, open_root, print_json, root_option, start_root, table
from yt360.cli.groups import DefaultGroup
from yt360.cli.plain_text import clean
from yt360.cli.run import stage_command
from yt360.crawling.listings import LISTED
from yt360.crawling.targets import LISTING
from yt360.engine import recipe as recipes
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.state.plan import ItemPlan
from yt360.engine.storage import Root
from yt360.errors import UsageError
from yt360.files import atomic_write_text
from yt360.stages import REGISTRY
from yt360.stages.crawl import Crawl

if TYPE_CHECKING:
    from yt360.crawling.doctor import Finding
    from yt360.engine.stage import Item

_EVERY = 25
"""Answers of the probe between two lines that say how far it is."""

_COUNTS = ("videos", "asked", "live", "reachable", "with_ambisonics", "segments", "segments_recoverable")


def _parameters(command: Any) -> Any:
    command = click.option("--source", metavar="WHAT", help="What to crawl; without it, that of the last run.")(command)
    return click.option(
        "-p", "--param", "parameters", multiple=True, metavar="PARAM=VALUE", help="A parameter of the crawl."
    )(command)


def _stage(root: Root, source: str | None, parameters: tuple[str, ...]) -> tuple[recipes.Recipe, Crawl]:
    settings = [f"crawl.{parameter}" for parameter in parameters]
    if source is not None:
        settings.append("crawl.source=" + json.dumps(source))
    recipe = recipes.of_root(root.recipe, REGISTRY, settings)
    found = next((stage for stage in recipe.stages if isinstance(stage, Crawl)), None)
    if found is None:
        raise UsageError(f"{root.recipe}: the recipe of this root has no crawl")
    return recipe, found


def _listed(folder: Root, recipe: recipes.Recipe, stage: Crawl) -> tuple[DatasetState, list[Item]]:
    """The videos of the source, remembered with the recipe, so that later steps and `status` know them."""
    catalog = DatasetState(folder, recipe.stages)
    items = list(stage.plan(catalog))
    catalog.save_plan(stage, items)
    stage.remember(catalog, items)
    atomic_write_text(folder.recipe, json.dumps(recipe.to_json(), indent=1, ensure_ascii=False) + "\n")
    return catalog, items


def _videos(items: list[Item]) -> list[Item]:
    """Without the channels, playlists and searches that stand for themselves because they could not be listed."""
    return [item for item in items if LISTING not in item.hints]


def _unlisted(items: list[Item]) -> list[dict[str, str]]:
    """The channels, playlists and searches that could not be listed, with kind and error."""
    found = [item.hints for item in items if LISTING in item.hints and LISTED not in item.hints]
    gone = {"kind": "failed-before", "error": "could not be listed before; --retry failed asks again"}
    return [{"address": hints[LISTING], **{name: hints.get(name, gone[name]) for name in gone}} for hints in found]


def _say_unlisted(failed: list[dict[str, str]]) -> int:
    """Name them; the exit code."""
    for each in failed:
        click.echo(f"failed: {each['kind']}: {clean(each['address'], 300)}: {clean(each['error'], 1500)}", err=True)
    return 1 if failed else 0


@click.command("discover", short_help="List the videos that a source means, and fetch none.")
@root_option
@_parameters
@json_option
def discover_command(root: str, source: str | None, parameters: tuple[str, ...], as_json: bool) -> int:
    """List the videos that --source means: searches, channels and playlists are asked, videos are not.

    The list is kept in the root; `probe` and `download` continue from it.
    """
    folder = start_root(root)
    recipe, stage = _stage(folder, source, parameters)
    with folder.lock():
        catalog, items = _listed(folder, recipe, stage)
    known = catalog.judged(stage, ItemPlan.of_items(stage, items)).count("done")
    videos, failed = _videos(items), _unlisted(items)
    if as_json:
        told = {"videos": len(videos), "crawled": known, "items": [item.id for item in videos]}
        print_json({**told, "unlisted": failed})
        return 1 if failed else 0
    click.echo(f"{len(videos)} videos, {known} of them crawled already; next: yt360 crawl probe|download --root …")
    return _say_unlisted(failed)


@click.command("probe", short_help="Ask what is offered of each listed video; download nothing.")
@root_option
@_parameters
@click.option("--limit", type=click.IntRange(1), help="Ask for at most this many; a later call continues.")
@click.option("--refresh", is_flag=True, help="Ask again for videos that answered before.")
@json_option
def probe_command(
    root: str, source: str | None, parameters: tuple[str, ...], limit: int | None, refresh: bool, as_json: bool
) -> int:
    """Formats, projection, sound, length, licence, channel and date of each listed video, at the crawl's pace.

    Then what downloading all of them would take. The answers are kept in ROOT/state/crawl-probe.jsonl.
    """
    from yt360.crawling.probe import budget, probe, probes_file, read_probes

    folder = start_root(root)
    recipe, stage = _stage(folder, source, parameters)
    with folder.lock():
        _, planned = _listed(folder, recipe, stage)
        items, failed = _videos(planned), _unlisted(planned)
        look = functools.partial(stage.look, state=folder.state)
        answers = probe(items, look, folder.state, refresh=refresh)
        for number, row in enumerate(itertools.islice(answers, limit), 1):
            if number % _EVERY == 0:
                click.echo(f"{number} asked, the last: {row['video']} {row['kind'] or 'offered'}", err=True)
    listed = {item.id for item in items}
    rows = [row for name, row in read_probes(folder.state).items() if name in listed]
    found = {**budget(rows, stage.params.access), "not_asked": len(listed) - len(rows)}
    if as_json:
        print_json(found)
        return 1 if failed else 0
    click.echo(f"{found['videos']} asked, {found['offered']} to be had, {found['not_asked']} not asked yet")
    for kind, count in found["unavailable"].items():
        click.echo(f"  {count:6} {kind}")
    for name in ("sound", "projection"):
        click.echo(f"  {name}: " + ", ".join(f"{count} {word}" for word, count in found[name].items()))
    unsized = f" ({found['videos_of_unknown_size']} of unknown size)" if found["videos_of_unknown_size"] else ""
    click.echo(
        f"to download: {found['bytes'] / 1e9:.2f} GB{unsized}, {found['media_hours']:.1f} h of video, "
        f"{found['crawl_hours']:.1f} h at this pace"
    )
    click.echo(f"each answer: {probes_file(folder.state)}")
    return _say_unlisted(failed)


@click.command("doctor", short_help="Is this machine fit to crawl, and which clients offer ambisonics today?")
@click.option("--root", metavar="DIR", help="A dataset, for its crawl's cookies, proxies and clients.")
@click.option("-p", "--param", "parameters", multiple=True, metavar="PARAM=VALUE", help="A parameter of the crawl.")
@click.option("--offline", is_flag=True, help="Check this machine only; make no requests.")
@click.option("--video", "videos", multiple=True, metavar="ID", help="Ask for these instead of the five known ones.")
@json_option
def doctor_command(
    root: str | None, parameters: tuple[str, ...], offline: bool, videos: tuple[str, ...], as_json: bool
) -> int:
    """Check yt-dlp's age, the JavaScript runtime, plugins and cookies; then ask YouTube, as politely as the crawl.

    As each client, for five videos that are known to have ambisonics: which formats are offered?
    Exit code 1 when something has to be done.
    """
    from yt360.crawling.doctor import KNOWN_AMBISONIC, best_clients, check_clients, check_machine

    settings = [f"crawl.{parameter}" for parameter in parameters]
    recipe = recipes.of_root(open_root(root).recipe, REGISTRY, settings) if root else None
    recipe = recipe or recipes.default(REGISTRY, settings)
    stage = next(stage for stage in recipe.stages if isinstance(stage, Crawl))
    findings = check_machine(stage.params.access)
    if not as_json:
        _say_findings(findings)
    rows: list[dict[str, Any]] = []
    if not offline:
        state = Root(root).state if root else Path(click.get_app_dir("yt360"))
        for row in check_clients(stage.params.access, state, videos=videos or KNOWN_AMBISONIC):
            rows.append(row)
            if not as_json:
                said = row["kind"] or f"ambisonic {row['ambisonic'] or 'none'}, 360° {len(row['spherical'])} formats"
                click.echo(f"{row['client']:>14}  {row['video']}  {clean(str(said), 160)}")
    best = best_clients(rows)
    well = all(one.well for one in findings) and (offline or bool(best and best[0][1]))
    if as_json:
        print_json({"well": well, "machine": [vars(one) for one in findings], "clients": rows, "best": best})
    elif best:
        words = [f"{client} ({count})" for client, count in best if count]
        click.echo("whole (ambisonics and 360°) by client: " + (", ".join(words) or "none; a crawl would find nothing"))
    return 0 if well else 1


def _say_findings(findings: list[Finding]) -> None:
    for one in findings:
        click.echo(f"{'ok' if one.well else 'NOT':>3}  {one.what}: {clean(one.found, 200)}")
        if one.advice:
            click.echo(f"     {clean(one.advice, 400)}")


@click.command("attrition", short_help="How much of a published list is still there.")
@root_option
@click.option(
    "--list", "listed", default="yt360-2020", show_default=True, help="yt360-2020, or a .tsv/.csv table of segments."
)
@click.option("--compare", type=click.Path(path_type=Path), help="An earlier report.  [default: the newest one]")
@json_option
def attrition_command(root: str, listed: str, compare: Path | None, as_json: bool) -> int:
    """Count the listed videos that still exist with ambisonics, and the segments that can be recovered, by split.

    What is known comes from this root's crawl and probe. The report is kept in ROOT/report/; a later one is
    compared with it.
    """
    from yt360.crawling import kept_ids, tables
    from yt360.crawling.attrition import attrition, gather, joined, read_report
    from yt360.crawling.attrition import compare as changes
    from yt360.crawling.probe import read_probes

    folder = open_root(root)
    recipe, stage = _stage(folder, None, ())
    table_rows = tables.published() if listed == tables.PUBLISHED else list(tables.read_table(Path(listed)).values())
    catalog = DatasetState(folder, recipe.stages)
    known = gather(catalog.records(stage.name), read_probes(folder.state))
    report = attrition(joined(table_rows, known, kept_ids.read(catalog)), known)
    earlier = compare or max(folder.report.glob("attrition-*.json"), default=None)
    changed = changes(read_report(earlier), report) if earlier else {}
    path = folder.report / f"attrition-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    kept = not folder.is_read_only()
    if kept:
        atomic_write_text(path, json.dumps({"list": listed, **report}, indent=1, sort_keys=True) + "\n")
    if as_json:
        print_json({"list": listed, **report, "changed": changed, "compared_with": str(earlier) if earlier else None})
        return 0
    sides = [side for side in report if side != "videos"]
    click.echo(table([[side, *(report[side][name] for name in _COUNTS)] for side in sides], ["split", *_COUNTS]))
    for side in sides:
        words = ", ".join(f"{count} {kind}" for kind, count in report[side]["kinds"].items())
        click.echo(f"{side}: {words or 'nothing to say'}")
    for change, names in changed.items():
        click.echo(f"since {earlier.name if earlier else ''}: {len(names)} {change}")
    click.echo(f"every video: {path}" if kept else "this root cannot be written: the report is not kept (see --json)")
    return 0


def _download_command() -> click.Command:
    command = stage_command("crawl")
    command.name, command.short_help = "download", "Fetch the listed videos: what `yt360 crawl` does."
    return command


crawl_group = DefaultGroup(
    "crawl",
    default="download",
    commands=[discover_command, probe_command, _download_command(), doctor_command, attrition_command],
    help=stage_command("crawl").help,
    short_help=stage_command("crawl").short_help,
)
