"""Makes a world: a folder of videos with the truth beside them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from yt360 import ambisonics
from yt360.ambisonics import XYZ, W
from yt360.errors import UsageError
from yt360.media.containers import spherical_boxes
from yt360.synth.classes import PANOPTIC_CLASSES, class_id
from yt360.synth.delivery import DELIVERIES, write_video
from yt360.synth.planting import DEFECTS, Defect
from yt360.synth.render import SAMPLE_RATE_HZ, Renderer, Soundtrack, render_sound, thing_directions
from yt360.synth.scene import Scene, draw_scene
from yt360.synth.truth import SecondTruth, ThingTruth, VideoTruth

_PANOPTIC_RATE_HZ = 4
_DELIVERY_SHARES = {"opus": 0.45, "vorbis": 0.2, "aac-pair": 0.35}


@dataclass(frozen=True)
class VideoSpec:
    """All that determines one video: its world's ``seed``, its ``index`` in it, what is planted, and its format."""

    seed: int
    index: int
    defect: str
    duration_s: float
    height: int
    width: int
    fps: float

    @property
    def name(self) -> str:
        return f"{self.index:04d}-{self.defect or 'clean'}".replace("_", "-")


def plan_world(
    *,
    videos: int,
    seed: int,
    duration_s: float = 12.0,
    height: int = 224,
    width: int = 448,
    fps: float = 16.0,
    defects: Literal["none", "all"] | Sequence[str] = "none",
) -> list[VideoSpec]:
    """The videos of a world. ``all`` plants one of each defect; the rest is clean. A video depends on seed,
    index and its own format alone, so a longer world begins with the same videos.

    Raises :class:`UsageError` for an unknown defect, or more defects than videos.
    """
    planted = list(DEFECTS) if defects == "all" else [] if defects == "none" else list(defects)
    unknown = [name for name in planted if name not in DEFECTS]
    if unknown:
        raise UsageError(f"--defects: unknown defect {unknown[0]!r}; known are: {', '.join(DEFECTS)}")
    if len(planted) > videos:
        raise UsageError(
            f"--videos {videos}: {len(planted)} defects are to be planted, one a video; ask for more videos"
        )
    if width != 2 * height or height % 16:
        raise UsageError(f"--size: expected twice as wide as high, the height a multiple of 16, found {height}x{width}")
    if duration_s < 1 or fps < 1:
        raise UsageError(f"expected at least one second and one frame a second, found {duration_s:g} s at {fps:g} fps")
    return [
        VideoSpec(seed, index, planted[index] if index < len(planted) else "", duration_s, height, width, fps)
        for index in range(videos)
    ]


def render_video(spec: VideoSpec, directory: Path) -> VideoTruth:
    """Render one video into ``directory/media`` and its truth into ``directory/truth``."""
    media, truth = directory / "media", directory / "truth"
    for folder in (media, truth):
        folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng((spec.seed, spec.index))
    defect = DEFECTS[spec.defect] if spec.defect else Defect("keep")
    scene = draw_scene(rng, spec.duration_s * defect.longer)
    if defect.silent_share:
        scene = replace(scene, silent=((0.0, scene.duration_s * defect.silent_share),))
    delivery = str(
        rng.choice(sorted(_DELIVERY_SHARES), p=[_DELIVERY_SHARES[name] for name in sorted(_DELIVERY_SHARES)])
    )
    delivery = defect.delivery or delivery
    with_metadata = bool(rng.random() < 0.6)

    track = render_sound(scene, spec.fps)
    renderer = Renderer(scene, spec.height, spec.width, spec.fps, track.levels)
    frames = defect.frames(renderer, rng) if defect.frames else list(renderer)
    sound = defect.sound(track.foa, rng) if defect.sound else track.foa
    extra = defect.head_locked(track.foa, rng) if defect.head_locked else None
    files = write_video(
        media,
        spec.name,
        frames,
        (spec.height, spec.width),
        spec.fps,
        sound,
        delivery,
        filters=defect.filters,
        head_locked=extra,
    )
    whole_sphere = defect.filters == "null" or defect.stereo != "mono"
    if files[0].endswith(".mp4") and with_metadata and whole_sphere:
        spherical_boxes.inject(media / files[0], defect.stereo)
    if defect.file:
        defect.file(media / files[0], rng)
    _write_panoptic(truth / f"{spec.name}.panoptic.npz", renderer, spec.fps)
    told = _truth(spec, scene, defect, delivery, files, track)
    text = json.dumps(told.to_json(), ensure_ascii=False, sort_keys=True) + "\n"
    (truth / f"{spec.name}.truth.json").write_text(text, encoding="utf-8")
    return told


