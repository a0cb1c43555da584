"""A look into a file from outside, in a process of its own: libav may die on a hostile one, or never end."""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yt360.errors import ItemError
from yt360.importing import importing

if TYPE_CHECKING:
    from yt360.media.probe import MediaInfo

_TIMEOUT_S = 120.0
_SECOND_LOOK_S = 15.0
"""Time for ffmpeg to read the beginning of a file on which PyAV died."""

DEFAULT_MEMORY_MB = 512
"""Memory for a file of usual size; to it comes what its own picture and sound need."""

_LIBRARIES_MB = 512
"""Address space that libraries and the stacks of their threads reserve and hardly touch."""

_LOOK_S = 0.02

_MOST_TRACKS = 8
"""Tracks of a kind that are told of before they are looked at."""


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
    """Sends the limit of its memory (MB) where it rises, what the files state (a list), and the report (JSON)."""
    from yt360.media.bounds import memory_mb_beyond
    from yt360.media.probe import probe

    limit_mb = memory_mb or DEFAULT_MEMORY_MB
    _limit_memory(limit_mb)
    try:
        stated = [probe(Path(one)) for one in (file, sound) if one]
        if memory_mb is None:
            limit_mb += max(map(memory_mb_beyond, stated))
            _limit_memory(limit_mb)
            connection.send(limit_mb)
        connection.send([_stated(info) for info in stated])
        report = _inspected(file, sound, picture, convention)
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
    connection.send(json.dumps(report))  # pickled, its numbers would have the other side import numpy
    connection.close()


def _stated(info: MediaInfo) -> dict[str, Any]:
    """What a file says of itself and its first tracks, by the names that a report has for it."""
    return {
        "file": str(info.path),
        "container": info.container,
        "duration_s": None if info.duration_s is None else round(info.duration_s, 3),
        "videos": [
            {"codec": video.coded_as, "width": video.width, "height": video.height, "fps": video.fps}
            for video in info.videos[:_MOST_TRACKS]
        ],
        "audios": [
            {"codec": audio.codec, "sample_rate": audio.sample_rate_hz, "channels": audio.channels,
             "layout": audio.layout}
            for audio in info.audios[:_MOST_TRACKS]
        ],
    }  # fmt: skip


def _inspected(file: str, sound: str | None, picture: str | None, convention: str) -> dict[str, Any]:
    with importing():  # here: what a file states is told before the libraries that measure it are there
        from yt360.media.inspect import inspect_media
    report = (inspection := inspect_media(Path(file), Path(sound) if sound else None, convention=convention)).to_json()
    if picture:
        from yt360.media.evidence import sound_picture
        from yt360.media.png import write_png

        drawn = sound_picture(inspection)
        if drawn is not None:
            write_png(Path(picture), drawn)
        report["picture"] = picture if drawn is not None else None
    return report


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
    convention: str = "", tell: Callable[[Sequence[dict[str, Any]]], object] | None = None, of_many: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """The report on one file, made in a process of its own; its death or delay is reported, too.

    ``tell`` gets what the file (and ``sound``) states as soon as that is known: container, duration, tracks. With
    ``of_many`` what measures is imported before the first file instead of once for each.

    That process, and each ffmpeg that it starts, may hold ``memory_mb`` of memory: by default
    :data:`DEFAULT_MEMORY_MB` and what its picture and sound need.
    """
    # A server that has imported everything once makes a child in milliseconds, and libav never runs in it.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["yt360.media.inspect"] if of_many else ["yt360.media.bounds"])
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(sender, file, sound, picture, memory_mb, convention), daemon=True)
    process.start()
    sender.close()
    peak_mb, limit_mb = 0.0, memory_mb or DEFAULT_MEMORY_MB
    try:
        latest = time.monotonic() + _TIMEOUT_S
        while True:
            if receiver.poll(_LOOK_S):
                said: int | list[dict[str, Any]] | str = receiver.recv()
                if isinstance(said, str):
                    return {**json.loads(said), "memory_mb": round(peak_mb)}
                if isinstance(said, int):
                    limit_mb = said
                elif tell is not None:
                    tell(said)
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
