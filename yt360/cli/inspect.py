"""``yt360 inspect FILE…``: what is this file, and can it enter the dataset?

What a file states is said at once, what picture and sound show when they have been measured.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from yt360.cli.isolated_inspection import DEFAULT_MEMORY_MB, inspect_isolated
from yt360.cli.plain_text import clean, painted
from yt360.cli.printable import printable_json
from yt360.cli.talk import doing, talk_options
from yt360.direction_words import direction_words
from yt360.errors import UsageError

_DECLARED = {"ambix": "AmbiX", "fuma": "FuMa", "n3d": "ACN/N3D"}
"""What channels may be declared to be."""

_SAID_BY = {
    "metadata": "the metadata says so",
    "content": "the picture shows it",
    "both": "metadata and picture agree",
}


def describe_stated(stated: Mapping[str, Any]) -> list[str]:
    """What a file says of itself, before anything of it is looked at: the first of the lines names the file."""
    length = "" if stated["duration_s"] is None else f", {stated['duration_s']:.1f} s"
    lines = [f"{stated['file']}: {stated['container']}{length}"]
    lines += [f"  {_picture_track(video)}" for video in stated["videos"]]
    lines += [f"  {_sound_track(audio)} ({audio['layout']})" for audio in stated["audios"]]
    return _cleaned(lines)


def _picture_track(video: Mapping[str, Any]) -> str:
    return f"picture: {video['codec']} {video['width']}x{video['height']} at {video['fps']:g} fps"


def _sound_track(audio: Mapping[str, Any]) -> str:
    return f"sound: {audio['codec']} {audio['sample_rate']} Hz, {audio['channels']} channels"


def _cleaned(lines: Sequence[str]) -> list[str]:
    """Names and words come from files, and are kept from painting the terminal."""
    first, *rest = (clean(line, 1000) for line in lines)
    return [first, *(f"  {line}" for line in rest)]


def describe(report: Mapping[str, Any], stated: Sequence[Mapping[str, Any]] = ()) -> str:
    """A report in a few lines for people, without what was told already: what its files had ``stated``.

    A track is named again where it is not the only one, or not what it was said to be.
    """
    lines = [f"{report['file']}: {report['verdict']}"]
    video, audio = report["video"], report["audio"]
    length = None if report["duration_s"] is None else f"{report['container']}, {report['duration_s']:.1f} s"
    told = {line.partition(": ")[2] for line in (describe_stated(one)[0] for one in stated[:1])}
    if length is not None and length not in told:
        lines.append(f"  {length}")
    if video:
        track = _picture_track(video)
        known = [_picture_track(one) for each in stated for one in each["videos"]] == [track]
        lines.append(
            f"  {'picture:' if known else f'{track},'} "
            f"{video['projection']} {video['stereo']} ({_SAID_BY.get(video['projection_source'], 'as said')})"
        )
        if video["disagreement"]:
            lines.append(f"  picture: {video['disagreement']}")
    if audio:
        ambisonic = audio["ambisonics"]
        # Where ambisonics are declared, libav's name for a layout of as many loudspeakers says nothing.
        declared = f"{_DECLARED.get(ambisonic['declared'], 'ambisonics')}, declared" if ambisonic["declared"] else ""
        track = _sound_track(audio)
        known = [(_sound_track(one), one["layout"]) for each in stated for one in each["audios"]] == [
            (track, audio["layout"])
        ]
        if known:
            named = f"sound: {declared}; " if declared else "sound: "
        else:
            named = f"{track} ({declared or audio['layout']}); "
        lines.append(f"  {named}ambisonics {ambisonic['verdict']}: {ambisonic['reason']}")
        heard = [d for d in audio["direction"] if d["diffuseness"] < 0.98]
        if heard:
            loudest = max(heard, key=lambda d: d["level_db"])
            where = direction_words(loudest["azimuth_deg"], loudest["elevation_deg"])
            lines.append(
                f"  sound: loudest at {loudest['t_s']:.0f} s, from {where} (diffuseness {loudest['diffuseness']:.2f})"
            )
    lines += [f"  {reason}" for reason in report["reasons"]]
    return "\n".join(_cleaned(lines))


def sound_beside(file: str) -> Path | None:
    """The sound file that a crawl of the folder would pair with a picture, by their names; None where there is none."""
    from yt360.crawling.media_kind import media_kind_of
    from yt360.crawling.pairing import pair

    path = Path(file)
    stem = path.name.partition(".")[0]
    try:
        names = [name for name in os.listdir(path.parent) if name.startswith(stem) and media_kind_of(name) is not None]
        found = next((group for group in pair(names, str(path.parent)) if group.video == path.name), None)
    except (OSError, UsageError):
        return None
    return path.parent / found.sound if found is not None and found.sound is not None else None


def _hints(file: str, report: Mapping[str, Any], sound: str | None, picture: str | None) -> Iterator[str]:
    """What a person may do next with this file, and what was written."""
    beside = sound_beside(file) if sound is None else None
    if beside is not None:
        yield (
            f"  beside it lies a sound of the same name, which a crawl of the folder takes: "
            f"yt360 inspect {shlex.quote(file)} --sound {shlex.quote(str(beside))}"
        )
    if picture and report.get("picture"):
        from yt360.media.energy_overlay import ENERGY_WORDS

        yield f"  wrote {picture}: where the sound comes from; {ENERGY_WORDS}; ring: its mean direction"
    elif picture:
        yield f"  {picture} was not written: there is no ambisonic sound to draw"


@click.command("inspect", short_help="Identify media files: projection, sound, duration.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=str))
@click.option("--sound", type=click.Path(path_type=str), help="The sound file that belongs to the one picture FILE.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, a line a file.")
@click.option("--picture", type=click.Path(path_type=str), help="Write the sound-energy map of the one FILE as PNG.")
@click.option(
    "--memory-mb", type=click.IntRange(256),
    help=f"Memory limit for each FILE [default: {DEFAULT_MEMORY_MB} and what its picture and sound need].",
)  # fmt: skip
@click.option(
    "--convention", type=click.Choice(["auto", "ambix", "n3d", "orthonormal", "fuma"]), default="auto",
    help="Order and weights of the ambisonics, where you know them; overrules what each FILE says.",
)  # fmt: skip
@talk_options
def inspect_command(
    files: tuple[str, ...], sound: str | None, as_json: bool, picture: str | None, memory_mb: int | None,
    convention: str,
) -> None:  # fmt: skip
    """Identify each FILE: projection, stereo layout, ambisonics, direction of sound, verdict.

    Exit status 1 if a file could not be understood at all, 0 otherwise (whatever the verdicts are).
    """
    if len(files) > 1 and (sound or picture):
        raise click.UsageError("--sound and --picture belong to a single FILE")
    for file in filter(None, (*files, sound, picture)):
        if "://" in file and not os.path.exists(file):
            raise click.UsageError(
                f"{file} : expected a file, found an address; get it with `yt360 crawl --source ADDRESS` first"
            )
    failed = False
    for file in files:
        stated: list[Mapping[str, Any]] = []

        def tell(found: Sequence[Mapping[str, Any]], stated: list[Mapping[str, Any]] = stated) -> None:
            """Said while picture and sound are still measured, so that a person has something to read."""
            stated += found
            click.echo("\n".join(line for one in found for line in describe_stated(one)))

        with doing(f"looking into {clean(file)}"):
            report = inspect_isolated(
                file, sound, picture, memory_mb=memory_mb, convention="" if convention == "auto" else convention,
                tell=None if as_json else tell, of_many=len(files) > 1,
            )  # fmt: skip
        failed |= "error" in report
        if as_json:
            click.echo(printable_json(report, allow_nan=False))
            continue
        head, _, rest = describe(report, stated).partition("\n")
        click.echo(head[: -len(report["verdict"])] + painted(report["verdict"]) + ("\n" + rest if rest else ""))
        for line in _hints(file, report, sound, picture):
            click.echo("  " + clean(line, 1000))
    if failed:
        raise SystemExit(1)
