"""What is looked at, and when picture and sound count as apart: settings of the stage ``frame_of_reference``."""

from __future__ import annotations

from pydantic import Field

from yt360.settings import Settings


class StretchSettings(Settings):
    """Which stretches of a video are looked at."""

    window_s: float = Field(
        default=12.0, ge=6, le=60, description="Length of a stretch that is looked at. Raising it costs time."
    )
    max_windows: int = Field(
        default=3,
        ge=1,
        description="Largest number of stretches, spread over the video. Raising it costs time and knows more often.",
    )


class FrameThresholds(Settings):
    """When something is known, and what follows from it."""

    heading_probability: float = Field(
        default=0.95,
        gt=0.5,
        lt=1,
        description="Probability from which the heading of the sound against the picture counts as known. Raising it "
        "leaves it unknown more often.",
    )
    lag_probability: float = Field(
        default=0.9, gt=0.5, lt=1, description="The same for the lag of the sound behind the picture."
    )
    least_yaw_deg: float = Field(default=25.0, gt=0, le=180, description="A smaller turn counts as none.")
    least_early_s: float = Field(default=0.1, gt=0, description="Sound that is less early counts as in time.")
    least_late_s: float = Field(
        default=0.3,
        gt=0,
        description="Sound that is less late counts as in time: what is 100 m away is heard 0.3 s later.",
    )
    least_turn_deg: float = Field(
        default=30.0, gt=0, description="The picture must turn so far for the sound to be seen not turning."
    )
    turn_contrast: float = Field(
        default=1.25,
        gt=1,
        description="By this factor directions must lie closer together one way than the other to tell whether sound "
        "turns with the picture.",
    )
    repair: bool = Field(
        default=False,
        description="`chunk` turns and moves the sound of videos whose heading or lag is known. false leaves all sound "
        "as it is.",
    )
    repair_probability: float = Field(
        default=0.98, gt=0.5, lt=1, description="Probability from which a known heading or lag is repaired."
    )
    quarantine: bool = Field(
        default=False,
        description="Drop videos whose sound does not turn with the picture, or is known to be elsewhere and is not "
        "repaired.",
    )
