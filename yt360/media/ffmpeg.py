"""Run the ffmpeg binary: with a time-out, the whole process group killed, and its words kept.

The binary is ``$YT360_FFMPEG`` where that is set, else the one that the imageio-ffmpeg wheel
carries. It runs in a process group of its own (so that it can be killed with its children) in the
session of the caller (so that whoever kills a worker's session kills it too).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import lru_cache
from io import BufferedReader
from pathlib import Path
from typing import IO, cast

import imageio_ffmpeg

from yt360.errors import ItemError, UsageError

FORMATS = (
    "matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,ogg,wav,w64,wv,flac,mp3,aac,ac3,eac3,avi,mpegts,mpeg,caf,aiff,asf,flv,nut,"
    "iamf,mxf"
)
"""Containers that may be opened. Playlists and scripts (HLS, concat …) name other files and are not among them."""

DEFAULT_TIMEOUT_S = 3600.0
"""Seconds after which decoding a file is given up."""

KEEP_GAPS = ("-dts_delta_threshold", "3600")
"""ffmpeg closes gaps of MPEG-TS above ten seconds: in picture and sound, read one by one, each for itself."""

_KEPT_STDERR = 8000
"""Bytes of ffmpeg's messages that are kept for an error."""

_NUMBERS = "[Eval @"
"""How a line begins that a filter of ours printed; it is no message of ffmpeg's."""

_COMMON = ("-hide_banner", "-nostdin", "-v", "error")
"""Options of every call."""


class FfmpegError(ItemError):
    """ffmpeg failed on a file. ``stderr`` holds the end of what it said."""

    def __init__(self, kind: str, message: str, *, stderr: str = "", retryable: bool = False) -> None:
        super().__init__(kind, message, retryable=retryable)
        self.stderr = stderr


@dataclass(frozen=True)
class FfmpegResult:
    """What a finished ffmpeg wrote: ``stdout`` as bytes, the end of ``stderr`` as text."""

    stdout: bytes
    stderr: str


@lru_cache(maxsize=1)
def _wheel_binary() -> str:
    """The binary in the wheel of imageio-ffmpeg, else what that finds: it starts each once to see whether it runs."""
    own = list(Path(imageio_ffmpeg.__file__).parent.glob("binaries/ffmpeg-*"))
    if len(own) == 1 and os.access(own[0], os.X_OK) and not os.environ.get("IMAGEIO_FFMPEG_EXE"):
        return str(own[0])
    return str(imageio_ffmpeg.get_ffmpeg_exe())


def executable() -> str:
    """Path of the ffmpeg binary. Raises :class:`UsageError` when ``YT360_FFMPEG`` names no program."""
    chosen = os.environ.get("YT360_FFMPEG")
    if not chosen:
        return _wheel_binary()
    if not (os.path.isfile(chosen) and os.access(chosen, os.X_OK)):
        raise UsageError(
            f"YT360_FFMPEG: expected the path of an ffmpeg program, found {chosen!r}; correct or unset the variable"
        )
    return chosen


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill ffmpeg and whatever it started. Its group id is its own process id (process_group=0)."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _run_in_batches(process: subprocess.Popen[bytes]) -> None:
    """Let no thread of a decoder push another one aside as soon as it has something to do.

    ffmpeg hands every packet through five threads. Where each of them is run at once, twenty milliseconds of sound
    cost ten switches, which on a busy machine take longer than decoding. Threads that ffmpeg starts later inherit it.
    """
    if sys.platform == "linux":
        with suppress(OSError):  # it has ended already, or the policy is not ours to choose: it only costs more
            os.sched_setscheduler(process.pid, os.SCHED_BATCH, os.sched_param(0))


def complains(said: IO[bytes]) -> bool:
    """Whether ffmpeg has told of anything that is wrong; ``said`` is what :func:`stream` was given."""
    size, numbers = os.fstat(said.fileno()).st_size, _NUMBERS.encode()
    lines = os.pread(said.fileno(), size, 0).split(b"\n") if size else []
    return any(line.strip() and not line.startswith(numbers) for line in lines)


def _tail(text: IO[bytes]) -> str:
    end = text.seek(0, os.SEEK_END)
    text.seek(max(0, end - _KEPT_STDERR))
    lines = text.read().decode("utf-8", "replace").splitlines()
    return "\n".join(line for line in lines if not line.startswith(_NUMBERS)).strip()


