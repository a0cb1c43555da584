"""What each class of object looks like: one small drawing a class, alive with its sound.

A look draws on a :class:`~yt360.synth.canvas.Canvas`. ``level`` in [0, 1] is how loud the object is
now (mouths open, lamps flash, sticks strike), ``phase`` is time in seconds (wheels, wings, rotors
turn), ``tint`` an RGB colour that makes individuals of one class differ.
"""

from __future__ import annotations

from collections.abc import Callable
from math import cos, pi, sin

from yt360.synth.canvas import Canvas, Colour

Look = Callable[[Canvas, float, float, Colour], None]

_SKIN = (232, 190, 160)
_DARK = (35, 30, 35)
_WHITE = (250, 250, 248)


def _shade(colour: Colour, factor: float) -> tuple[float, float, float]:
    red, green, blue = (min(255.0, value * factor) for value in colour)
    return red, green, blue


def _shadow(canvas: Canvas, y: float, width: float) -> None:
    canvas.ellipse(0, y, width, 0.07, (0, 0, 0), opacity=0.35)


def person(canvas: Canvas, level: float, phase: float, tint: Colour) -> None:
    """Head and torso; the mouth opens and an arm waves with the voice."""
    wave = 0.25 * level * sin(phase * 9)
    canvas.polygon([(-0.55, -1), (-0.5, -0.25), (-0.2, 0), (0.2, 0), (0.5, -0.25), (0.55, -1)], tint)
    canvas.line([(0.45, -0.3), (0.78, -0.55), (0.72 + wave, -0.05 + 0.3 * level)], 0.17, _shade(tint, 0.85))
    canvas.ellipse(0.72 + wave, 0.02 + 0.3 * level, 0.1, 0.1, _SKIN)
    canvas.rectangle(-0.12, -0.1, 0.12, 0.15, _shade(_SKIN, 0.9))
    canvas.ellipse(0, 0.5, 0.42, 0.48, (70, 45, 30))
    canvas.ellipse(0, 0.42, 0.34, 0.4, _SKIN)
    for side in (-1, 1):
        canvas.ellipse(side * 0.14, 0.5, 0.065, 0.05, _WHITE)
        canvas.ellipse(side * 0.14, 0.5, 0.032, 0.04, _DARK)
        canvas.line([(side * 0.22, 0.6), (side * 0.07, 0.61)], 0.035, (70, 45, 30))
    canvas.polygon([(-0.03, 0.45), (0.05, 0.34), (-0.04, 0.34)], _shade(_SKIN, 0.8))
    canvas.ellipse(0, 0.2, 0.13, 0.025 + 0.11 * level, (150, 30, 40))


def dog(canvas: Canvas, level: float, phase: float, tint: Colour) -> None:
    """A standing dog seen from the side; the jaw opens when it barks, the tail wags."""
    coat, dark = _shade(tint, 0.75), _shade(tint, 0.5)
    _shadow(canvas, -0.86, 0.75)
    wag = 0.15 * sin(phase * 10)
    canvas.line([(-0.6, 0.05), (-0.85, 0.4 + wag)], 0.12, coat)
    for x in (-0.52, -0.32, 0.2, 0.38):
        swing = 0.06 * sin(phase * 8 + x * 9)
        canvas.line([(x, -0.2), (x + swing, -0.82)], 0.15, dark if x in (-0.32, 0.2) else coat)
    canvas.ellipse(-0.08, -0.08, 0.6, 0.3, coat)
    canvas.ellipse(0.42, 0.25, 0.22, 0.34, coat, angle_deg=-25)
    canvas.ellipse(0.56, 0.5, 0.27, 0.24, coat)
    canvas.polygon([(0.62, 0.55), (0.98, 0.46 + 0.08 * level), (0.98, 0.38 + 0.08 * level), (0.62, 0.36)], coat)
    canvas.polygon(
        [(0.62, 0.4), (0.92, 0.32 - 0.16 * level), (0.88, 0.27 - 0.16 * level), (0.6, 0.3)], _shade(coat, 0.85)
    )
    canvas.ellipse(0.97, 0.45 + 0.08 * level, 0.06, 0.055, _DARK)
    canvas.ellipse(0.42, 0.52, 0.12, 0.27, dark, angle_deg=15)
    canvas.ellipse(0.64, 0.58, 0.045, 0.05, _DARK)
    canvas.line([(0.28, 0.2), (0.6, 0.22)], 0.08, (200, 30, 30))


