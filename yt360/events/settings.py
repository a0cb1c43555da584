"""How events are found: frequencies, sensitivity, tracking."""

from __future__ import annotations

from pydantic import Field

from yt360.settings import Settings, unit

FRAMES_PER_S = 10
"""Frames a second of events: those of DCASE."""

FRAME_S = 1 / FRAMES_PER_S


class EventSettings(Settings):
    """Which sound counts, and when a direction becomes an event."""

    min_hz: float = Field(default=200.0, ge=20, le=4000, description="Lowest frequency that is looked at.")
    max_hz: float = Field(
        default=8000.0,
        ge=500,
        le=24000,
        description="Highest frequency that is looked at. Microphone arrays lose the direction above some 6 to 10 kHz.",
    )
    floor_db: float = Field(
        default=-65.0, ge=-120, le=0, json_schema_extra=unit("dBFS"), description="Level of W below which it is silent."
    )
    range_db: float = Field(
        default=30.0,
        ge=5,
        le=80,
        json_schema_extra=unit("dB"),
        description="Frames further below the loud ones of the clip are not looked at.",
    )
    tracks: int = Field(default=3, ge=1, le=4, description="Most events at a time.")
    apart_deg: float = Field(
        default=25.0, ge=10, le=90, description="Two sounds at one time that are nearer to each other are one event."
    )
    least_share: float = Field(
        default=0.18,
        gt=0,
        lt=1,
        description="Share of a frame's direct sound that must come from one place to be looked at as an event.",
    )
    turn_deg_s: float = Field(
        default=15.0, gt=0, le=180, description="How fast a source is expected to move around the camera."
    )
    least_s: float = Field(default=0.3, ge=0.1, le=5, description="Shortest event.")
    gap_s: float = Field(default=0.5, ge=0, le=5, description="Pauses up to this long do not end an event.")
