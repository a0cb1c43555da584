"""Which panoptic model makes maps, and how a sphere is shown to it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from yt360.settings import Settings, unit

FPN = ("panoptic-fpn-r101", "panoptic-fpn-r50")
WORLD = "world-fpn"
DETECTRON2 = "detectron2"
TRANSFORMERS = "transformers:"

CHOICES = f"{', '.join((*FPN, WORLD))}, {DETECTRON2}[:CONFIG] or {TRANSFORMERS}NAME-OR-FOLDER"
"""The names of models, in words."""

Way = Literal["equirectangular", "views"]


def known(model: str) -> bool:
    """Whether ``model`` is one of :data:`CHOICES`."""
    backend, colon, name = model.partition(":")
    return model in (*FPN, WORLD) or backend == DETECTRON2 or (backend + colon == TRANSFORMERS and bool(name))


class PanopticModelSettings(Settings):
    """Which model, and how it runs."""

    model: str = Field(default=FPN[0], description=f"The panoptic model: {CHOICES}.")
    weights: str = Field(
        default="",
        description="File or address of its weights. Empty: the published ones, from the cache folder or the network.",
    )
    sha256: str = Field(
        default="",
        pattern="^[0-9a-fA-F]*$",
        description="What the SHA-256 of the weights must begin with. Empty: not checked, or that of the "
        "published ones.",
    )
    device: str = Field(default="auto", description="Where the model runs: auto, cpu, cuda or cuda:N.")
    bfloat16: bool = Field(
        default=False,
        description="Run in bfloat16: faster on a GPU and on a processor that has it, maps differ slightly.",
    )
    channels_last: bool = Field(default=False, description="Memory layout that is faster on some GPUs.")


class SphereSettings(Settings):
    """How a sphere is shown to a model that was made for ordinary pictures."""

    way: Way = Field(
        default="equirectangular",
        description="equirectangular shows the whole picture, continued over the seam; views shows overlapping "
        "perspective views and merges their maps.",
    )
    wrap_deg: float = Field(
        default=60.0, ge=0, le=180, description="equirectangular: how far the picture is continued at each side."
    )
    views: int = Field(
        default=8,
        ge=4,
        le=36,
        description="views: perspective views around the horizon (two more look straight up and down). Raising it "
        "costs time.",
    )
    view_size: int = Field(
        default=0,
        ge=0,
        le=4096,
        json_schema_extra=unit("pixels"),
        description="views: edge of a view; 0 makes it as fine as the picture is at the horizon.",
    )
