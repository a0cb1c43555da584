"""Real pictures beside the checkout, nothing of which was fitted on: what is known of each must come out."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests import SHARED
from yt360.media.inspect import inspect_media
from yt360.media.probe import probe
from yt360.media.projection.content import WORK_HEIGHT, WORK_WIDTH
from yt360.media.projection.letterbox import guess_projection
from yt360.media.sampling import sample_frames

REAL = SHARED / "real"
pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason=f"real pictures are not there ({REAL})")

UPPER_AND_LOWER_EYE = ("vrview_coral_TB", "vrview_andes_TB", "vrview_congo_2048_TB")
STILLS = sorted((REAL / "stills").glob("*")) if REAL.is_dir() else []
SPHERES = [path for path in sorted((REAL / "video360").glob("*")) if path.suffix in (".webm", ".mp4")]
TORN = [REAL / "negatives/named_pano_flat_drone.mp4", SHARED / "media/flat_camera.mp4"]


def truth(path: Path) -> tuple[str, str]:
    return "equirectangular", "top-bottom" if path.stem in UPPER_AND_LOWER_EYE else "mono"


@pytest.mark.parametrize("path", STILLS, ids=lambda path: path.stem)
def test_photographs_are_told_by_what_they_show(path: Path) -> None:
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    shrunk = cv2.resize(picture, (WORK_WIDTH, WORK_HEIGHT), interpolation=cv2.INTER_AREA)
    guess = guess_projection(np.asarray(shrunk, np.uint8)[None], picture.shape[1], picture.shape[0])
    assert (guess.projection, guess.stereo) == truth(path), guess.reason


@pytest.mark.slow
@pytest.mark.parametrize("path", SPHERES, ids=lambda path: path.stem)
def test_recordings_are_read_with_and_without_what_they_say(path: Path) -> None:
    inspection = inspect_media(path)
    assert inspection.picture is not None
    assert (inspection.picture.projection, inspection.picture.stereo) == truth(path), inspection.picture.words
    assert inspection.guess is not None
    assert (inspection.guess.projection, inspection.guess.stereo) == truth(path), inspection.guess.reason


@pytest.mark.parametrize("path", TORN, ids=lambda path: path.stem)
def test_plain_pictures_are_not_360(path: Path) -> None:
    info = probe(path)
    video = info.videos[0]
    frames = sample_frames(info, video, count=9, height=WORK_HEIGHT, width=WORK_WIDTH).frames
    guess = guess_projection(frames, video.width, video.height)
    assert guess.projection == "flat", guess.reason


def test_four_tiles_that_meet_under_the_camera_are_no_reason_to_refuse_a_room() -> None:
    room = SHARED / "cases/checkered-floor/room.webm"
    picture = inspect_media(room).picture
    assert picture is not None
    assert (picture.projection, picture.stereo, picture.reason) == ("equirectangular", "mono", "")
