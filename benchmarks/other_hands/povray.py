"""Spheres by POV-Ray's own spherical camera: scenes of its examples, and rooms and places written out by a seed.

POV-Ray casts a ray a pixel, so no geometry of the package is in the picture. Debian: povray, povray-includes,
povray-examples.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.other_hands import LeftOutError
from benchmarks.other_hands.sources import DEBIAN, found

Frames = NDArray[np.uint8]

HEIGHT, WIDTH = 360, 720
FRAMES = 3
PLACES = ("parlour", "tiles", "yard", "night", "fog", "snow", "sea", "stage")
STANDS = ("nothing", "tripod", "ball", "disc", "tiles")
"""What is to be seen under the camera."""

_EXAMPLES_AT = DEBIAN / "doc" / "povray" / "examples"
_EYE_M = 0.065
_TIMEOUT_S = 120

EXAMPLES = (
    "advanced/chess2", "advanced/bwstripe", "advanced/mist", "advanced/swirlbox",
    "interior/ballbox1", "interior/caustic2", "interior/fog_f", "interior/foglayr", "interior/iortest",
    "interior/magglass", "interior/rainbow1", "lights/fillite", "lights/glassthing", "lights/circular",
    "objects/lathe1a",
)  # fmt: skip
"""Scenes of others that surround their camera with something to see."""

_NUMBER = r"\s*([-+]?[\d.]+)\s*"
_PLACE = re.compile(rf"location\s*<{_NUMBER},{_NUMBER},{_NUMBER}>")
_AIM = re.compile(rf"look_at\s*<{_NUMBER},{_NUMBER},{_NUMBER}>")


def _render(text: str, height: int, width: int, *, library: Path | None = None) -> Frames:
    """``(height, width, 3)`` RGB of a scene."""
    program = shutil.which("povray")
    if program is None:
        raise LeftOutError("POV-Ray (Debian: povray, povray-includes, povray-examples)")
    with tempfile.TemporaryDirectory() as folder:
        scene, picture = Path(folder) / "x.pov", Path(folder) / "x.png"
        scene.write_text(text)
        include = [f"+L{path}" for path in (library, *DEBIAN.glob("povray*/include")) if path is not None]
        options = [f"+I{scene}", f"+O{picture}", f"+W{width}", f"+H{height}", "-D", "+A0.2", "+WT1", *include]
        subprocess.run([program, *options], capture_output=True, timeout=_TIMEOUT_S, check=True, cwd=folder)
        pixels: Any = cv2.imread(str(picture))
    return np.ascontiguousarray(pixels[..., ::-1])


def example(name: str) -> Frames:
    """``(1, h, w, 3)``: a scene of POV-Ray's examples, seen all around from its own camera's place."""
    path = found(_EXAMPLES_AT / f"{name}.pov", "POV-Ray's scenes (Debian: povray-examples)")
    text = path.read_text(errors="replace")
    place, aim = _PLACE.search(text), _AIM.search(text)
    at = ",".join(place.groups()) if place else "0,0,0"
    # Level, as a rig stands: the aim is taken from the scene, its height from the camera.
    towards = f"{aim.group(1)},{place.group(2) if place else 0},{aim.group(3)}" if aim else "0,0,1"
    camera = f"\ncamera {{ spherical angle 360 180 location <{at}> up y right x look_at <{towards}> }}\n"
    return _render(text + camera, HEIGHT, WIDTH, library=path.parent)[None]


def place(seed: int, *, kind: str, stand: str, stereo: bool = False) -> list[Frames]:
    """One eye, or two, each ``(FRAMES, h, w, 3)``: a place of :data:`PLACES` where somebody walks, on a ``stand``."""
    eyes = []
    for side in (-0.5, 0.5) if stereo else (0.0,):
        frames = []
        for k in range(FRAMES):
            rng = np.random.default_rng((6100, seed))
            x = side * _EYE_M
            camera = f"camera {{ spherical angle 360 180 location <{x},1.6,0> up y right x look_at <{x},1.6,1> }}"
            text = "\n".join([_HEAD, camera, _place(rng, kind), _stand(rng, stand), *_walkers(rng, k)])
            frames.append(_render(text, HEIGHT, WIDTH))
        eyes.append(np.stack(frames))
    return eyes


_HEAD = '#version 3.7;\n#include "colors.inc"\n#include "textures.inc"\nglobal_settings { assumed_gamma 1.0 }\n'


def _colour(rng: np.random.Generator, low: float = 0.1, high: float = 0.9) -> str:
    return "rgb <" + ",".join(f"{value:.3f}" for value in rng.uniform(low, high, 3)) + ">"


def _box(
    rng: np.random.Generator, low: tuple[float, float, float], high: tuple[float, float, float], finish: str = ""
) -> str:
    corner, size = rng.uniform(low, high), rng.uniform(0.2, 1.5, 3)
    if np.hypot(corner[0], corner[2]) < 1.6:
        corner[[0, 2]] += np.sign(corner[[0, 2]] + 1e-6) * 1.6
    corner[1] = 0.0
    far = corner + size
    corners = f"<{corner[0]:.3f},0,{corner[2]:.3f}>,<{far[0]:.3f},{far[1]:.3f},{far[2]:.3f}>"
    return f"box {{ {corners} pigment {{ {_colour(rng)} }} {finish} }}"


def _lamp(rng: np.random.Generator, height: float, strength: float) -> str:
    x, z = rng.uniform(-4, 4, 2)
    return f"light_source {{ <{x:.2f},{height:.2f},{z:.2f}> rgb {strength:.2f} }}"


def _place(rng: np.random.Generator, kind: str) -> str:
    made = {"parlour": _parlour, "tiles": _parlour, "stage": _stage, "sea": _sea}.get(kind)
    if made is not None:
        return made(rng, "checker" if kind == "tiles" else "wood")
    return _outside(rng, kind)


def _parlour(rng: np.random.Generator, floor: str) -> str:
    x, y, z = rng.uniform([2.5, 2.3, 2.5], [6, 3.5, 6])
    tile = rng.uniform(0.25, 0.8)
    # A checker whose lines cross at the origin: four tiles meet right under the camera.
    ground = (
        f"pigment {{ checker {_colour(rng)} {_colour(rng)} scale {tile:.2f} }}"
        if floor == "checker"
        else f"pigment {{ wood color_map {{ [0 {_colour(rng)}] [1 {_colour(rng)}] }} scale 0.2 rotate x*90 }}"
    )
    walls = f"pigment {{ gradient y color_map {{ [0 {_colour(rng)}] [1 {_colour(rng, 0.5, 1)}] }} scale {y:.2f} }}"
    finish = "finish { ambient 0.25 diffuse 0.7 }"
    parts = [
        f"box {{ <{-x:.2f},-0.01,{-z:.2f}>,<{x:.2f},{y:.2f},{z:.2f}> hollow {walls} "
        f"normal {{ bumps 0.3 scale 0.1 }} {finish} }}",
        f"plane {{ y,0 {ground} {finish} }}",
        _lamp(rng, y - 0.2, 0.8), _lamp(rng, y - 0.4, 0.4),
    ]  # fmt: skip
    for _ in range(rng.integers(3, 9)):
        parts.append(_box(rng, (-x + 0.3, 0, -z + 0.3), (x - 1.6, 0, z - 1.6), finish))
    for _ in range(4):
        height, along, width = rng.uniform(0.8, 1.6), rng.uniform(-x + 0.5, x - 1.5), rng.uniform(0.4, 1.2)
        side = z - 0.02 if rng.random() < 0.5 else -z + 0.01
        parts.append(
            f"box {{ <{along:.2f},{height:.2f},{side:.2f}>,<{along + width:.2f},{height + 0.6:.2f},{side + 0.01:.2f}> "
            f"pigment {{ bozo color_map {{ [0 {_colour(rng)}] [1 {_colour(rng)}] }} scale 0.2 }} "
            "finish { ambient 0.6 } }"
        )
    return "\n".join(parts)


def _outside(rng: np.random.Generator, kind: str) -> str:
    sky = {"night": (0.0, 0.06), "snow": (0.7, 0.95), "fog": (0.5, 0.8)}.get(kind, (0.3, 1.0))
    ground = {"night": (0.02, 0.15), "snow": (0.85, 1.0)}.get(kind, (0.1, 0.6))
    clouds = f"{sky[1]},{sky[1]},{sky[1]}"
    parts = [
        f"sky_sphere {{ pigment {{ gradient y color_map {{ [0 {_colour(rng, *sky)}] [1 {_colour(rng, *sky)}] }} }} "
        f"pigment {{ bozo turbulence 0.6 color_map {{ [0 rgbt 1] [0.6 rgbt 1] [1 rgbt <{clouds},0.3>] }} "
        "scale <0.4,0.1,0.4> } }",
        f"plane {{ y,0 pigment {{ granite color_map {{ [0 {_colour(rng, *ground)}] [1 {_colour(rng, *ground)}] }} "
        f"scale {rng.uniform(0.3, 2):.2f} }} normal {{ bumps 0.4 scale 0.2 }} }}",
    ]
    if kind == "night":
        for _ in range(3):
            x, z = rng.uniform(2.5, 9, 2) * rng.choice([-1, 1], 2)
            bulb = "looks_like { sphere { 0,0.15 pigment { rgb 1 } finish { ambient 1 } } }"
            parts.append(
                f"light_source {{ <{x:.2f},3,{z:.2f}> rgb <0.5,0.4,0.25> fade_distance 3 fade_power 2 {bulb} }}"
            )
            parts.append(f"cylinder {{ <{x:.2f},0,{z:.2f}>,<{x:.2f},2.8,{z:.2f}>,0.06 pigment {{ rgb 0.2 }} }}")
    else:
        parts.append(f"light_source {{ <{rng.uniform(-50, 50):.0f},60,{rng.uniform(-50, 50):.0f}> rgb 1 }}")
    if kind == "fog":
        parts.append(f"fog {{ distance {rng.uniform(3, 9):.1f} {_colour(rng, 0.6, 0.75)} }}")
    for _ in range(rng.integers(6, 16)):
        x, z = rng.uniform(2.5, 14, 2) * rng.choice([-1, 1], 2)
        high, wide = rng.uniform(1.5, 7), rng.uniform(0.4, 2.2)
        if rng.random() < 0.5:
            walls = f"pigment {{ brick {_colour(rng)} {_colour(rng)} scale 0.05 }}"
            parts.append(f"box {{ <{x:.2f},0,{z:.2f}>,<{x + wide:.2f},{high:.2f},{z + wide:.2f}> {walls} }}")
        else:
            leaves = "pigment { bozo color_map { [0 rgb <0.05,0.2,0.05>] [1 rgb <0.3,0.5,0.1>] } scale 0.2 }"
            crown = "pigment { rgb <0.85,0.9,0.9> }" if kind == "snow" else leaves
            parts.append(f"cone {{ <{x:.2f},0.4,{z:.2f}>,{wide:.2f},<{x:.2f},{high:.2f},{z:.2f}>,0 {crown} }}")
    return "\n".join(parts)


def _stage(rng: np.random.Generator, _floor: str) -> str:
    """A lit stage in front, black all around."""
    parts = [
        "background { rgb 0 }",
        f"plane {{ y,0 pigment {{ {_colour(rng, 0.02, 0.1)} }} finish {{ ambient 0.05 }} }}",
    ]
    for _ in range(3):
        x, hue = rng.uniform(-3, 3), _colour(rng, 0.3, 1.0)
        parts.append(
            f"light_source {{ <{x:.2f},5,3> {hue} spotlight point_at <{x / 2:.2f},0.5,5> radius 12 falloff 22 }}"
        )
    parts.append(f"box {{ <-4,0,4>,<4,0.6,8> pigment {{ {_colour(rng)} }} }}")
    parts += [
        f"box {{ <{x},0.6,6>,<{x + 0.6},{rng.uniform(1.6, 2.4):.2f},6.5> pigment {{ {_colour(rng)} }} }}"
        for x in (-2.5, -0.5, 1.6)
    ]
    return "\n".join(parts)


def _sea(rng: np.random.Generator, _floor: str) -> str:
    """Under water: a wavy floor, rocks, everything blue with distance."""
    parts = [
        f"background {{ rgb <0.02,{rng.uniform(0.25, 0.45):.2f},{rng.uniform(0.4, 0.6):.2f}> }}",
        f"fog {{ distance {rng.uniform(3, 8):.1f} "
        f"rgb <0.02,{rng.uniform(0.25, 0.4):.2f},{rng.uniform(0.35, 0.55):.2f}> }}",
        "light_source { <5,30,-4> rgb <0.5,0.8,0.9> }",
        "plane { y,0 pigment { bozo color_map { [0 rgb <0.6,0.6,0.4>] [1 rgb <0.3,0.35,0.3>] } } "
        "normal { ripples 1 scale 0.4 } }",
    ]
    for _ in range(rng.integers(5, 12)):
        x, z = rng.uniform(1.5, 6, 2) * rng.choice([-1, 1], 2)
        rock = f"pigment {{ granite color_map {{ [0 {_colour(rng, 0, 0.4)}] [1 {_colour(rng, 0.2, 0.8)}] }} }}"
        parts.append(
            f"sphere {{ <{x:.2f},0,{z:.2f}>,{rng.uniform(0.3, 1.4):.2f} {rock} normal {{ bumps 1 scale 0.2 }} }}"
        )
    return "\n".join(parts)


def _stand(rng: np.random.Generator, stand: str) -> str:
    if stand == "tripod":
        feet = [
            (0.5 * np.cos(angle), 0.5 * np.sin(angle)) for angle in rng.uniform(0, 6) + np.arange(3) * 2 * np.pi / 3
        ]
        legs = [f"cylinder {{ <0,1.45,0>,<{x:.3f},0,{z:.3f}>,0.02 pigment {{ rgb 0.05 }} }}" for x, z in feet]
        return "\n".join(legs)
    if stand == "ball":
        return (
            "sphere { <0,1.2,0>,0.25 pigment { rgb 0.1 } finish { reflection 0.85 ambient 0 diffuse 0.1 } no_shadow }"
        )
    if stand == "disc":
        word = rng.choice(["VR 360", "STUDIO", "@film"])
        logo = f'text {{ ttf "timrom.ttf" "{word}" 0.1,0 pigment {{ {_colour(rng)} }} '
        return (
            f"cylinder {{ <0,0.9,0>,<0,0.91,0>,0.45 pigment {{ {_colour(rng)} }} finish {{ ambient 0.5 }} }}\n"
            f"{logo} finish {{ ambient 0.8 }} scale 0.25 rotate x*90 translate <-0.35,0.95,-0.05> }}"
        )
    if stand == "tiles":
        return (
            f"box {{ <-1.2,0.001,-1.2>,<1.2,0.01,1.2> pigment {{ checker {_colour(rng)} {_colour(rng)} scale 0.3 }} }}"
        )
    return ""


def _walkers(rng: np.random.Generator, frame: int) -> list[str]:
    """Two figures that walk around the camera."""
    found = []
    for _ in range(2):
        start, step, far = (
            rng.uniform(0, 2 * np.pi),
            rng.choice([-1, 1]) * rng.uniform(0.1, 0.35),
            rng.uniform(1.5, 2.4),
        )
        x, z = far * np.cos(start + step * frame), far * np.sin(start + step * frame)
        body = f"<{x:.3f},0.2,{z:.3f}>,0.22,<{x:.3f},1.4,{z:.3f}>,0.16"
        found.append(f"cone {{ {body} pigment {{ {_colour(rng)} }} finish {{ ambient 0.2 }} }}")
        found.append(
            f"sphere {{ <{x:.3f},1.62,{z:.3f}>,0.15 pigment {{ rgb <0.9,0.7,0.6> }} finish {{ ambient 0.2 }} }}"
        )
    return found
