"""The one interface behind which every panoptic model stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from yt360.segmentation.maps import Category, PanopticMap


class PanopticModel(Protocol):
    """A model that is ready to use.

    ``name`` says which, ``licence`` that of its weights, ``weights`` which file (a name and a digest),
    ``categories`` what it can find.
    """

    name: str
    licence: str
    weights: str
    categories: tuple[Category, ...]

    def predict(self, pictures: Sequence[NDArray[np.uint8]], *, widened: float = 1.0) -> list[PanopticMap]:
        """Maps of pictures ``(H, W, 3)`` RGB, each of its picture's size; a map does not depend on the other pictures.

        ``widened``: how much wider than a natural picture these are, because something was added at
        their sides; a model that limits a picture's longer side lets it be that much longer.
        """
        ...
