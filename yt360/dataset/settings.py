"""How samples are made out of clips: how much of a clip, which views, and where the published code differs.

Every field has the paper's value as its default.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from yt360.settings import Settings, unit

_LOG = logging.getLogger("yt360.settings")

OLD_POOLS: Mapping[str, Literal["all_views", "same_slot"]] = {"full112": "all_views", "slot31": "same_slot"}
"""Values of ``pool`` until version 0.1: the numbers were those of N=28, K=4."""


class PublishedBehaviour(Settings):
    """Where the published code and the paper (or plain geometry) disagree: one field each."""

    rotation: Literal["correct", "original"] = Field(
        default="correct",
        description="Order in which yaw and pitch turn the sound to a view. original is that of the published "
        "rotate_ambix, which leaves a source at the view's centre 14.8 degrees off the front on average.",
    )
    pool: Literal["all_views", "same_slot"] = Field(
        default="all_views",
        description="Negatives of a view. all_views: all views of all videos of the batch (N*K with N videos of K "
        "views, Eq. 8). same_slot: the own video's views and the same slot of the other videos (N+K-1), as published.",
    )
    margin: float = Field(
        default=0.2,
        ge=0,
        lt=0.6,
        description="Least distance between two view centres in the longitude-latitude plane. The published code "
        "configures 0.2 and never applies it.",
        json_schema_extra=unit("180 degrees"),
    )
    coverage: Literal["written", "coded"] = Field(
        default="written",
        description="How fields of view are drawn. written: angles from 25 to 90 degrees, pixels at their centres. "
        "coded: half widths on the tangent plane (25.0 to 76.3 degrees), pixels at their upper left corners.",
    )
    flip_sound: bool = Field(
        default=True, description="Flip the sound with a flipped picture (left and right change places)."
    )
    channels: Literal["canonical", "misread"] = Field(
        default="canonical",
        description="Ambisonic channels that the network gets. misread: what the published loader made out of a 5.1 "
        "file (X, Y, W, 0.707 Z where it meant W, Y, Z, X).",
    )

    @field_validator("pool", mode="before")
    @classmethod
    def _pool_by_its_old_name(cls, value: Any) -> Any:
        if isinstance(value, str) and value in OLD_POOLS:
            _LOG.warning("pool: %r is now called %r; the old value still works", value, OLD_POOLS[value])
            return OLD_POOLS[value]
        return value

    @staticmethod
    def original() -> PublishedBehaviour:
        """All switches as the published code behaves."""
        return PublishedBehaviour(
            rotation="original", pool="same_slot", margin=0.0, coverage="coded", flip_sound=False, channels="misread"
        )


class DataSettings(Settings):
    """Which clips, and how much of each makes a sample."""

    train_split: str = Field(default="train", description="Split of the manifest to train on.")
    test_split: str = Field(default="test", description="Split of the manifest that is held out.")
    clips_per_video: int = Field(
        default=32,
        ge=1,
        description="Samples of one video in an epoch: the video is drawn, then one of its clips.",
    )
    picture_s: float = Field(
        default=0.5,
        gt=0,
        le=30,
        description="Length of picture in a sample. It lies at a random place inside the sound; at most sound_s.",
    )
    frames_per_second: float = Field(default=16.0, gt=0, le=120, description="Frames taken of a second of picture.")
    sound_s: float = Field(default=1.0, gt=0, le=30, description="Length of sound in a sample.")
    workers: int = Field(
        default=2, ge=0, le=256, description="Processes that decode and crop. 0: the training process does it itself."
    )
    verify_digests: bool = Field(
        default=True, description="Check the digest of each member of a shard the first time a process reads it."
    )

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
    """How views (perspective crops with the sound turned to them) are drawn and augmented."""

    size: int = Field(
        default=112, ge=16, le=512, description="Width and height of a view.", json_schema_extra=unit("pixels")
    )
    elevation_deg: tuple[float, float] = Field(
        default=(-28.8, 30.6), description="Range of the elevation of view centres, within -90 (down) and 90 (up)."
    )
    aspect: tuple[float, float] = Field(
        default=(0.75, 4 / 3), description="Range of height/width of a view on the image plane; above 0."
    )
    energy_share: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Share of views drawn around the loudest direction of the sample's sound (not in the paper).",
    )
    flip: float = Field(default=0.5, ge=0, le=1, description="Probability that a training view is mirrored.")
    jitter: tuple[float, float, float, float] = Field(
        default=(0.4, 0.4, 0.4, 0.2),
        description="Strength of colour jitter in training: brightness, contrast, saturation (each in [0, 1)) and hue "
        "(in [0, 0.5], as a share of a turn).",
    )
    gain: tuple[float, float] = Field(
        default=(0.9, 1.1), description="Range of the random gain on each training view's sound; above 0."
    )

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
    """All that a sample depends on besides its clip and its random numbers."""

    data: DataSettings = Field(default=DataSettings(), description="How much of a clip makes a sample.")
    views: ViewSettings = Field(default=ViewSettings(), description="How views are drawn.")
    behaviour: PublishedBehaviour = Field(
        default=PublishedBehaviour(), description="Where to follow the published code instead of the paper."
    )
    view_count: int = Field(default=4, ge=1, le=64, description="Views of a sample.")
    several_moments: bool = Field(
        default=False,
        description="Views are moments of the clip, all seen from the same direction, instead of directions at one "
        "moment.",
    )