def cat(canvas: Canvas, level: float, phase: float, tint: Colour) -> None:
    """A sitting cat from the front: striped, pointed ears, big eyes."""
    coat, stripe = (235, 150, 70), (170, 90, 30)
    del tint
    _shadow(canvas, -0.88, 0.6)
    canvas.line([(0.35, -0.75), (0.75, -0.6), (0.8 + 0.1 * sin(phase * 3), -0.1)], 0.14, stripe)
    canvas.ellipse(0, -0.5, 0.46, 0.5, coat)
    canvas.ellipse(0, -0.55, 0.22, 0.36, (250, 235, 215))
    for side in (-1, 1):
        canvas.polygon([(side * 0.45, 0.35), (side * 0.42, 0.88), (side * 0.08, 0.6)], coat)
        canvas.polygon([(side * 0.38, 0.45), (side * 0.37, 0.74), (side * 0.17, 0.58)], (240, 160, 160))
        canvas.ellipse(side * 0.18, -0.9, 0.15, 0.09, (250, 235, 215))
    canvas.ellipse(0, 0.27, 0.48, 0.4, coat)
    for x in (-0.14, 0.0, 0.14):
        canvas.line([(x, 0.66), (x * 0.8, 0.46)], 0.06, stripe)
    for side in (-1, 1):
        canvas.ellipse(side * 0.19, 0.32, 0.11, 0.12, (190, 230, 90))
        canvas.ellipse(side * 0.19, 0.32, 0.035, 0.11, _DARK)
        canvas.line([(side * 0.15, 0.1), (side * 0.62, 0.16)], 0.02, _WHITE)
    canvas.ellipse(0, 0.1, 0.16, 0.11, (250, 235, 215))
    canvas.ellipse(0, 0.15, 0.06, 0.04, (220, 110, 120))
    canvas.ellipse(0, 0.03, 0.08, 0.015 + 0.1 * level, (150, 40, 50))


def bird(canvas: Canvas, level: float, phase: float, tint: Colour) -> None:
    """A flying bird with flapping wings and a beak that opens."""
    flap = 0.55 * sin(phase * 2 * pi * 2.2)
    wing = _shade(tint, 0.7)
    canvas.polygon([(-0.1, 0.05), (-0.5, 0.35 + flap), (-0.95, 0.15 + flap * 1.3), (-0.35, -0.1)], wing)
    canvas.polygon([(-0.35, -0.15), (-0.85, -0.4), (-0.7, -0.55), (-0.2, -0.25)], wing)
    canvas.ellipse(0.02, -0.08, 0.5, 0.27, tint, angle_deg=15)
    canvas.ellipse(0.12, -0.18, 0.32, 0.16, _shade(tint, 1.5), angle_deg=15)
    canvas.ellipse(0.5, 0.18, 0.24, 0.23, tint)
    canvas.polygon([(0.68, 0.24), (0.98, 0.2 + 0.12 * level), (0.7, 0.14)], (250, 190, 30))
    canvas.polygon([(0.68, 0.16), (0.93, 0.12 - 0.16 * level), (0.66, 0.06)], (230, 150, 20))
    canvas.ellipse(0.56, 0.25, 0.06, 0.06, _WHITE)
    canvas.ellipse(0.57, 0.25, 0.035, 0.04, _DARK)
    canvas.polygon([(-0.05, 0.05), (0.25, 0.1), (0.05, 0.6 + flap), (-0.35, 0.75 + flap * 1.4)], _shade(tint, 0.85))


