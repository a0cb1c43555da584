"""How samples are made out of clips: how much of a clip, which views, and where the published code differs.

Every field has the paper's value as its default.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from yt360.settings import Settings


class PublishedBehaviour(Settings):
    """Where the published code and the paper (or plain geometry) disagree, one field each.

    ``rotation``: ``original`` multiplies yaw and pitch in the order of the published
    ``rotate_ambix``, which leaves a source at the view's centre 14.8° off the front on average.
    ``pool``: negatives of a view; ``slot31`` is own views plus the same slot of the other videos
    (N+K-1), ``full112`` all views of all videos (N·K, Eq. 8); the numbers are those of N=28, K=4.
    ``margin``: least distance of two view centres in the longitude-latitude plane in units of 180°;
    the published code configures 0.2 and never applies it.
    ``coverage``: ``coded`` draws tangent-plane half widths (25.0° to 76.3°, pixels at their upper
    left corner), ``written`` draws angles (25° to 90°, pixels at their centres).
    ``flip_sound``: whether a flipped picture's sound is flipped with it.
    ``channels``: ``misread`` feeds the network what the published loader made out of a 5.1 file
    (X, Y, W, 0.707 Z where it meant W, Y, Z, X).
    """

    rotation: Literal["correct", "original"] = "correct"
    pool: Literal["full112", "slot31"] = "full112"
    margin: Annotated[float, Field(ge=0, lt=0.6)] = 0.2
    coverage: Literal["written", "coded"] = "written"
    flip_sound: bool = True
    channels: Literal["canonical", "misread"] = "canonical"

    @staticmethod
    def original() -> PublishedBehaviour:
        """All switches as the published code behaves."""
        return PublishedBehaviour(
            rotation="original", pool="slot31", margin=0.0, coverage="coded", flip_sound=False, channels="misread"
        )


class DataSettings(Settings):
    """Which clips, and how much of each makes a sample.

    ``clips_per_video``: samples of one video in an epoch (the video is drawn, then one of its
    clips). ``picture_s`` of picture lie at a random place inside ``sound_s`` of sound.
    """

    train_split: str = "train"
    test_split: str = "test"
    clips_per_video: Annotated[int, Field(ge=1)] = 32
    picture_s: Annotated[float, Field(gt=0, le=30)] = 0.5
    frames_per_second: Annotated[float, Field(gt=0, le=120)] = 16.0
    sound_s: Annotated[float, Field(gt=0, le=30)] = 1.0
    workers: Annotated[int, Field(ge=0, le=256)] = 2
    verify_digests: bool = True

    @property
    def frames(self) -> int:
        """Frames of a sample's picture."""
        return max(1, round(self.picture_s * self.frames_per_second))

    @model_validator(mode="after")
    def _picture_inside_sound(self) -> DataSettings:
        if self.picture_s > self.sound_s:
            raise ValueError(f"picture_s ({self.picture_s}) must not exceed sound_s ({self.sound_s})")
        return self


class ViewSettings(Settings):
    """How views are drawn. ``size`` in pixels; ``aspect`` is the range of height/width on the image plane.

    ``energy_share``: share of views drawn around the loudest direction of the sample's sound
    (not in the paper). ``jitter``: strengths of brightness, contrast, saturation and hue.
    ``gain``: range of the random gain on each view's sound.
    """

    size: Annotated[int, Field(ge=16, le=512)] = 112
    elevation_deg: tuple[float, float] = (-28.8, 30.6)
    aspect: tuple[float, float] = (0.75, 4 / 3)
    energy_share: Annotated[float, Field(ge=0, le=1)] = 0.0
    flip: Annotated[float, Field(ge=0, le=1)] = 0.5
    jitter: tuple[float, float, float, float] = (0.4, 0.4, 0.4, 0.2)
    gain: tuple[float, float] = (0.9, 1.1)

    @model_validator(mode="after")
    def _ordered(self) -> ViewSettings:
        for name in ("elevation_deg", "aspect", "gain"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name} must be [low, high], found [{low}, {high}]")
        if not -90 <= self.elevation_deg[0] <= self.elevation_deg[1] <= 90:
            raise ValueError(f"elevation_deg must lie within [-90, 90], found {list(self.elevation_deg)}")
        if self.aspect[0] <= 0 or self.gain[0] <= 0:
            raise ValueError("aspect and gain must be positive")
        if any(not 0 <= strength < 1 for strength in self.jitter[:3]) or not 0 <= self.jitter[3] <= 0.5:
            raise ValueError(f"jitter must lie in [0, 1), its hue in [0, 0.5], found {list(self.jitter)}")
        return self


class SampleSettings(Settings):
    """All that a sample depends on besides its clip and its random numbers.

    ``view_count`` views of one moment look in different directions; with ``several_moments`` they are
    ``view_count`` moments of the clip, all seen from the same direction.
    """

    data: DataSettings = DataSettings()
    views: ViewSettings = ViewSettings()
    behaviour: PublishedBehaviour = PublishedBehaviour()
    view_count: Annotated[int, Field(ge=1, le=64)] = 4
    several_moments: bool = False
