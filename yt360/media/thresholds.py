"""When four channels count as first-order ambisonics: every threshold of :mod:`yt360.media.validity`."""

from __future__ import annotations

from pydantic import Field

from yt360.settings import Settings


class AmbisonicThresholds(Settings):
    """Limits of the ambisonic test; starting values from simulation and the real files at hand."""

    silent_windows: float = Field(
        default=0.95,
        description="Share of half seconds that are silent at or above which there is nothing to judge (uncertain).",
    )
    dead_channel_db: float = Field(
        default=-60.0,
        description="A channel this far below the loudest one is dead (a dead Z is horizontal-only sound).",
    )
    absent_front_db: float = Field(
        default=-40.0,
        description="A channel this far below the loudest one is absent when FuMa order (W X Y Z) is told from AmbiX.",
    )
    lowest_balance_db: float = Field(
        default=-20.0, description="X, Y and Z together this far below W: mono in W, not ambisonics."
    )
    doubtful_balance_db: float = Field(
        default=1.7, description="X, Y and Z this far above W make another channel order be preferred where one fits."
    )
    highest_balance_db: float = Field(
        default=2.0,
        description="Most that X, Y and Z together may be above W (0 dB in theory). Raising it keeps more videos.",
    )
    highest_channel_db: float = Field(
        default=1.5, description="Most that the strongest of X, Y and Z may be above W (1.5 dB more if declared)."
    )
    highest_vector: float = Field(
        default=1.15, description="Longest mean intensity vector, in units of what one plane wave carries."
    )
    highest_swing_db: float = Field(
        default=1.75, description="Most that the balance of W against X, Y and Z may swing over time."
    )
    swing_per_quiet_db: float = Field(
        default=0.1, description="Added to the allowed swing for each dB that X, Y and Z are below -2 dB against W."
    )
    repair_swing_db: float = Field(
        default=0.9, description="Most swing of a channel order that nothing but the signal suggests."
    )
    repair_margin: float = Field(
        default=1.2,
        description="How many times steadier the balance must be with its W than with any other channel as W.",
    )
    declared_swing_db: float = Field(
        default=1.4,
        description="Replaces highest_swing_db for a channel order declared by the container or by a silent axis.",
    )
    declared_balance_db: float = Field(
        default=3.6,
        description="Replaces highest_balance_db for a channel order declared by the container or by a silent axis.",
    )
    steadier: float = Field(
        default=0.6,
        description="Swing relative to that of the plain reading below which another reading, or raw capsules "
        "(A-format), is preferred.",
    )
    capsule_correlation: float = Field(
        default=0.3,
        description="Least correlation of all pairs of channels for raw capsules that are less clearly steadier.",
    )
    highest_out_of_phase: float = Field(
        default=0.7,
        description="Longest imaginary part of the intensity: beyond it the microphones are not coincident.",
    )
    duplicate_correlation: float = Field(
        default=0.999, description="Correlation of two channels of one level above which they are copies."
    )
    independent_db: float = Field(
        default=-2.5,
        description="Smallest over largest eigenvalue above which the four channels have nothing in common.",
    )
    clipping: float = Field(
        default=1e-3, description="Share of clipped samples above which no channel order is repaired."
    )
    least_w_heavy: float = Field(
        default=0.3,
        description="Least share of moments with too much in W for the swing to be explained by something mixed "
        "into W.",
    )
    most_axes_heavy: float = Field(
        default=0.05, description="Largest share of moments with too little in W for that explanation."
    )
    third_dimension_db: float = Field(
        default=-35.0, description="Least third eigenvalue, relative to the first, for that explanation."
    )
    feeds_correlation: float = Field(
        default=-0.02, description="Loudspeaker feeds: least correlation of all pairs of channels."
    )
    feeds_balance_db: float = Field(
        default=0.9, description="Loudspeaker feeds: X, Y and Z this far above W are enough to refuse."
    )
    feeds_vector: float = Field(
        default=1.05, description="Loudspeaker feeds: an intensity vector this long is enough to refuse."
    )
    feeds_swing_db: float = Field(
        default=0.7,
        description="Loudspeaker feeds: a swing above this is enough to refuse, with feeds_least_spread_db.",
    )
    feeds_opposed: float = Field(
        default=0.08, description="Channels that are opposed in a smaller share of the moments are of one sign only."
    )
    feeds_mostly_opposed: float = Field(
        default=0.3, description="Loudspeaker feeds: largest share of moments with opposed channels."
    )
    feeds_w_margin: float = Field(
        default=1.8,
        description="Loudspeaker feeds: W that is this many times steadier than any other channel proves ambisonics.",
    )
    feeds_spread_db: float = Field(
        default=0.6, description="Channels of one sign: a balance that differs this much between bands is refused."
    )
    feeds_least_spread_db: float = Field(
        default=0.2, description="Loudspeaker feeds: least difference between bands for the swing to count."
    )
    repair_opposed: float = Field(
        default=0.1, description="Below this share of opposed moments the one_sign_repair limits hold for a repair."
    )
    level_repair_swing_db: float = Field(
        default=0.5, description="Most swing of a repaired order whose balance is even, for the smaller margin to hold."
    )
    level_repair_balance_db: float = Field(default=0.8, description="Balance, up or down, within which it is even.")
    level_repair_margin: float = Field(default=0.7, description="Replaces repair_margin for such an order.")
    one_sign_repair_margin: float = Field(
        default=1.4, description="Replaces repair_margin for channels that are never opposed."
    )
    one_sign_repair_spread_db: float = Field(
        default=0.5,
        description="Largest difference between bands of a repaired order whose channels are never opposed.",
    )
