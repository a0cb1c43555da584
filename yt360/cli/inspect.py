"""``yt360 inspect FILE…``: what is this file, and can it enter the dataset?

Each file is opened in a process of its own: libav may die on a hostile file, and one file must never
end the run over many.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import shlex
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import click

from yt360.cli.plain_text import clean, painted
from yt360.cli.printable import printable_json
from yt360.cli.talk import doing, talk_options
from yt360.direction_words import direction_words
from yt360.errors import ItemError, UsageError

_TIMEOUT_S = 120.0
_SECOND_LOOK_S = 15.0
"""Time for ffmpeg to read the beginning of a file on which PyAV died."""

_MEMORY_MB = 512
"""Memory for a file of usual size; to it comes what its own picture and sound need."""

_LIBRARIES_MB = 512
"""Address space that libraries and the stacks of their threads reserve and hardly touch."""

_LOOK_S = 0.02

_DECLARED = {"ambix": "AmbiX", "fuma": "FuMa", "n3d": "ACN/N3D"}
"""What channels may be declared to be."""

_SAID_BY = {
    "metadata": "the metadata says so",
    "content": "the picture shows it",
    "both": "metadata and picture agree",
}


def _limit_memory(megabytes: int) -> None:
    """A ceiling for one leap of this process, and of each ffmpeg it starts; :func:`_resident_mb` watches the rest."""
    most = (megabytes + _LIBRARIES_MB) << 20
    resource.setrlimit(resource.RLIMIT_DATA, (most, resource.getrlimit(resource.RLIMIT_DATA)[1]))


def _children(pid: int) -> list[int]:
    """The processes that the main thread of a process started: each ffmpeg leads a group of its own."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _resident_mb(pid: int) -> float:
    """Memory that a process and its children hold now; 0 where that cannot be read."""
    total = 0
    for process in (pid, *_children(pid)):
        with suppress(OSError):
            total += int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return total * resource.getpagesize() / (1 << 20)


def _child(
    connection: Connection, file: str, sound: str | None, picture: str | None, memory_mb: int | None,
    convention: str = "",
) -> None:  # fmt: skip
    from yt360.media.evidence import sound_picture
    from yt360.media.inspect import inspect_media, memory_mb_beyond
    from yt360.media.png import write_png
    from yt360.media.probe import probe

    path, sound_path = Path(file), Path(sound) if sound else None
    limit_mb = memory_mb or _MEMORY_MB
    _limit_memory(limit_mb)
    try:
        if memory_mb is None:
            limit_mb += max(memory_mb_beyond(probe(one)) for one in (path, sound_path) if one is not None)
            _limit_memory(limit_mb)
            connection.send(limit_mb)
        inspection = inspect_media(path, sound_path, convention=convention)
        report = inspection.to_json()
        if picture:
            drawn = sound_picture(inspection)
            if drawn is not None:
                write_png(Path(picture), drawn)
            report["picture"] = picture if drawn is not None else None
    except ItemError as error:
        report = _failure(file, error.kind, str(error))
    except MemoryError:
        report = _too_large(file, limit_mb)
    except OSError as error:
        report = _failure(file, "unreadable", f"{file}: {error}")
    except Exception as error:
        # A fault of ours, not of the file: it must not be called hostile for it.
        words = "this is an error of yt360, please report it with the file"
        report = _failure(file, "unexpected", f"{file}: {type(error).__name__}: {error}; {words}")
    connection.send(report)
    connection.close()


def _failure(file: str, kind: str, words: str) -> dict[str, Any]:
    return {
        "file": file,
        "sound_file": None,
        "container": None,
        "duration_s": None,
        "video": None,
        "audio": None,
        "verdict": "reject",
        "reasons": [f"{kind}: {words}"],
        "error": {"kind": kind, "message": words},
    }


def _too_large(file: str, memory_mb: int) -> dict[str, Any]:
    words = "more than its picture and sound account for; raise --memory-mb if you trust it"
    return _failure(file, "too-large", f"{file}: needs more than {memory_mb} MB of memory; {words}")


def _look_again(connection: Connection, file: str, memory_mb: int) -> None:
    """Whether ffmpeg, a program of its own, reads the beginning of a file."""
    from yt360.media import ffmpeg

    _limit_memory(memory_mb)
    try:
        ffmpeg.run([*ffmpeg.input_arguments(file, before=["-t", "1"]), "-f", "null", "-"], timeout_s=_SECOND_LOOK_S)
        connection.send(True)
    except (ItemError, OSError, MemoryError):
        connection.send(False)


