"""Projection meshes for any layout made of faces: what a producer would write for EAC or a cubemap."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.media_containers import mesh_box
from yt360.media.projection.layouts import Layout


def layout_mesh(layout: Layout, steps: int = 10) -> bytes:
    """A ``mesh`` box of the left eye: ``steps`` by ``steps`` cells a face."""
    vertices: list[NDArray[np.float64]] = []
    triangles: list[tuple[int, int, int]] = []
    s, t = np.meshgrid(np.linspace(-1, 1, steps + 1), np.linspace(-1, 1, steps + 1))
    row = steps + 1
    for face in layout.faces:
        first = sum(len(part) for part in vertices)
        vectors = face.vectors(s, t)
        column, line = face.frame_position(s, t)
        x, y, z = np.moveaxis(vectors, -1, 0)
        vertices.append(np.stack([-y, z, -x, column, 1 - line], axis=-1).reshape(-1, 5))
        for k in (r * row + c for r in range(steps) for c in range(steps)):
            k += first
            triangles += [(k, k + row, k + 1), (k + 1, k + row, k + row + 1)]
    return mesh_box(np.concatenate(vertices), np.asarray(triangles))
