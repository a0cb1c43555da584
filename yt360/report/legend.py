"""How to read the drawings of the page, with their colours beside the words."""

from __future__ import annotations

from collections.abc import Iterator

from yt360.media.energy_overlay import ENERGY_WORDS, heat_colours
from yt360.report.page import BORDERLINE, ruler

_STOPS = 9
"""Colours in the bar of the heat map; a browser goes over from one to the next."""


def legend(address: str) -> Iterator[str]:
    """A list of drawings and what they mean. ``address``: that of the page of `yt360 view`, where it is known."""
    bar = ", ".join(
        f"rgb({red},{green},{blue})" for red, green, blue in heat_colours()[:: 255 // (_STOPS - 1)].tolist()
    )
    rows = [
        (
            ruler(),
            "Pictures are whole frames as the dataset sees them (equirectangular): the middle is the camera's front, "
            "the left quarter its left, both edges what is behind it; up is up.",
        ),
        (
            f'<span class="heat" style="background:linear-gradient(to right, {bar})"></span>',
            f"The sound over a frame, of one second around it: {ENERGY_WORDS}. The ring is the mean direction. "
            "Diffuseness 0 is sound from one direction, 1 from everywhere: then the colours are faint and there is no "
            "ring.",
        ),
        (
            '<span class="tile"></span>',
            "Panoptic maps have one colour for each category, the same on every page; the names stand below the "
            "picture. Things that can be counted (a person, a car) have a white outline.",
        ),
        (
            '<span class="mark-key"></span>',
            "The loudness of the whole video (channel W), from its beginning on the left to its end. Yellow marks "
            "seconds in which added speech or music is heard, the stronger, the surer.",
        ),
        (
            '<span class="ears">L R</span>',
            "The excerpt is five seconds of sound as two cardioid microphones hear it, one to the left of the "
            "camera's front and one to the right: what is left is louder on the left. All excerpts are brought to "
            "one level; by how much stands below each. Height cannot be heard in it.",
        ),
        (BORDERLINE, "A score is within a tenth of its range of the threshold."),
    ]
    if address:
        rows.append(("<strong>look around</strong>", "Opens the video in the page of <code>yt360 view</code>."))
    else:
        rows.append(
            (
                "<code>#clip=…</code>",
                "Start <code>yt360 view --root DIR</code> and add this to the address that it prints: it opens the "
                "clip or video with its sound turning. With <code>yt360 report --view ADDRESS</code> these are links.",
            )
        )
    yield '<dl class="legend">' + "".join(f"<div><dt>{key}</dt><dd>{words}</dd></div>" for key, words in rows) + "</dl>"
