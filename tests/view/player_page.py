"""A page with nothing but the player, from a plain server of files: recordings of known directions and times."""

from __future__ import annotations

import functools
import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests import CHECKOUT
from tests.training.world import encode_video
from yt360 import ambisonics, sphere
from yt360.segmentation import Category, ClipMaps, PanopticSegment
from yt360.segmentation.clip_maps import clip_maps_bytes
from yt360.segmentation.maps import from_ids
from yt360.view.clip_payload import about_recording
from yt360.view.drawn_views import outline
from yt360.view.map_layer import map_layer, map_name, map_picture
from yt360.view.sound_file import sound_wav
from yt360.view.sound_layers import sound_layers

CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
HEIGHT, WIDTH = 224, 448
RATE_HZ = 24_000
GREY = 120

FPS = 16
DIRECTIONS = [
    *((azimuth, 0.0) for azimuth in (0.0, 45.0, 90.0, 135.0, 179.6, 180.0, -179.6, -90.0, -30.0)),
    *((0.0, 90.0), (0.0, -90.0), (70.0, 89.3), (-110.0, -88.8), (180.0, 60.0), (-179.9, -45.0)),
    *((33.3, 21.7), (-61.2, -33.9), (120.0, 75.0), (-140.0, 12.5), (10.0, -62.0)),
]
SECONDS = 4
"""Of the recording "clock"."""

# Parts of scripts for runner(); given[0] is the name of a recording.
READY = """
player.look.set({ az_deg: 0, el_deg: 0, roll_deg: 0, fov_deg: 90 });
player.setListening("head");
await player.load(`clips/${given[0]}`);
await player.setLayers([]);
if (player.error) throw new Error(player.error);
"""
PIXELS = """
const gl = player.canvas.getContext("webgl2");
const [bw, bh] = [gl.drawingBufferWidth, gl.drawingBufferHeight];
const read = () => {
  player.sphere.render();
  const data = new Uint8Array(4 * bw * bh);
  gl.readPixels(0, 0, bw, bh, gl.RGBA, gl.UNSIGNED_BYTE, data);
  return data;
};
"""

TURN = """
const [seconds] = given;
const [first, begin] = [player.drawn, performance.now()];
await new Promise((done) => {
  const step = (now) => {
    player.setView({ az_deg: player.look.az_deg + 1 });
    if (now - begin < 1000 * seconds) requestAnimationFrame(step);
    else done();
  };
  requestAnimationFrame(step);
});
return [player.drawn - first, (performance.now() - begin) / 1000];
"""
"""Turns the view a degree a frame for given[0] s; how many frames were drawn, and in how many s."""


_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Player</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="static/player.css"></head>
<body><main><section id="player"></section></main><script type="module" src="page.js"></script></body></html>"""

_SCRIPT = """import { createPlayer } from "./static/player.js";
window.told = { times: [], views: [], states: [] };
window.player = createPlayer(document.getElementById("player"), {
  onTime: (time_s) => told.times.push(time_s),
  onView: (view) => told.views.push(view),
  onState: (state) => told.states.push(state),
});
"""


class _Quiet(SimpleHTTPRequestHandler):
    """Serves files without ranges, under the policy of ``yt360 view``."""

    def log_message(self, *_words: object) -> None:
        """Says nothing."""

    def end_headers(self) -> None:
        blobs = "img-src 'self' blob: data:; media-src 'self' blob:"
        self.send_header("Content-Security-Policy", f"default-src 'self'; {blobs}")
        super().end_headers()


def page(folder: Path) -> Path:
    """A folder with the player's page; recordings go into ``clips/NAME``."""
    shutil.copytree(CHECKOUT / "yt360/view/static", folder / "static")
    shutil.copytree(CHECKOUT / "yt360/view/hrirs", folder / "static/hrirs")
    (folder / "index.html").write_text(_PAGE)
    (folder / "page.js").write_text(_SCRIPT)
    return folder


def add_recording(
    folder: Path, name: str, frames: NDArray[np.uint8], fps: int, foa: NDArray[np.float32], **json_members: Any
) -> None:
    """A recording in the form of :class:`yt360.view.clip_payload.ClipPayload`, straight from its picture and sound.

    ``maps``: a :class:`ClipMaps`; other members are written as they are.
    """
    own = folder / "clips" / name
    (own / "maps").mkdir(parents=True)
    wav, gain = sound_wav(foa, RATE_HZ)
    energy, directions = sound_layers(foa, RATE_HZ)
    members = {"energy": energy, "directions": directions, **json_members}
    maps = members.pop("maps", None)
    if isinstance(maps, ClipMaps):
        members["maps"] = map_layer(maps)
        for number in range(len(maps)):
            (own / map_name(number)).write_bytes(map_picture(maps, number))
    for member, value in members.items():
        (own / f"{member}.json").write_text(json.dumps(value))
    (own / "video.mp4").write_bytes(encode_video(frames, fps))
    (own / "sound.wav").write_bytes(wav)
    about = about_recording(
        key=name,
        duration_s=len(frames) / fps,
        picture={"width": frames.shape[2], "height": frames.shape[1], "fps": fps, "frames": len(frames)},
        sound={"rate_hz": RATE_HZ, "samples": foa.shape[1], "gain": gain},
        members={"video": "video.mp4", "sound": "sound.wav", **{member: f"{member}.json" for member in members}},
    )
    (own / "clip.json").write_text(json.dumps(about))


def blob(azimuth_deg: float, elevation_deg: float, radius_deg: float = 3.0) -> NDArray[np.uint8]:
    """A frame ``(H, W, 3)`` that is dark but for a soft white spot in a direction."""
    centre = sphere.unit_vector(np.radians(azimuth_deg), np.radians(elevation_deg))
    away = np.degrees(sphere.angle_between(sphere.pixel_vectors(HEIGHT, WIDTH), centre))
    return np.repeat(np.round(16 + 239 * np.exp(-((away / radius_deg) ** 2)))[..., None], 3, axis=2).astype(np.uint8)


