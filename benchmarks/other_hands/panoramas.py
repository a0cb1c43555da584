"""Whole spheres that nobody here painted: ray-traced, photographed, filmed; one eye or two, a few moments each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.other_hands import LeftOutError, povray
from benchmarks.other_hands.sources import DEBIAN, SHARED, found, read_frames

Frames = NDArray[np.uint8]

MOMENTS = povray.FRAMES

_HDRI = ("city", "courtyard", "forest", "interior", "night", "studio", "sunrise", "sunset")
_STILLS = {
    "stills: A-Frame": ("real/stills/aframe_puydesancy.jpg", "real/stills/aframe_lake_sunset.jpg"),
    "stills: VR View": (
        "real/stills/vrview_chichen-itza.jpg", "real/stills/vrview_christ-redeemer.jpg",
        "real/stills/vrview_machu-picchu.jpg", "real/stills/vrview_petra.jpg",
    ),
    "stills: HorizonNet, cuxdev": ("real/stills/horizonnet_bedroom.png", "real/stills/cuxdev_fjord.jpg"),
    "stills: media": ("media/still_taj.jpg", "media/still_veste.jpg"),
}  # fmt: skip
_VIDEOS = {
    "videos: OmniAudio (YouTube clips)": (
        "real/video360/omni_gt_QO-pWw4_z8Y_120.webm", "real/video360/omni_gt_Wc_gzO9i38k_15.webm",
        "real/video360/omni_gt_aieThfuvmtY_274.webm", "real/video360/omni_gt_gyFx147_35Q_52.webm",
        "real/video360/omni_gt_qWpImMW4DHI_87.webm", "real/video360/omni_gt_f2kvR5I8s3c_20.webm",
        "media/G8pABGosD38l_17.webm", "media/KVvDejzzQjM_6.webm", "media/V_To4k9AJXc_20.webm",
        "media/0FB9jMXMP8A_19.webm", "media/NdE7uYVaynQl_0.webm", "media/V5IVN81wYrI_60.webm",
    ),
    "videos: Valiant 360": ("media/valiant360_overpass.mp4",),
}  # fmt: skip


@dataclass(frozen=True)
class Panorama:
    """A whole sphere: where it is from, its name, and how its eyes are made (a second one only where there is one)."""

    source: str
    name: str
    make: Callable[[bool], list[Frames]]
    stereo: bool = False

    def eyes(self, *, two: bool = False) -> list[Frames]:
        """One eye or two, each ``(n, h, w, 3)`` RGB equirectangular. Raises :class:`LeftOutError`."""
        return _eyes(self, two and self.stereo)


@lru_cache(maxsize=3)
def _eyes(panorama: Panorama, two: bool) -> list[Frames]:
    return panorama.make(two)


def exposed(name: str) -> Frames:
    """A photograph ``(h, w, 3)`` of HDRI Haven (G. Zaal, CC0) as Blender ships it, exposed for its middle grey."""
    path = DEBIAN / "blender" / "datafiles" / "studiolights" / "world" / f"{name}.exr"
    with av.open(str(found(path, "HDRI photographs (Debian: blender-data)"))) as container:
        light = np.maximum(next(container.decode(video=0)).to_ndarray(), 0)
    tone = (light / (2.2 * max(1e-6, float(np.percentile(light, 70))))) ** (1 / 2.2)
    return np.clip(255 * tone, 0, 255).astype(np.uint8)


def _hdri(name: str) -> Callable[[bool], list[Frames]]:
    return lambda _two: [_turning(exposed(name))]


def _still(name: str) -> Callable[[bool], list[Frames]]:
    def make(_two: bool) -> list[Frames]:
        path = found(SHARED / name, f"recordings beside the checkout ({SHARED})")
        return [_turning(read_frames(path, 1)[0])]

    return make


def _video(name: str) -> Callable[[bool], list[Frames]]:
    def make(_two: bool) -> list[Frames]:
        frames = read_frames(found(SHARED / name, f"recordings beside the checkout ({SHARED})"), MOMENTS)
        height = min(512, frames.shape[1])
        width = round(frames.shape[2] * height / frames.shape[1])
        small: list[Any] = [cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA) for frame in frames]
        return [np.stack(small)]

    return make


def _turning(picture: Frames) -> Frames:
    """A camera in somebody's hand: ``(MOMENTS, h, w, 3)``, turned a little about all three axes by pyequilib."""
    try:
        import equilib
    except ImportError:
        raise LeftOutError("pyequilib") from None
    small: Any = cv2.resize(picture, (1024, 512), interpolation=cv2.INTER_AREA)
    planes = np.ascontiguousarray(np.moveaxis(small, -1, 0))
    frames = []
    for k in range(MOMENTS):
        turn = {"yaw": 0.12 * k, "pitch": 0.05 * np.sin(2.0 * k), "roll": 0.03 * np.sin(1.3 * k)}
        frames.append(np.moveaxis(equilib.equi2equi(planes, turn), 0, -1))
    return np.ascontiguousarray(np.stack(frames).astype(np.uint8))


def _ray_traced(seed: int, kind: str, stand: str) -> Panorama:
    def make(two: bool) -> list[Frames]:
        return povray.place(seed, kind=kind, stand=stand, stereo=two)

    return Panorama("POV-Ray places", f"{kind}, {stand} below, seed {seed}", make, stereo=True)


def _example(name: str) -> Panorama:
    return Panorama("POV-Ray examples", name, lambda _two: [povray.example(name)])


def panoramas(first_seed: int, places: int) -> list[Panorama]:
    """All whole spheres, ``places`` of them ray-traced from ``first_seed`` on."""
    kinds, stands = povray.PLACES, povray.STANDS
    found = [
        _ray_traced(first_seed + k, kinds[k % len(kinds)], stands[(k + k // len(kinds)) % len(stands)])
        for k in range(places)
    ]
    found += [_example(name) for name in povray.EXAMPLES]
    found += [Panorama("HDRI Haven (Blender)", name, _hdri(name)) for name in _HDRI]
    found += [Panorama(source, Path(name).name, _still(name)) for source, names in _STILLS.items() for name in names]
    found += [Panorama(source, Path(name).name, _video(name)) for source, names in _VIDEOS.items() for name in names]
    return found


FLAT = {"flat: media": "media/flat_camera.mp4", "flat: drone": "real/negatives/named_pano_flat_drone.mp4"}
"""Videos of ordinary cameras beside the checkout by source."""


def flat_video(source: str) -> Frames:
    """``(MOMENTS, h, w, 3)`` of an ordinary camera's video."""
    return _video(FLAT[source])(False)[0]
