"""`yt360 release`: write what others rebuild a dataset from, ready for a hub; and compare two releases."""

from __future__ import annotations

from pathlib import Path

import click

from yt360.cli.common import (
    catalog_of,
    from_here,
    json_option,
    open_root,
    print_json,
    root_option,
    table,
    usable_cores,
)
from yt360.cli.groups import DefaultGroup
from yt360.cli.plain_text import clean
from yt360.cli.talk import Steps, talk_options
from yt360.cli.version import versions
from yt360.release.licences import POLICIES

_TOOLS = ("ffmpeg", "PyAV")
"""What else decides the bytes of clips, of :func:`yt360.cli.version.versions`."""


@click.command("write", short_help="Write a release of a dataset into a folder.")
@root_option
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A folder that is new or empty.")
@click.option("--media/--no-media", default=False, show_default=True, help="With picture and sound, or the list alone.")
@click.option(
    "--policy",
    type=click.Choice(list(POLICIES)),
    help="Which licences go in.  [default: all without media, cc with media]",
)
@click.option("--name", help="Name of the dataset.  [default: that of --out]")
@click.option("--version", "version", default="1.0.0", show_default=True, help="Version of the release.")
@click.option("--date", default="", help="Day of publication, 2026-01-31.  [default: that of the newest shard]")
@click.option(
    "--license", "licence", default="cc-by-4.0", show_default=True, help="Licence of the list and the annotations."
)
@click.option("--url", default="", help="Where the release will be found.")
@click.option(
    "--workers", type=click.IntRange(1, 1024), default=None, help="Worker processes.  [default: the CPU cores]"
)
@json_option
@talk_options
def write_command(
    root: str,
    out: Path,
    media: bool,
    policy: str | None,
    name: str | None,
    version: str,
    date: str,
    licence: str,
    url: str,
    workers: int | None,
    as_json: bool,
) -> int:
    """Write a folder that is ready for a hub: list, measures, fingerprints, licences, data card, Croissant, checksums.

    Without media others cut the same clips with `yt360 rebuild`, and learn how much of the dataset is still the same.
    Clips are adaptations of their videos: under the policy cc only videos whose licence lets adaptations be shared go
    in. The same root gives the same bytes.
    """
    from yt360.release.contents import Wanted, gather
    from yt360.release.writing import write_release

    folder = open_root(root)
    catalog = catalog_of(folder)
    chosen = policy or ("cc" if media else "all")
    wanted = Wanted(name or out.absolute().name, version, chosen, media, licence, date, url)
    tools = {tool: found for tool, found in versions().items() if tool in _TOOLS}
    contents = gather(catalog, wanted, tools)
    with Steps("packing shards") as steps:
        path = write_release(contents, folder, out, workers=workers or usable_cores(), said=steps)
    counts = contents.counts()
    if as_json:
        told = {"out": str(path), "policy": chosen, "media": media, "splits": counts, "left_out": contents.left_out}
        print_json({**told, "licenses": contents.licences(), "takedowns": len(contents.takedowns)})
        return 0
    rows = [[split, count["videos"], count["clips"], f"{count['hours']:.2f}"] for split, count in counts.items()]
    click.echo(table(rows, ["split", "videos", "clips", "hours"]))
    for reason, count in contents.left_out.items():
        click.echo(f"left out: {count['videos']} videos, {count['clips']} clips: {clean(reason)}")
    click.echo(f"policy {chosen}: {POLICIES[chosen].words}")
    click.echo(f"result: {from_here(path)}")
    return 0


@click.command("diff", short_help="What changed from one release to another.")
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@json_option
def diff_command(old: Path, new: Path, as_json: bool) -> int:
    """Compare the release OLD with NEW: clips that came, went, moved or changed, takedowns, parameters."""
    from yt360.release.diff import CHANGES, diff
    from yt360.release.reading import read_release

    found = diff(read_release(old), read_release(new))
    if as_json:
        print_json(found)
        return 0
    for side in ("old", "new"):
        click.echo(f"{side}: {found[side]['name']} {found[side]['version']} ({found[side]['digest'][:12]})")
    rows = [[split, *(count[change] for change in CHANGES)] for split, count in found["splits"].items()]
    click.echo(table(rows, ["split", *CHANGES]))
    for why, count in found["removed_why"].items():
        click.echo(f"removed: {count} clips: {clean(why)}")
    if found["takedowns"]:
        click.echo(f"taken down since: {clean(', '.join(found['takedowns']), 1000)}")
    for name, (before, now) in found["parameters"].items():
        click.echo(f"{clean(name)}: {clean(str(before), 100)} -> {clean(str(now), 100)}")
    return 0


release_group = DefaultGroup(
    "release",
    default="write",
    commands=[write_command, diff_command],
    help=write_command.help,
    short_help="Write a release: what others rebuild the dataset from.",
)