CODE_DEG = [(180 - 12 * (bit - 2.5), 0.0) for bit in range(6)]
"""Where a frame of :func:`numbered` says its number: one patch a bit, behind, the lowest first."""


@functools.cache
def _patches() -> list[NDArray[np.bool_]]:
    rays = sphere.pixel_vectors(HEIGHT, WIDTH)
    centres = [sphere.unit_vector(*np.radians(each)) for each in CODE_DEG]
    return [rays @ centre > np.cos(np.radians(5)) for centre in centres]


def numbered(number: int) -> NDArray[np.uint8]:
    """A grey frame with its number in patches behind the viewer."""
    frame = np.full((HEIGHT, WIDTH, 3), GREY, np.uint8)
    for bit, patch in enumerate(_patches()):
        frame[patch] = 255 if number >> bit & 1 else 0
    return frame


def two_things(clip: str) -> ClipMaps:
    """Two maps, one a second: ground below, a thing ahead on the left that moves to the right."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    maps = []
    for left in (60, 240):
        ids = np.where(rows >= HEIGHT // 2, 1, 0).astype(np.int32)
        ids[(abs(rows - 90) < 30) & (abs(columns - left - 40) < 40)] = 2
        maps.append(from_ids(ids, [PanopticSegment(1, 7, False, 0.9, 0), PanopticSegment(2, 8, True, 0.8, 0)]))
    categories = [Category(7, "ground", False), Category(8, "<b>drum</b>", True)]
    return ClipMaps(clip_maps_bytes(clip, maps, 1.0, categories, {"model": "hand-made"}))


def noise(seconds: float, azimuth_deg: float, elevation_deg: float = 0.0) -> NDArray[np.float32]:
    """White noise from a direction, AmbiX ``(4, samples)``."""
    signal = np.random.default_rng(5).normal(0, 0.1, round(seconds * RATE_HZ))
    return ambisonics.encode(signal, np.radians(azimuth_deg), np.radians(elevation_deg)).astype(np.float32)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Address of a folder's files."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def chromium(width: int = 1000, height: int = 1100) -> Iterator[Any]:
    """A headless Chromium that draws without a GPU; skips where there is none."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs the extra dev (selenium)")
    if not (CHROMIUM.exists() and DRIVER.exists()):
        pytest.skip(f"needs {CHROMIUM} and {DRIVER} (apt-get install chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for argument in (
        *("--headless=new", "--no-sandbox", f"--window-size={width},{height}", "--hide-scrollbars"),
        *("--disable-gpu", "--enable-unsafe-swiftshader"),
        *("--autoplay-policy=no-user-gesture-required", "--mute-audio"),
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(DRIVER)))
    driver.set_script_timeout(120)
    try:
        yield driver
    finally:
        driver.quit()


def runner(driver: Any) -> Callable[..., Any]:
    """``run(script, *arguments)``: the value of an async function's body in the page; its error is raised."""

    def run(script: str, *arguments: object) -> Any:
        wrapped = (
            "const done = arguments[arguments.length - 1]; const given = [...arguments].slice(0, -1);"
            f"(async (...given) => {{ {script} }})(...given)"
            ".then((value) => done({ value }), (error) => done({ error: `${error}\\n${error.stack}` }));"
        )
        answer = driver.execute_async_script(wrapped, *arguments)
        if "error" in answer:
            raise AssertionError(answer["error"])
        return answer.get("value")

    return run


def recordings(folder: Path) -> None:
    """What the tests look at, in the folder of :func:`page`.

    ``spots``: frame n has a spot in direction n, noise at the left. ``clock``: the frame's number in the picture, a
    ramp in W. ``layers``: grey, noise ahead on the left, maps and a view. ``broken``: no JSON.
    """
    add_recording(folder, "spots", np.stack([blob(*direction) for direction in DIRECTIONS]), FPS, noise(1.25, 90.0))
    ramp = np.linspace(0, 0.9, SECONDS * RATE_HZ, dtype=np.float32)
    silent = np.zeros_like(ramp)
    frames = np.stack([numbered(number) for number in range(SECONDS * FPS)])
    add_recording(folder, "clock", frames, FPS, np.stack([ramp, silent, silent, silent]))
    add_recording(
        folder,
        "layers",
        np.full((2 * FPS, HEIGHT, WIDTH, 3), GREY, np.uint8),
        FPS,
        noise(2, 50.0, 15.0),
        maps=two_things("layers"),
        views={"whose": "of a test", "samples": 1, "views": [_view()]},
    )
    (folder / "clips/broken").mkdir()
    (folder / "clips/broken/clip.json").write_text("{")


def _view() -> dict[str, Any]:
    edge = sphere.direction(outline(sphere.View(*np.radians([20, 10, 60, 50]))))
    return {
        "sample": 0,
        "number": 0,
        "mirrored": False,
        "sound_start_s": 0.0,
        "sound_end_s": 1.0,
        "start_s": 0.25,
        "end_s": 0.75,
        "outline": [list(map(float, np.degrees(each))) for each in zip(*edge, strict=True)],
    }


def processor_s(pid: int) -> float:
    """Processor time in s of a process and all below it."""
    ticks: dict[int, int] = {}
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            ticks[int(entry.name)] = int(fields[11]) + int(fields[12])
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    waiting, total = [pid], 0
    while waiting:
        now = waiting.pop()
        total += ticks.get(now, 0)
        waiting += children.get(now, [])
    return total / os.sysconf("SC_CLK_TCK")
