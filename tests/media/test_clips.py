"""A clip's files say what they are when nothing stands beside them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.filters.pictures import scenery
from yt360.media import ffmpeg
from yt360.media.clips import ClipVideoWriter, check_clip_sound, check_clip_video, write_clip_sound
from yt360.media.containers.metadata import read_metadata
from yt360.media.probe import probe


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "clip.video.mp4"
    frames = np.repeat(np.asarray(np.clip(scenery(1), 0, 255), np.uint8)[:, :, None], 3, axis=2)
    with ClipVideoWriter(path, 320, 160, 16, gop=8, crf=20, preset="ultrafast") as out:
        for k in range(16):
            out.write(np.roll(frames, 3 * k, axis=1))
    return path


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = tmp_path / "clip.foa.flac"
    samples = np.random.default_rng(0).uniform(-0.1, 0.1, (24000, 4))
    write_clip_sound(path, samples, 24000, "PCM_24", {"SOURCE": "abc", "SOURCE_CONVENTION": "fuma"})
    return path


def test_a_lone_picture_is_a_sphere_and_whole(picture: Path) -> None:
    (said,) = read_metadata(picture).pictures
    assert (said.projection, said.stereo) == ("equirectangular", "mono")
    assert (said.yaw_deg, said.pitch_deg, said.roll_deg) == (0, 0, 0)
    assert check_clip_video(picture) == 16
    assert not probe(picture).metadata.problems


def test_a_lone_sound_is_ambix_and_whole(sound: Path) -> None:
    said = read_metadata(sound).sound()
    assert (said.order, said.channel_ordering, said.normalization, said.channel_map) == (1, 0, 0, (0, 1, 2, 3))
    assert check_clip_sound(sound) == 24000
    assert ("source_convention", "fuma") in probe(sound).tags


def _said(*command: str) -> str:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_ffmpeg_reads_the_sphere(picture: Path) -> None:
    found = subprocess.run([ffmpeg.executable(), "-hide_banner", "-i", str(picture)], capture_output=True, text=True)
    assert "Spherical Mapping: equirectangular" in found.stderr
    assert "Stereo 3D: 2D" in found.stderr


def test_exiftool_reads_the_sphere(picture: Path) -> None:
    said = _said("exiftool", "-ee", str(picture))
    assert "Monoscopic" in said
    assert said.count("Pose") == 3
    assert "Metadata Source                 : yt360" in said


def test_mediainfo_takes_no_channel_for_a_loudspeaker(sound: Path) -> None:
    said = _said("mediainfo", "--Full", str(sound))
    assert "Channel positions                        : 0/0/0" in said
    assert "AMBISONIC_NORMALIZATION                  : SN3D" in said