def _write_panoptic(path: Path, renderer: Renderer, fps: float) -> None:
    step = fps / _PANOPTIC_RATE_HZ
    maps = [renderer.panoptic(round(number * step)) for number in range(int(renderer.frames / step))]
    np.savez_compressed(
        path,
        semantic=np.stack([semantic for semantic, _ in maps]),
        instance=np.stack([instance for _, instance in maps]),
        rate_hz=np.float64(_PANOPTIC_RATE_HZ),
    )


def _truth(
    spec: VideoSpec, scene: Scene, defect: Defect, delivery: str, files: list[str], track: Soundtrack
) -> VideoTruth:
    time_s = np.arange(track.levels.shape[1]) / spec.fps
    things = []
    for thing, level in zip(scene.things, track.levels, strict=True):
        azimuth, elevation = thing_directions(scene, thing, time_s)
        things.append(
            ThingTruth(
                name=thing.name,
                class_id=class_id(thing.name),
                half_extent_deg=float(np.degrees(thing.half_extent)),
                azimuth_deg=_rounded(np.degrees(azimuth)),
                elevation_deg=_rounded(np.degrees(elevation)),
                level=_rounded(level),
            )
        )
    seconds = []
    for second in range(int(scene.duration_s)):
        part = track.foa[:, second * SAMPLE_RATE_HZ : (second + 1) * SAMPLE_RATE_HZ]
        covariance = ambisonics.covariance(part)
        x, y, z = (float(value) for value in covariance[W, XYZ])
        seconds.append(SecondTruth((x, y, z), float(np.trace(covariance) / 2)))
    return VideoTruth(
        name=spec.name,
        defect=spec.defect,
        expected=defect.expected,
        directions_hold=defect.directions_hold,
        files=tuple(files),
        delivery=delivery,
        seed=spec.seed,
        surroundings=scene.surroundings,
        duration_s=scene.duration_s,
        fps=spec.fps,
        height=spec.height,
        width=spec.width,
        camera_turn_deg_per_s=float(np.degrees(scene.camera_turn)),
        silent=scene.silent,
        things=tuple(things),
        seconds=tuple(seconds),
    )


def _rounded(values: NDArray[np.floating]) -> tuple[float, ...]:
    return tuple(round(float(value), 3) for value in values)


def make_world(
    directory: Path,
    *,
    videos: int,
    seed: int,
    duration_s: float = 12.0,
    height: int = 224,
    width: int = 448,
    fps: float = 16.0,
    defects: Literal["none", "all"] | Sequence[str] = "none",
    workers: int = 1,
    progress: Callable[[VideoTruth], None] | None = None,
) -> list[VideoTruth]:
    """Render a world: ``media/`` (files as they would be delivered), ``truth/`` and ``world.json``.

    Same arguments, same bytes, at any number of ``workers``. ``progress`` is called with each finished video.
    """
    directory = Path(directory)
    specs = plan_world(
        videos=videos, seed=seed, duration_s=duration_s, height=height, width=width, fps=fps, defects=defects
    )
    directory.mkdir(parents=True, exist_ok=True)
    truths: dict[int, VideoTruth] = {}
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(render_video, spec, directory) for spec in specs]
        for spec, job in zip(specs, jobs, strict=True):
            truths[spec.index] = job.result()
            if progress is not None:
                progress(truths[spec.index])
    world = {
        "format": "yt360-world",
        "version": 1,
        "videos": [asdict(spec) | {"name": spec.name} for spec in specs],
        "classes": [asdict(row) for row in PANOPTIC_CLASSES],
        "deliveries": list(DELIVERIES),
    }
    (directory / "world.json").write_text(json.dumps(world, indent=1) + "\n", encoding="utf-8")
    return [truths[spec.index] for spec in specs]
