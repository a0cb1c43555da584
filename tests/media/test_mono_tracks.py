"""Four mono tracks of an editor's export are one sound where they plainly are, and that is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.media_containers import encode
from tests.media.places import PLACES, RATE, heard, scene
from yt360.media import ffmpeg
from yt360.media.inspect import inspect_media
from yt360.media.mono_tracks import FLAG, IN_ORDER, PAIRS_IN_ORDER, put_tracks_together
from yt360.media.probe import probe

EVERYWHERE = list(PLACES)


@pytest.fixture(scope="module")
def foa() -> np.ndarray:
    return scene()


def tracks(path: Path, channels: list[np.ndarray], names: list[str] | None = None, codec: str = "pcm_s16le") -> Path:
    """One mono track for each channel ``(n,)``; MXF needs a picture in front."""
    inputs: list[str] = []
    maps: list[str] = []
    for k, channel in enumerate(channels):
        part = path.with_name(f"{path.stem}{k}.wav")
        inputs += ["-i", str(encode(part, sound=channel[None], rate_hz=RATE, audio="pcm", layout="mono"))]
        maps += ["-map", f"{k}:a"]
        if names is not None:
            key = "title" if path.suffix == ".mkv" else "handler_name"
            maps += [f"-metadata:s:a:{k}", f"{key}={names[k]}"]
    if path.suffix == ".mxf":
        inputs += ["-f", "lavfi", "-i", f"color=s=64x32:r=25:d={len(channels[0]) / RATE}"]
        maps = ["-map", f"{len(channels)}:v", "-c:v", "mpeg2video", *maps]
    ffmpeg.run(["-y", *inputs, *maps, "-c:a", codec, str(path)], timeout_s=60)
    return path


@pytest.mark.parametrize(
    ("suffix", "codec"), [("mov", "pcm_s16le"), ("mxf", "pcm_s16le"), ("mkv", "flac"), ("mp4", "aac")]
)
def test_tracks_without_names_are_put_together_in_their_order(
    tmp_path: Path, foa: np.ndarray, suffix: str, codec: str
) -> None:
    path = tracks(tmp_path / f"x.{suffix}", list(foa), codec=codec)
    assert heard(path) == EVERYWHERE
    facts = inspect_media(path).ambisonic
    assert facts is not None
    assert facts.verdict is not None
    assert FLAG in facts.verdict.flags
    assert facts.verdict.reason.startswith(IN_ORDER)


@pytest.mark.parametrize(
    "names",
    [["Ambi X", "Ambi W", "Ambi Z", "Ambi Y"], ["acn3", "ACN_0", "ACN 2", "acn-1"], ["A - X", "B - W", "(z)", "y"]],
)
@pytest.mark.parametrize("suffix", ["mov", "mkv"])
def test_names_say_which_is_which(tmp_path: Path, foa: np.ndarray, names: list[str], suffix: str) -> None:
    path = tracks(tmp_path / f"x.{suffix}", [foa[3], foa[0], foa[2], foa[1]], names)
    assert heard(path) == EVERYWHERE
    facts = inspect_media(path).ambisonic
    assert facts is not None
    assert facts.verdict is not None
    assert FLAG not in facts.verdict.flags


def test_named_tracks_among_others(tmp_path: Path, foa: np.ndarray) -> None:
    voice = np.asarray(0.1 * np.random.default_rng(1).standard_normal(foa.shape[1]))
    path = tracks(tmp_path / "x.mov", [voice, *foa, voice], ["Boom", "W", "Y", "Z", "X", "Lav"])
    assert heard(path) == EVERYWHERE


def test_tracks_of_a_film_set_are_not_ambisonics(tmp_path: Path, foa: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    path = tracks(tmp_path / "x.mov", list(0.1 * rng.standard_normal((4, foa.shape[1]))))
    facts = inspect_media(path).ambisonic
    assert facts is not None
    assert facts.reading is None
    assert facts.words.startswith(IN_ORDER)


@pytest.mark.parametrize("fault", ["five", "length", "rate"])
def test_tracks_that_are_not_alike_stay_apart(tmp_path: Path, foa: np.ndarray, fault: str) -> None:
    channels = list(foa[:, : 2 * RATE])
    if fault == "five":
        channels.append(channels[0])
    elif fault == "length":
        channels[2] = channels[2][:RATE]
    path = tracks(tmp_path / "x.mov", channels)
    if fault == "rate":
        other = tracks(tmp_path / "y.mov", [foa[1, : 2 * RATE]])
        mixed = tmp_path / "z.mov"
        maps = ["-map", "0:a:0", "-map", "1:a", "-map", "0:a:2", "-map", "0:a:3"]
        ffmpeg.run(
            ["-y", "-i", str(path), "-i", str(other), *maps, "-c:a", "copy", "-c:a:1", "pcm_s24le", str(mixed)],
            timeout_s=60,
        )
        path = mixed
    assert put_tracks_together(probe(path)) is None
    words = dict(inspect_media(path).reasons())["no-ambisonics"]
    assert words.startswith("the sound is mono")
    assert f"one of {len(channels)} mono tracks" in words


def stereo_tracks(path: Path, channels: np.ndarray, codec: str) -> Path:
    """Two stereo tracks of four channels ``(4, n)``."""
    inputs, maps = [], []  # type: list[str], list[str]
    for k, pair in enumerate((channels[:2], channels[2:])):
        part = path.with_name(f"{path.stem}{k}.wav")
        inputs += ["-i", str(encode(part, sound=pair, rate_hz=RATE, audio="pcm", layout="stereo"))]
        maps += ["-map", f"{k}:a"]
    ffmpeg.run(["-y", *inputs, *maps, "-c:a", codec, str(path)], timeout_s=60)
    return path


@pytest.mark.parametrize(("suffix", "codec"), [("mov", "pcm_s24le"), ("mkv", "flac")])
def test_two_stereo_tracks_that_are_ambisonics_are_put_together(
    tmp_path: Path, foa: np.ndarray, suffix: str, codec: str
) -> None:
    path = stereo_tracks(tmp_path / f"x.{suffix}", foa, codec)
    assert heard(path) == EVERYWHERE
    verdict = inspect_media(path).ambisonic.verdict  # type: ignore[union-attr]
    assert verdict is not None
    assert FLAG in verdict.flags
    assert verdict.reason.startswith(PAIRS_IN_ORDER)


def test_two_languages_are_no_ambisonics(tmp_path: Path, foa: np.ndarray) -> None:
    """Two mixes of one bed with another voice each."""
    bed = foa[0] + 0.3 * foa[[1, 3]]
    both = np.concatenate([bed + foa[2], bed + np.roll(foa[3], 4000)])
    facts = inspect_media(stereo_tracks(tmp_path / "x.mov", both, "pcm_s16le")).ambisonic
    assert facts is not None
    assert facts.reason == "no-ambisonics"
    assert "two stereo tracks" in facts.words