def input_arguments(path: os.PathLike[str] | str, *, before: Sequence[str] = ()) -> list[str]:
    """Arguments that open a file from outside: only as a plain file, only as one of :data:`FORMATS`."""
    return ["-protocol_whitelist", "file,pipe", "-format_whitelist", FORMATS, *before, "-i", f"file:{os.fspath(path)}"]


def span(start_s: float, duration_s: float | None) -> list[str]:
    """Arguments before the input that have ffmpeg seek to a second and read for so many; all of it for None."""
    arguments = ["-ss", f"{start_s:.6f}"] if start_s > 0 else []
    return arguments + (["-t", f"{duration_s:.6f}"] if duration_s is not None else [])


def _input_name(arguments: Sequence[str]) -> str:
    name = next((arguments[i + 1] for i, word in enumerate(arguments[:-1]) if word == "-i"), "?")
    return name.removeprefix("file:")


def _failure(arguments: Sequence[str], code: int, stderr: str) -> FfmpegError:
    name = _input_name(arguments)
    last = stderr.splitlines()[-1] if stderr else "it said nothing"
    if "No space left on device" in stderr:
        return FfmpegError("disk-full", f"{name}: no space left while writing; free some space", stderr=stderr)
    if code < 0:
        return FfmpegError("crash", f"{name}: ffmpeg died of signal {-code}; the file may be hostile", stderr=stderr)
    return FfmpegError("decode", f"{name}: expected media that ffmpeg can process, found: {last}", stderr=stderr)


def _timed_out(arguments: Sequence[str], timeout_s: float, stderr: str) -> FfmpegError:
    message = f"{_input_name(arguments)}: ffmpeg needed more than {timeout_s:g} s and was stopped"
    return FfmpegError("timeout", message, stderr=stderr, retryable=True)


def run(arguments: Sequence[str], *, timeout_s: float, stdin: bytes | None = None) -> FfmpegResult:
    """Run ffmpeg with ``arguments`` (no shell) to its end.

    Raises :class:`FfmpegError` of kind ``decode``, ``crash``, ``timeout`` or ``disk-full``.
    """
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [executable(), *_COMMON, *arguments],
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            process_group=0,
        )
        try:
            stdout, _ = process.communicate(stdin, timeout=timeout_s)
        except subprocess.TimeoutExpired:
            _kill_group(process)
            raise _timed_out(arguments, timeout_s, _tail(errors)) from None
        except BaseException:
            _kill_group(process)
            raise
        finally:
            for pipe in (process.stdout, process.stdin):
                if pipe is not None:
                    pipe.close()
        stderr = _tail(errors)
    if process.returncode != 0:
        raise _failure(arguments, process.returncode, stderr)
    return FfmpegResult(stdout, stderr)


@contextmanager
def stream(arguments: Sequence[str], *, timeout_s: float, said: IO[bytes] | None = None) -> Iterator[BufferedReader]:
    """Run ffmpeg and read its standard output while it works.

    ``said`` is a file that receives its messages while it works; read it with ``os.pread``, it shares its position.

    Leaving the block before the end of the output kills ffmpeg. After the end of the output an exit
    status other than 0 raises :class:`FfmpegError` when the block is left; so does the time-out,
    which counts wall-clock time over the whole block.
    """
    with tempfile.TemporaryFile() if said is None else nullcontext(said) as errors:
        process = subprocess.Popen(
            [executable(), *_COMMON, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            process_group=0,
        )
        _run_in_batches(process)
        expired = threading.Event()

        def expire() -> None:
            expired.set()
            _kill_group(process)

        started = time.monotonic()
        timer = threading.Timer(timeout_s, expire)
        timer.daemon = True
        timer.start()
        stdout = cast(BufferedReader, process.stdout)
        try:
            yield stdout
            ended = not stdout.read(1)
            if ended:
                process.wait(max(0.1, timeout_s - (time.monotonic() - started) + 1))
        except subprocess.TimeoutExpired:
            expired.set()
            ended = True
        finally:
            timer.cancel()
            _kill_group(process)
            stdout.close()
        stderr = _tail(errors)
    if expired.is_set():
        raise _timed_out(arguments, timeout_s, stderr)
    if ended and process.returncode != 0:
        raise _failure(arguments, process.returncode, stderr)
