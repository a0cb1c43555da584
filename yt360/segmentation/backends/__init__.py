"""Panoptic models by name. Each backend is imported when it is asked for."""

from __future__ import annotations

from yt360.errors import UsageError
from yt360.segmentation import weights as weight_files
from yt360.segmentation.backend import PanopticModel
from yt360.segmentation.settings import CHOICES, DETECTRON2, FPN, WORLD, PanopticModelSettings, known


def prepare(settings: PanopticModelSettings) -> None:
    """Bring what a model needs to this machine, once, before many workers load it.

    Raises :class:`~yt360.segmentation.weights.MissingWeightsError` when that is impossible.
    """
    require_torch()
    if settings.model in FPN:
        weight_files.find(settings.model, settings.weights, settings.sha256)


def load_model(settings: PanopticModelSettings, *, download: bool = True) -> PanopticModel:
    """A model, ready to use; with ``download`` weights that are not on this machine are fetched.

    Raises :class:`UsageError` for an unknown name or wrong weights,
    :class:`~yt360.segmentation.weights.MissingWeightsError` where there are none.
    """
    if not known(settings.model):
        raise UsageError(f"unknown panoptic model {settings.model!r}; expected {CHOICES}")
    require_torch()
    if settings.model in FPN or settings.model == WORLD:
        from yt360.segmentation.backends.fpn import load_fpn

        return load_fpn(settings, download=download)
    backend, _, name = settings.model.partition(":")
    if backend == DETECTRON2:
        from yt360.segmentation.backends.detectron2 import load_detectron2

        return load_detectron2(settings, name, download=download)
    from yt360.segmentation.backends.transformers import load_transformers

    return load_transformers(settings, name, download=download)


def require_torch() -> None:
    """Raises :class:`~yt360.segmentation.weights.MissingModelError` where torch is missing: what to install."""
    try:
        import torch  # noqa: F401
        import torchvision  # noqa: F401
    except ImportError as error:
        raise weight_files.MissingModelError(
            f"panoptic maps need torch and torchvision ({error}): pip install 'yt360[segment]'"
        ) from error
