from __future__ import annotations

import os
import stat
import sys
import time
from pathlib import Path

import imageio_ffmpeg
import pytest

from yt360.errors import UsageError
from yt360.media import ffmpeg

ENDLESS = ["-f", "lavfi", "-i", "testsrc=s=64x64:r=25", "-f", "rawvideo", "-pix_fmt", "gray", "pipe:1"]


def _script(path: Path, text: str) -> Path:
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_run_returns_what_was_written() -> None:
    done = ffmpeg.run(["-f", "lavfi", "-i", "color=red:s=4x4", "-frames:v", "1", *ENDLESS[4:]], timeout_s=30)
    assert len(done.stdout) == 16


def test_failure_names_the_file_and_keeps_the_words(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("not a video")
    with pytest.raises(ffmpeg.FfmpegError, match=r"text\.mp4") as caught:
        ffmpeg.run([*ffmpeg.input_arguments(tmp_path / "text.mp4"), "-f", "null", "-"], timeout_s=30)
    assert caught.value.kind == "decode"
    assert "Invalid data" in caught.value.stderr


def test_time_out_kills_the_whole_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    child = tmp_path / "child"
    script = _script(tmp_path / "slow", f"sleep 60 & echo $! > {child}\nwait\n")
    monkeypatch.setenv("YT360_FFMPEG", str(script))
    with pytest.raises(ffmpeg.FfmpegError) as caught:
        ffmpeg.run(["-i", "x"], timeout_s=1)
    assert caught.value.kind == "timeout"
    assert caught.value.retryable
    time.sleep(0.2)
    assert not _alive(int(child.read_text()))


def _read_all(arguments: list[str], timeout_s: float) -> None:
    with ffmpeg.stream(arguments, timeout_s=timeout_s) as pipe:
        while pipe.read(4096):
            pass


def test_time_out_of_a_stream() -> None:
    started = time.monotonic()
    with pytest.raises(ffmpeg.FfmpegError) as caught:
        _read_all(["-re", *ENDLESS], timeout_s=1)
    assert caught.value.kind == "timeout"
    assert time.monotonic() - started < 20


def test_leaving_a_stream_early_is_no_error() -> None:
    with ffmpeg.stream(ENDLESS, timeout_s=30) as pipe:
        assert len(pipe.read(4096)) == 4096


def test_error_after_the_end_of_a_stream_is_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YT360_FFMPEG", str(_script(tmp_path / "bad", "echo data; echo 'broken input' >&2; exit 3\n")))
    with pytest.raises(ffmpeg.FfmpegError, match="broken input"), ffmpeg.stream(["-i", "x"], timeout_s=30) as pipe:
        assert pipe.read() == b"data\n"


def test_crash_is_its_own_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YT360_FFMPEG", str(_script(tmp_path / "die", "kill -SEGV $$\n")))
    with pytest.raises(ffmpeg.FfmpegError) as caught:
        ffmpeg.run(["-i", "x"], timeout_s=30)
    assert caught.value.kind == "crash"


def test_same_session_other_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "ids"
    monkeypatch.setenv("YT360_FFMPEG", str(_script(tmp_path / "ids.sh", f"cat /proc/self/stat > {out}\n")))
    ffmpeg.run(["-i", "x"], timeout_s=30)
    fields = out.read_text().rsplit(")", 1)[1].split()
    assert int(fields[3]) == os.getsid(0)
    assert int(fields[2]) != os.getpgid(0)


@pytest.mark.skipif(sys.platform != "linux", reason="a policy of Linux")
def test_threads_of_a_decoder_let_each_other_finish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YT360_FFMPEG", str(_script(tmp_path / "ffmpeg", "sleep 0.5\ncat /proc/self/stat\n")))
    with ffmpeg.stream(["-i", "x"], timeout_s=30) as pipe:
        fields = pipe.read().rsplit(b")", 1)[1].split()
    assert int(fields[38]) == os.SCHED_BATCH


def test_wrong_program_is_wrong_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YT360_FFMPEG", "/nowhere/ffmpeg")
    with pytest.raises(UsageError, match="YT360_FFMPEG"):
        ffmpeg.executable()


def test_playlist_cannot_pull_in_other_files(tmp_path: Path) -> None:
    """A script that names other files must not be followed."""
    (tmp_path / "trap.mp4").write_text("ffconcat version 1.0\nfile /etc/hostname\n")
    with pytest.raises(ffmpeg.FfmpegError):
        ffmpeg.run([*ffmpeg.input_arguments(tmp_path / "trap.mp4"), "-f", "null", "-"], timeout_s=30)


def test_the_binary_of_the_wheel_is_found_without_starting_it(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = imageio_ffmpeg.get_ffmpeg_exe()
    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", lambda: "asked")
    assert ffmpeg._wheel_binary.__wrapped__() == wanted


@pytest.mark.parametrize("binaries", [[], ["ffmpeg-a", "ffmpeg-b"]], ids=["none in it", "two in it"])
def test_without_a_binary_of_its_own_imageio_ffmpeg_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, binaries: list[str]
) -> None:
    (tmp_path / "binaries").mkdir()
    for name in binaries:
        _script(tmp_path / "binaries" / name, "exit 0\n")
    monkeypatch.setattr(imageio_ffmpeg, "__file__", str(tmp_path / "__init__.py"))
    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", lambda: "asked")
    assert ffmpeg._wheel_binary.__wrapped__() == "asked"


def test_a_binary_chosen_for_imageio_ffmpeg_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", "chosen")
    assert ffmpeg._wheel_binary.__wrapped__() == "chosen"


@pytest.mark.parametrize(
    ("words", "complains"),
    [
        ("", False),
        ("[Eval @ 0x1] 0.0400000000000000\n", False),
        ("[Eval @ 0x1] 0.04\n[h264 @ 0x2] error while decoding MB 3 4\n", True),
        ("[Eval @ 0x1] 0.04\n" * 1000 + "[h264 @ 0x2] error while decoding MB 3 4\n", True),
    ],
)
def test_what_a_filter_of_ours_prints_is_no_complaint(tmp_path: Path, words: str, complains: bool) -> None:
    (tmp_path / "said").write_text(words)
    with (tmp_path / "said").open("rb") as said:
        assert ffmpeg.complains(said) is complains
        assert said.tell() == 0
