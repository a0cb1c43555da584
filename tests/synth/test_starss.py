"""A world in the layout of STARSS23: its labels are where its sounds and pictures are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from yt360 import ambisonics, sphere
from yt360.cli.synth import synth_command
from yt360.dataset.starss import find_recordings, read_labels
from yt360.media.probe import probe
from yt360.synth.classes import THING_NAMES


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    words = ["--videos", "4", "--seed", "5", "--duration-s", "3", "--size", "64x128", "--fps", "8"]
    done = CliRunner().invoke(synth_command, [str(folder), *words, "--layout", "starss23"])
    assert done.exit_code == 0, done.output
    return folder


def test_a_quarter_is_for_the_test_and_everything_has_a_picture(world: Path) -> None:
    found = find_recordings(world)
    assert [each.split for each in found] == ["test", "train", "train", "train"]
    for each in found:
        assert each.frames == 30
        assert each.video is not None
        (picture,) = probe(each.video).videos
        assert (picture.width, picture.height) == (128, 64)


def test_what_sounds_alone_comes_from_where_its_label_says(world: Path) -> None:
    """Frames with a single label: the intensity vector points there, as far as ambience and rooms let it."""
    errors = []
    for recording in find_recordings(world):
        sound, rate_hz = soundfile.read(recording.sound, dtype="float32")
        labels = read_labels(recording.labels)
        assert labels
        for label in labels:
            assert 0 <= label.label < len(THING_NAMES)
            assert label.distance_cm is not None
            if sum(other.frame == label.frame for other in labels) > 1:
                continue
            part = sound[label.frame * rate_hz // 10 : (label.frame + 1) * rate_hz // 10].T
            heard = ambisonics.sound_direction(part)
            said = sphere.unit_vector(np.radians(label.azimuth_deg), np.radians(label.elevation_deg))
            angle = sphere.angle_between(sphere.unit_vector(heard.azimuth, heard.elevation), said)
            errors.append(float(np.degrees(angle)))
    assert len(errors) > 10
    assert np.median(errors) < 10


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--defects", "all"], "--layout starss23 has none"),
        (["--size", "64x100"], "twice as wide as high"),
        (["--fps", "7.5"], "expected a whole number"),
    ],
)
def test_what_does_not_fit_the_layout_is_refused(words: list[str], expected: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(
        synth_command, [str(tmp_path / "w"), "--videos", "1", "--seed", "1", "--layout", "starss23", *words]
    )
    assert expected in str(done.exception)
