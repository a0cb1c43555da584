"""What the player of `yt360 view` costs in a browser without a GPU.

    python -m benchmarks.view_player [--seconds 5] [--width 1000] [--height 600] [--clip FOLDER]

A clip of 448x224 at 16 frames a second (`--clip`: a folder of `yt360 view --export`, `DIR/clips/KEY`) in headless
Chromium that draws in software (SwiftShader), on a stage of 1000x600: the time to the first frame, frames a second
while the view turns with every layer on and while a clip plays, how far picture and sound are apart, and how much
processor time a frame takes. Frames a second depend on what else the machine does, which the load says; processor time
less so.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.worlds import machine
from tests.view.player_page import FPS, TURN, chromium, page, processor_s, recordings, runner, served

_PLAY = """
const [seconds] = given;
await player.seek(0);
await player.play();
const [first, begin] = [player.drawn, performance.now()];
await new Promise((done) => setTimeout(done, 1000 * seconds));
const found = [player.drawn - first, (performance.now() - begin) / 1000, player.state().drifts_s];
player.pause();
return found;
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--width", type=int, default=1000)
    parser.add_argument("--height", type=int, default=600)
    parser.add_argument("--clip", type=Path)
    given = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as folder, chromium(given.width + 100, given.height + 500) as driver:
        root = page(Path(folder) / "page")
        recordings(root)
        name = "layers"
        if given.clip:
            name = "given"
            shutil.copytree(given.clip, root / "clips" / name)
        with served(root) as address:
            driver.get(f"{address}/index.html")
            _measure(driver, name, given)


def _measure(driver: Any, name: str, given: argparse.Namespace) -> None:
    run, pid = runner(driver), driver.service.process.pid
    run(
        "const { style } = player.stage; style.aspectRatio = 'auto'; style.maxHeight = 'none';"
        "style.width = `${given[0]}px`; style.height = `${given[1]}px`;",
        given.width,
        given.height,
    )
    first = [
        run(
            "const begin = performance.now(); await player.load(`clips/${given[0]}`); player.draw();"
            "if (player.error) throw new Error(player.error); return performance.now() - begin;",
            name,
        )
        for _ in range(5)
    ]
    print(f"first frame and sound after {np.median(first):.0f} ms (median of {len(first)}, {load()})")
    every = ["energy", "directions", "maps", "views"]
    for layers in ([], ["energy"], every):
        run("await player.setLayers(given[0]);", layers)
        before_s = processor_s(pid)
        drawn, wall_s = run(TURN, given.seconds)
        spent_s = processor_s(pid) - before_s
        what = ", ".join(layers) or "no layer"
        print(f"turning, {what}: {_rate(drawn, wall_s, spent_s)}")
    before_s = processor_s(pid)
    drawn, wall_s, drifts_s = run(_PLAY, min(given.seconds, 1.5))
    print(f"playing, every layer: {_rate(drawn, wall_s, processor_s(pid) - before_s)}")
    apart_ms = 1000 * np.abs(drifts_s)
    if len(apart_ms):
        print(
            f"picture against sound: median {np.median(apart_ms):.0f} ms, 95 % within "
            f"{np.percentile(apart_ms, 95):.0f} ms of {len(apart_ms)} frames (a frame lasts {1000 / FPS:.0f} ms)"
        )
    before_s, begin = processor_s(pid), time.monotonic()
    time.sleep(given.seconds)
    print(f"in a pause: {100 * (processor_s(pid) - before_s) / (time.monotonic() - begin):.0f} % of a core")


def _rate(drawn: int, wall_s: float, spent_s: float) -> str:
    return (
        f"{drawn / wall_s:.1f} frames/s, {1000 * spent_s / max(drawn, 1):.0f} ms of processor time a frame in all "
        f"processes of the browser ({load()})"
    )


def load() -> str:
    """How much else the machine does."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


if __name__ == "__main__":
    main()
