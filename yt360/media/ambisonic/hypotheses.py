"""What four channels of sound may be: every hypothesis, what it predicts, and how often it is met.

A hypothesis names a kind of signal (a class of :mod:`yt360.media.ambisonic.model`) and, where it is ambisonics, an
order and gains. What each predicts for the covariance of the channels over time and frequency:

``field``
    Any sound field in W Y Z X or another order of the sides, SN3D. A plane wave: as much power in W as in the sides
    together, in phase, of one dimension. A diffuse field: the same balance, each side a third of W, nothing in common.
    Rooms make the balance wander. Microphones lose the sides at low frequencies (noise) and are no longer coincident
    at high ones; recorders without height leave Z silent; codecs add noise to the weak channels.
``field-w-low``, ``field-n3d``
    The same with the sides 3.0 dB (W as in FuMa, MaxN) or 4.8 dB (N3D) above W. Orthonormal weights are N3D up to a
    factor that all channels share, which no signal shows. In N3D a diffuse field is four equal unrelated channels.
``w-elsewhere``
    The balance is steady with another channel in the place of W.
``capsules``
    A tetrahedral microphone before conversion (A-format): all of one sign, equally loud in all directions on average;
    steady as W, X, Y, Z only after the matrix.
``feeds``
    Loudspeakers (quad, 4.0, the first four of 5.1, a decoded field): a source is in one or two neighbours and in no
    other, so the balance swings with every source and every band; nearly never of opposite signs.
``spaced``
    Microphones centimetres to metres apart: equal levels; the same at low frequencies, unrelated at high ones.
``differences``
    Sums and differences of such omnis taken for W and figures of eight: sides that rise by 6 dB an octave, a quarter
    of a period off.
``copies``
    One or two signals in four channels: copies, delays, stereo twice, mid and side, mixes, spread by all-passes.
``mono-in-w``
    All in the first channel.
``independent``
    Four signals that have nothing in common.

Powers cannot tell X, Y and Z apart, so AmbiX with W 3 dB low and FuMa are the same signal: the prior, and which
channel is absent, are all that speaks for either order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

ROOT2, ROOT3 = 2**0.5, 3**0.5
"""Gains between weightings of ambisonics."""

WYZX, WXYZ, XYWZ = (0, 1, 2, 3), (0, 2, 3, 1), (2, 1, 3, 0)
"""Channels that hold W, Y, Z and X in the order of that name."""


@dataclass(frozen=True)
class Hypothesis:
    """``ambix[k] = gains[k] * channel[order[k]]`` where it is ambisonics; ``order`` is None where it is not.

    ``prior_picture`` and ``prior_sound`` are how often it is met, in files with a picture and in sound alone, where
    nothing is declared. They need not sum up to 1. What a wrong reading would poison counts two to three times as often
    as it is met beside a picture, where nearly all is AmbiX: FuMa, capsules, loudspeakers.
    """

    name: str
    signal: str
    words: str
    prior_picture: float
    prior_sound: float
    order: tuple[int, int, int, int] | None = None
    gains: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)


_W_LOW = (ROOT2, 1.0, 1.0, 1.0)

HYPOTHESES: dict[str, Hypothesis] = {
    h.name: h
    for h in (
        Hypothesis("ambix", "field", "AmbiX: W Y Z X, SN3D", 0.9, 0.6, WYZX),
        Hypothesis("ambix-w-low", "field-w-low", "W Y Z X with a lowered W", 0.015, 0.02, WYZX, _W_LOW),
        Hypothesis("fuma", "field-w-low", "FuMa: W X Y Z with a lowered W", 0.045, 0.06, WXYZ, _W_LOW),
        Hypothesis("wxyz", "field", "W X Y Z with SN3D weights", 0.0005, 0.005, WXYZ),
        Hypothesis("n3d", "field-n3d", "N3D or orthonormal: W Y Z X with Y, Z and X raised", 0.01, 0.1, WYZX,
                   (1.0, 1 / ROOT3, 1 / ROOT3, 1 / ROOT3)),
        Hypothesis("xywz", "w-elsewhere", "X Y W Z with a lowered Z, as a surround downmix", 0.02, 0.01, XYWZ,
                   (1.0, 1.0, ROOT2, 1.0)),
        Hypothesis("w-elsewhere", "w-elsewhere", "a sound field whose first channel is not W", 0.0005, 0.001),
        Hypothesis("capsules", "capsules", "capsules of a microphone (A-format): convert them to B-format first",
                   0.03, 0.04),
        Hypothesis("feeds", "feeds", "loudspeaker feeds", 0.04, 0.1),
        Hypothesis("spaced", "spaced", "microphones that are apart from each other", 0.005, 0.04),
        Hypothesis("differences", "differences", "differences of spaced microphones without equalisation", 0.002, 0.03),
        Hypothesis("copies", "copies", "one or two signals spread over four channels", 0.03, 0.03),
        Hypothesis("mono-in-w", "mono-in-w", "mono in the first channel", 0.02, 0.01),
        Hypothesis("independent", "independent", "four independent signals", 0.01, 0.02),
    )
}  # fmt: skip
"""Hypotheses by name."""

DECLARABLE = {
    "ambix": ("ambix", "acn-sn3d", "sn3d"),
    "n3d": ("n3d", "acn-n3d", "orthonormal"),
    "fuma": ("fuma", "furse-malham", "amb"),
}
"""Hypotheses that can be declared, and what they are called where somebody does. Orthonormal is read as N3D: the factor
that all channels share changes the loudness only."""


def declarable(text: str) -> str:
    """The hypothesis that a declared convention names. Raises :class:`ValueError` for a name that is none.

    >>> declarable("ACN/N3D")
    'n3d'
    """
    wanted = text.strip().lower().replace("/", "-").replace("_", "-").replace(" ", "-")
    for name, spellings in DECLARABLE.items():
        if wanted in spellings:
            return name
    raise ValueError(f"expected a convention of ambisonics ({', '.join(DECLARABLE)} or orthonormal), found {text!r}")


_ABSENT: dict[int, Mapping[str, float]] = {
    0: {"": 1.0},
    1: {"Z": 0.998, "Y": 0.0012, "X": 0.0008},
    2: {"YZ": 0.95, "XZ": 0.04, "XY": 0.01},
    3: {"XYZ": 1.0},
}
"""Which of X, Y and Z are absent, of worlds that lack so many: they lack height, and nobody lacks the front alone: all
sources would lie exactly beside, above and below the listener."""

_AXES = "WYZX"


def absence(order: Sequence[int], absent: Sequence[bool]) -> float:
    """Probability that these channels are the absent ones, given how many are and the order of the channels.

    0 where W is absent.

    >>> absence(WYZX, [False, False, True, False])
    0.998
    >>> absence(WXYZ, [False, False, True, False])
    0.0012
    """
    if absent[order[0]]:
        return 0.0  # a field without W
    missing = sorted(_AXES[k] for k, channel in enumerate(order) if k and absent[channel])
    return _ABSENT[len(missing)]["".join(missing)]