def car(canvas: Canvas, level: float, phase: float, tint: Colour) -> None:
    """A car from the side, with turning wheels, lamps and exhaust."""
    shake = 0.012 * level * sin(phase * 60)
    _shadow(canvas, -0.5, 0.95)
    rear = [(-0.95, -0.35), (-0.95, -0.05), (-0.62, 0.02), (-0.4, 0.38 + shake)]
    front = [(0.22, 0.38 + shake), (0.5, 0.03), (0.92, -0.06), (0.97, -0.35)]
    canvas.polygon([*rear, *front], tint)
    canvas.polygon([(-0.52, 0.03), (-0.35, 0.31), (-0.1, 0.31), (-0.1, 0.03)], (170, 210, 230))
    canvas.polygon([(-0.03, 0.03), (-0.03, 0.31), (0.18, 0.31), (0.4, 0.03)], (150, 195, 220))
    canvas.line([(-0.95, -0.22), (0.96, -0.22)], 0.04, _shade(tint, 0.6))
    canvas.ellipse(0.92, -0.12, 0.06, 0.06, (255, 250, 170))
    canvas.ellipse(-0.93, -0.1, 0.04, 0.06, (255, 40, 30))
    for x in (-0.55, 0.55):
        canvas.ellipse(x, -0.36, 0.2, 0.2, (25, 25, 28))
        canvas.ellipse(x, -0.36, 0.11, 0.11, (190, 190, 195))
        for spoke in range(3):
            turn = -phase * 9 + spoke * 2 * pi / 3
            canvas.line([(x, -0.36), (x + 0.11 * cos(turn), -0.36 + 0.11 * sin(turn))], 0.035, (60, 60, 65))


def bell(canvas: Canvas, level: float, phase: float, tint: Colour) -> None:
    """A swinging brass bell on a beam."""
    del tint
    swing = 0.42 * sin(phase * 2 * pi * 0.7) * (0.35 + 0.65 * level)
    brass, light, dark = (205, 160, 40), (250, 220, 120), (120, 85, 15)
    canvas.rectangle(-0.95, 0.78, 0.95, 0.95, (95, 60, 35))

    def turned(x: float, y: float) -> tuple[float, float]:
        y -= 0.78
        return x * cos(swing) - y * sin(swing), 0.78 + x * sin(swing) + y * cos(swing)

    canvas.line([turned(0, 0.2), turned(0, -0.62 - 0.08 * level)], 0.06, dark)
    x, y = turned(0.0, -0.68)
    canvas.ellipse(x, y, 0.13, 0.13, dark)
    shape = [
        (-0.12, 0.76),
        (0.12, 0.76),
        (0.32, 0.5),
        (0.4, 0.0),
        (0.68, -0.45),
        (-0.68, -0.45),
        (-0.4, 0.0),
        (-0.32, 0.5),
    ]
    canvas.polygon([turned(*point) for point in shape], brass)
    canvas.polygon(
        [turned(*p) for p in [(-0.24, 0.5), (-0.1, 0.55), (-0.16, 0.0), (-0.36, -0.36), (-0.5, -0.36), (-0.3, 0)]],
        light,
    )
    canvas.line([turned(-0.66, -0.45), turned(0.66, -0.45)], 0.1, dark)
    canvas.line([turned(-0.38, 0.08), turned(0.38, 0.08)], 0.05, dark)


def drum(canvas: Canvas, level: float, phase: float, tint: Colour) -> None:
    """A striped drum and two sticks that strike."""
    _shadow(canvas, -0.85, 0.75)
    canvas.rectangle(-0.7, -0.75, 0.7, 0.15, tint)
    canvas.ellipse(0, -0.75, 0.7, 0.17, tint)
    for x in (-0.56, -0.2, 0.2, 0.56):
        canvas.line([(x - 0.1, 0.1), (x + 0.1, -0.85)], 0.06, (245, 215, 90))
    canvas.ellipse(0, 0.15, 0.72, 0.2, (150, 20, 30))
    canvas.ellipse(0, 0.17, 0.64, 0.16, (245, 238, 220))
    if level > 0.3:
        canvas.ellipse(0, 0.17, 0.25 * level, 0.07 * level, (255, 200, 90))
    for side in (-1, 1):
        lift = 0.45 * (1 - level) * (0.6 + 0.4 * sin(phase * 12 + side))
        canvas.line([(side * 0.95, 0.55 + lift * 0.7), (side * 0.2, 0.24 + lift)], 0.09, (150, 100, 50))
        canvas.ellipse(side * 0.2, 0.24 + lift, 0.09, 0.08, (225, 195, 140))


