"""Where each pixel of the wanted equirectangular picture lies in the picture of one eye.

Covers cropped bounds, the pose of the camera and projection meshes.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from yt360 import sphere
from yt360.errors import ItemError
from yt360.media.containers.reader import MAX_PAYLOAD, MalformedError
from yt360.media.containers.spatial import Bounds
from yt360.media.mesh import decode_meshes, rasterise
from yt360.media.picture import VideoDecodeSpec
from yt360.media.projection.layouts import known_layouts


def pose_rotation(yaw_deg: float, pitch_deg: float, roll_deg: float) -> NDArray[np.float64]:
    """Camera-to-world rotation ``(3, 3)`` of a pose as stored in ``prhd`` and ``ProjectionPose``.

    Spherical Video V2 RFC: yaw counter-clockwise about up, pitch counter-clockwise about right after
    yaw, roll clockwise about forward after both.
    """
    yaw, pitch, roll = np.radians([yaw_deg, pitch_deg, roll_deg])
    return sphere.yaw_rotation(yaw) @ sphere.pitch_rotation(pitch) @ sphere.roll_rotation(-roll)


def lookup_map(path: Path, reading: VideoDecodeSpec, height: int, width: int) -> NDArray[np.float64]:
    """(column, row) fractions of the left eye's picture, ``(height, width, 2)``; NaN where it shows nothing.

    Raises :class:`ItemError` (``corrupt``) for a mesh that cannot be decoded.
    """
    if reading.projection == "mesh":
        grid = _mesh_map(path, reading, height, width)
    else:
        grid = _equirectangular_map(sphere.pixel_vectors(height, width), reading.bounds)
        if not reading.has_pose:
            return grid
    if not reading.has_pose:
        return grid
    rotation = pose_rotation(reading.yaw_deg, reading.pitch_deg, reading.roll_deg)
    vectors = sphere.pixel_vectors(height, width) @ rotation  # row vectors: world to camera
    if reading.projection != "mesh":
        return _equirectangular_map(vectors, reading.bounds)
    rows, columns = sphere.to_pixels(*sphere.direction(vectors), height, width)
    turned: NDArray[np.float64] = grid[
        np.clip(np.rint(rows).astype(int), 0, height - 1), np.rint(columns).astype(int) % width
    ]
    return turned


def frame_map(path: Path, reading: VideoDecodeSpec, height: int, width: int) -> NDArray[np.float32]:
    """Where in the whole coded frame each equirectangular pixel lies, ``(height, width, 2)``: (column, row) fractions.

    NaN where the picture shows nothing. Raises :class:`ItemError` as :func:`lookup_map` does.
    """
    if reading.projection in ("eac", "cubemap"):
        rotation = pose_rotation(reading.yaw_deg, reading.pitch_deg, reading.roll_deg)
        name = {"left-right": "eac-lr"}.get(reading.stereo, "eac")
        layout = known_layouts()[name if reading.projection == "eac" else f"cubemap-{reading.cubemap_layout}"]
        grid = np.stack(layout.locate(sphere.pixel_vectors(height, width) @ rotation), axis=-1)
    else:
        left, top, eye_width, eye_height = reading.eye
        grid = lookup_map(path, reading, height, width) * (eye_width, eye_height) + (left, top)
    return grid.astype(np.float32)


def _equirectangular_map(vectors: NDArray[np.float64], bounds: Bounds) -> NDArray[np.float64]:
    azimuth, elevation = sphere.direction(vectors)
    column = ((np.pi - azimuth) / (2 * np.pi) - bounds.left) / bounds.width
    row = ((np.pi / 2 - elevation) / np.pi - bounds.top) / bounds.height
    grid = np.stack([column, row], axis=-1)
    outside = ((grid < 0) | (grid > 1)).any(axis=-1)
    grid[outside] = np.nan
    return grid


def _mesh_map(path: Path, reading: VideoDecodeSpec, height: int, width: int) -> NDArray[np.float64]:
    mesh = reading.mesh
    if mesh is None or mesh.size > MAX_PAYLOAD:
        raise ItemError("corrupt", f"{path}: expected a projection mesh, found none that can be read")
    with path.open("rb") as file:
        file.seek(mesh.offset)
        payload = file.read(mesh.size)
    try:
        return rasterise(decode_meshes(payload)[0], height, width)
    except MalformedError as error:
        raise ItemError("corrupt", f"{path}: projection mesh: {error}") from None


class Lookup:
    """Turns pictures of one eye ``(h, w[, C])`` into equirectangular ones of the grid's size, uncovered parts black."""

    def __init__(self, grid: NDArray[np.float64], eye_height: int, eye_width: int, *, wraps: bool) -> None:
        self.wraps = wraps and eye_width % 2 == 0
        covered = np.isfinite(grid).all(axis=-1)
        self.covered = covered
        columns = np.where(covered, grid[..., 0] * eye_width - 0.5, -4.0)
        rows = np.where(covered, grid[..., 1] * eye_height - 0.5, -4.0)
        if not self.wraps:
            # Half a pixel at the border belongs to the picture: hold it rather than fade to black.
            columns = np.where(covered, np.clip(columns, 0, eye_width - 1), columns)
            rows = np.where(covered, np.clip(rows, 0, eye_height - 1), rows)
        self.columns = columns.astype(np.float32)
        self.rows = rows.astype(np.float32)

    def __call__(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if self.wraps:
            return sphere.sample(picture, np.stack([self.rows, self.columns], axis=-1), "cubic")
        result = cv2.remap(picture, self.columns, self.rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        return result.astype(np.uint8, copy=False)