def _whose_fault(file: str, memory_mb: int) -> str:
    """What to make of a file on which a process died: PyAV may be wrong where ffmpeg is right."""
    context = multiprocessing.get_context("forkserver")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_look_again, args=(sender, file, memory_mb), daemon=True)
    process.start()
    sender.close()
    try:
        fine = receiver.poll(2 * _SECOND_LOOK_S) and receiver.recv()
    except EOFError:
        fine = False
    process.kill()
    process.join()
    if not fine:
        return "the file may be hostile"
    return (
        "ffmpeg reads it, so the fault is PyAV's, the library that yt360 opens files with: remux it "
        "(ffmpeg -i FILE -map 0 -c copy NEW.mkv), and please report it"
    )


def inspect_isolated(
    file: str, sound: str | None = None, picture: str | None = None, *, memory_mb: int | None = None,
    convention: str = "",
) -> dict[str, Any]:  # fmt: skip
    """The report on one file, made in a process of its own; its death or delay is reported, too.

    That process, and each ffmpeg that it starts, may hold ``memory_mb`` of memory: by default
    :data:`_MEMORY_MB` and what its picture and sound need.
    """
    # A server that has imported everything once makes a child in milliseconds, and libav never runs in it.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["yt360.media.inspect", "yt360.media.evidence"])
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(sender, file, sound, picture, memory_mb, convention), daemon=True)
    process.start()
    sender.close()
    peak_mb, limit_mb = 0.0, memory_mb or _MEMORY_MB
    try:
        latest = time.monotonic() + _TIMEOUT_S
        while True:
            if receiver.poll(_LOOK_S):
                report: int | dict[str, Any] = receiver.recv()
                if isinstance(report, dict):
                    return report | {"memory_mb": round(peak_mb)}
                limit_mb = report
            if time.monotonic() > latest:
                return _failure(file, "timeout", f"{file}: not understood within {_TIMEOUT_S:g} s; it may be hostile")
            peak_mb = max(peak_mb, _resident_mb(process.pid or 0))
            if peak_mb > limit_mb:
                return _too_large(file, limit_mb)
    except EOFError:
        process.join(5)
        code = process.exitcode or 0
        name = signal.Signals(-code).name if code < 0 else f"exit status {code}"
        return _failure(
            file, "crash", f"{file}: the process that opened it died ({name}); {_whose_fault(file, limit_mb)}"
        )
    finally:
        if process.is_alive() and process.pid is not None:
            for child in _children(process.pid):
                with suppress(ProcessLookupError):
                    os.killpg(child, signal.SIGKILL)
            process.kill()
        process.join()
        receiver.close()


def describe(report: dict[str, Any]) -> str:
    """A report in a few lines for people; names and words come from files, and are kept from painting the terminal."""
    lines = [f"{report['file']}: {report['verdict']}"]
    video, audio = report["video"], report["audio"]
    if report["duration_s"] is not None:
        lines.append(f"  {report['container']}, {report['duration_s']:.1f} s")
    if video:
        lines.append(
            f"  picture: {video['codec']} {video['width']}x{video['height']} at {video['fps']:g} fps, "
            f"{video['projection']} {video['stereo']} ({_SAID_BY.get(video['projection_source'], 'as said')})"
        )
        if video["disagreement"]:
            lines.append(f"  picture: {video['disagreement']}")
    if audio:
        ambisonic = audio["ambisonics"]
        # Where ambisonics are declared, libav's name for a layout of as many loudspeakers says nothing.
        layout = (
            f"{_DECLARED.get(ambisonic['declared'], 'ambisonics')}, declared"
            if ambisonic["declared"]
            else audio["layout"]
        )
        lines.append(
            f"  sound: {audio['codec']} {audio['sample_rate']} Hz, {audio['channels']} channels ({layout}); "
            f"ambisonics {ambisonic['verdict']}: {ambisonic['reason']}"
        )
        heard = [d for d in audio["direction"] if d["diffuseness"] < 0.98]
        if heard:
            loudest = max(heard, key=lambda d: d["level_db"])
            where = direction_words(loudest["azimuth_deg"], loudest["elevation_deg"])
            lines.append(
                f"  sound: loudest at {loudest['t_s']:.0f} s, from {where} (diffuseness {loudest['diffuseness']:.2f})"
            )
    lines += [f"  {reason}" for reason in report["reasons"]]
    first, *rest = (clean(line, 1000) for line in lines)
    return "\n".join([first, *(f"  {line}" for line in rest)])


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
    help=f"Memory limit for each FILE [default: {_MEMORY_MB} and what its picture and sound need].",
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
        with doing(f"looking into {clean(file)}"):
            report = inspect_isolated(
                file, sound, picture, memory_mb=memory_mb, convention="" if convention == "auto" else convention
            )
        failed |= "error" in report
        if as_json:
            click.echo(printable_json(report, allow_nan=False))
            continue
        head, _, rest = describe(report).partition("\n")
        click.echo(head[: -len(report["verdict"])] + painted(report["verdict"]) + ("\n" + rest if rest else ""))
        for line in _hints(file, report, sound, picture):
            click.echo("  " + clean(line, 1000))
    if failed:
        raise SystemExit(1)