def guitar(canvas: Canvas, level: float, phase: float, tint: Colour) -> None:
    """A street musician's guitar, strummed by a hand."""
    wood = (190, 110, 45)
    canvas.line([(0.1, 0.05), (0.78, 0.78)], 0.15, (75, 45, 25))
    canvas.polygon([(0.7, 0.78), (0.88, 0.95), (0.97, 0.86), (0.8, 0.69)], (50, 30, 20))
    canvas.ellipse(-0.36, -0.42, 0.52, 0.46, _shade(wood, 0.55), angle_deg=45)
    canvas.ellipse(0.05, -0.02, 0.37, 0.34, _shade(wood, 0.55), angle_deg=45)
    canvas.ellipse(-0.36, -0.42, 0.46, 0.41, wood, angle_deg=45)
    canvas.ellipse(0.05, -0.02, 0.32, 0.29, wood, angle_deg=45)
    canvas.ellipse(-0.08, -0.14, 0.17, 0.17, _DARK)
    canvas.line([(-0.62, -0.5), (-0.45, -0.67)], 0.08, _DARK)
    for offset in (-0.05, 0.0, 0.05):
        shake = 0.03 * level * sin(phase * 70 + offset * 40)
        canvas.line([(-0.54 + offset, -0.58 - offset), (0.82 + offset + shake, 0.8 - offset)], 0.014, (245, 240, 220))
    strum = 0.22 * level * sin(phase * 14)
    canvas.line([(-0.95, 0.25), (-0.2 + strum, -0.15 - strum)], 0.2, tint)
    canvas.ellipse(-0.2 + strum, -0.18 - strum, 0.13, 0.12, _SKIN)


def siren(canvas: Canvas, level: float, phase: float, tint: Colour) -> None:
    """A striped post with a rotating emergency lamp and loudspeaker horns."""
    del tint
    flash = 0.5 + 0.5 * sin(phase * 2 * pi * 2)
    glow = level * flash
    canvas.ellipse(0, 0.45, 0.42 + 0.5 * glow, 0.42 + 0.5 * glow, (255, 60, 40), opacity=0.3 * glow)
    canvas.rectangle(-0.16, -1, 0.16, 0.05, (240, 240, 240))
    for y in (-0.9, -0.5, -0.1):
        canvas.polygon([(-0.16, y - 0.1), (0.16, y + 0.06), (0.16, y + 0.22), (-0.16, y + 0.06)], (210, 25, 25))
    for side in (-1, 1):
        canvas.polygon(
            [(side * 0.14, 0.0), (side * 0.6, 0.22), (side * 0.6, -0.3), (side * 0.14, -0.1)], (235, 190, 40)
        )
        canvas.ellipse(side * 0.6, -0.04, 0.08, 0.26, (150, 110, 20))
    canvas.rectangle(-0.4, 0.05, 0.4, 0.2, (45, 45, 50))
    lamp = (130 + 125 * glow, 15 + 90 * glow, 20 + 60 * glow)
    canvas.ellipse(0, 0.48, 0.32, 0.32, lamp)
    canvas.rectangle(-0.32, 0.2, 0.32, 0.48, lamp)
    beam = cos(phase * 2 * pi * 2)
    canvas.ellipse(0.16 * beam, 0.48, 0.09, 0.16, (255, 240 * (0.4 + 0.6 * glow), 200 * (0.3 + 0.7 * glow)))


def drone(canvas: Canvas, level: float, phase: float, tint: Colour) -> None:
    """A quadcopter with blurred rotors and a camera."""
    body = (60, 62, 70)
    tilt = 0.04 * sin(phase * 3)
    for side in (-1, 1):
        canvas.line([(side * 0.2, 0.0), (side * 0.72, 0.2 + side * tilt)], 0.1, body)
        canvas.rectangle(side * 0.72 - 0.06, 0.16 + side * tilt, side * 0.72 + 0.06, 0.32 + side * tilt, (30, 30, 34))
        spin = abs(cos(phase * 41 + side))
        canvas.ellipse(side * 0.72, 0.36 + side * tilt, 0.27, 0.06, (215, 220, 228), opacity=0.55)
        canvas.line(
            [(side * 0.72 - 0.26 * spin, 0.36 + side * tilt), (side * 0.72 + 0.26 * spin, 0.36 + side * tilt)],
            0.035,
            _DARK,
        )
        canvas.line([(side * 0.22, -0.12), (side * 0.34, -0.5)], 0.06, body)
        canvas.line([(side * 0.2, -0.5), (side * 0.5, -0.5)], 0.06, body)
        canvas.ellipse(side * 0.3, 0.04, 0.04, 0.04, (40, 255, 60) if side > 0 else (255, 40, 40))
    canvas.ellipse(0, 0.02, 0.38, 0.2, body)
    canvas.ellipse(0, 0.1, 0.26, 0.1, tint)
    canvas.ellipse(0, -0.24, 0.14, 0.14, (25, 25, 28))
    canvas.ellipse(0, -0.24, 0.07, 0.07, (90, 140, 220) if level < 0.2 else (255, 80, 60))


def fountain(canvas: Canvas, level: float, phase: float, tint: Colour) -> None:
    """A stone basin with jets that rise with the sound."""
    del tint
    reach = 0.25 + 0.75 * level
    for jet in range(-3, 4):
        drops = []
        for step in range(9):
            s = step / 8
            sway = 0.02 * sin(phase * 17 + jet * 2 + step)
            drops.append((jet * 0.23 * s + sway, -0.25 + reach * (2.3 * s - (2.3 + 0.14 * abs(jet)) * s * s * 0.95)))
        canvas.line(drops, 0.07, (205, 232, 250), opacity=0.85)
    for drop in range(14):
        s = (phase * 1.3 + drop * 0.377) % 1
        x = (drop % 7 - 3) * 0.23 * s
        canvas.ellipse(x, -0.25 + reach * (2.2 * s - 2.2 * s * s), 0.035, 0.05, _WHITE)
    canvas.ellipse(0, -0.42, 0.85, 0.17, (150, 148, 145))
    canvas.ellipse(0, -0.4, 0.75, 0.12, (70, 150, 200))
    canvas.ellipse(0.25 * sin(phase * 4), -0.4, 0.35, 0.04, (150, 205, 235))
    canvas.polygon([(-0.84, -0.45), (0.84, -0.45), (0.55, -0.8), (-0.55, -0.8)], (172, 168, 162))
    canvas.rectangle(-0.3, -1, 0.3, -0.78, (140, 136, 130))
    canvas.line([(-0.84, -0.46), (0.84, -0.46)], 0.05, (205, 202, 196))


def clock(canvas: Canvas, level: float, phase: float, tint: Colour) -> None:
    """A round clock with two bells on top; the hammer and the hands tick."""
    _shadow(canvas, -0.93, 0.5)
    for side in (-1, 1):
        canvas.line([(side * 0.4, -0.6), (side * 0.55, -0.92)], 0.12, (60, 60, 65))
        canvas.ellipse(side * 0.42, 0.7, 0.28, 0.2, (225, 190, 70), angle_deg=-side * 35)
    hammer = 0.14 * (1 if int(phase * 4) % 2 else -1) * (0.3 + level)
    canvas.line([(0, 0.6), (hammer, 0.9)], 0.07, _DARK)
    canvas.ellipse(hammer, 0.9, 0.08, 0.08, _DARK)
    canvas.ellipse(0, -0.08, 0.72, 0.72, tint)
    canvas.ellipse(0, -0.08, 0.58, 0.58, _WHITE if level < 0.4 else (255, 250, 190))
    for hour in range(12):
        x, y = cos(hour * pi / 6), sin(hour * pi / 6)
        canvas.line([(0.5 * x, -0.08 + 0.5 * y), (0.56 * x, -0.08 + 0.56 * y)], 0.05, _DARK)
    second = -pi / 2 * int(phase * 4) / 4 + pi / 2
    canvas.line([(0, -0.08), (0.32 * cos(0.6), -0.08 + 0.32 * sin(0.6))], 0.08, _DARK)
    canvas.line([(0, -0.08), (0.48 * cos(second), -0.08 + 0.48 * sin(second))], 0.05, (200, 30, 40))
    canvas.ellipse(0, -0.08, 0.07, 0.07, _DARK)


LOOKS: dict[str, Look] = {
    "person": person,
    "dog": dog,
    "cat": cat,
    "bird": bird,
    "car": car,
    "bell": bell,
    "drum": drum,
    "guitar": guitar,
    "siren": siren,
    "drone": drone,
    "fountain": fountain,
    "clock": clock,
}
"""How to draw each class of thing."""

FACES_ITS_WAY = frozenset({"dog", "car", "bird"})
"""Classes drawn from the side, looking to the right: mirrored when they move to the left."""


def draw(name: str, size: int, level: float, phase: float, tint: Colour, *, mirrored: bool = False) -> Canvas:
    """A canvas of ``size`` pixels with the object of a class on it."""
    canvas = Canvas(size, mirrored=mirrored)
    LOOKS[name](canvas, level, phase, tint)
    return canvas
