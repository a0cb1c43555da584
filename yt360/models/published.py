"""The authors' released checkpoints in our layout.

A released file is a PyTorch pickle with the state dicts ``model`` (both encoders) and
``train_criterion`` (translators and heads) of modules wrapped for several GPUs. It is read with
``weights_only``, so that nothing in it is executed.
"""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from yt360.dataset.settings import PublishedBehaviour, SampleSettings
from yt360.errors import UsageError
from yt360.models.audio_visual import AudioVisualModel
from yt360.models.card import model_card
from yt360.models.folder import load_into, model_tensors, require_replaceable, write_model
from yt360.models.settings import ModelDescription, ModelSettings, SpectrogramSettings, TranslatorSettings
from yt360.models.spectrogram import SpatialSpectrogram

_BLOCK = {
    "spt_conv1": "spatial1",
    "spt_bn1": "spatial1_norm",
    "tmp_conv1": "temporal1",
    "tmp_bn1": "temporal1_norm",
    "spt_conv2": "spatial2",
    "spt_bn2": "spatial2_norm",
    "tmp_conv2": "temporal2",
    "out_bn": "out_norm",
    "res_conv": "shortcut",
}
_SOUND = {"conv1": "0.0", "bn1": "0.1", "conv2": "1.0", "bn2": "1.1"}
_LAYER = {
    "attention.query": "mixing.query",
    "attention.key": "mixing.key",
    "attention.value": "mixing.value",
    "attention.dense": "mixing.out",
    "attention_norm": "mixing_norm",
    "dense.0": "dense.0",
    "dense.2": "dense.2",
    "dense_norm": "dense_norm",
    "dense1.0": "mixing.0",
    "dense1.2": "mixing.2",
    "dense1_norm": "mixing_norm",
    "dense2.0": "dense.0",
    "dense2.2": "dense.2",
    "dense2_norm": "dense_norm",
}
_HEAD = {
    "video_head": "video_head",
    "audio_head": "sound_head",
    "video_pred_head": "video_prediction_head",
    "audio_pred_head": "sound_prediction_head",
    "video_projection": "video_head",
    "audio_projection": "sound_head",
}
_TRANSLATOR = {"v2a_transformer": "video_to_sound", "a2v_transformer": "sound_to_video"}

_RULES: tuple[tuple[re.Pattern[str], Any], ...] = (
    (re.compile(r"video_model\.conv1\.(\d\..+)"), lambda m: f"video.stem.{m[1]}"),
    (
        re.compile(r"video_model\.conv([2-5])x\.(?:(\d)\.)?([a-z_0-9]+)\.(\w+)"),
        lambda m: f"video.stages.{int(m[1]) - 2}.{m[2] or 0}.{_BLOCK[m[3]]}.{m[4]}",
    ),
    (re.compile(r"audio_model\.conv1\.(\d\..+)"), lambda m: f"sound.stem.{m[1]}"),
    (
        re.compile(r"audio_model\.block([1-4])\.([a-z0-9]+)\.(\w+)"),
        lambda m: f"sound.stages.{int(m[1]) - 1}.{_SOUND[m[2]]}.{m[3]}",
    ),
    (
        re.compile(r"(?:losses\.0\.)?([va]2[va]_transformer)\.transformer\.(\d+)\.(.+)\.(\w+)"),
        lambda m: f"{_TRANSLATOR[m[1]]}.layers.{m[2]}.{_LAYER[m[3]]}.{m[4]}",
    ),
    (
        re.compile(r"(?:losses\.0\.)?(\w+)\.projection\.0\.(\w+)"),
        lambda m: f"{_HEAD[m[1]]}.{m[2]}",
    ),
)


def our_name(theirs: str) -> str:
    """Our name of one of their parameters; :class:`KeyError` for one that has none."""
    theirs = theirs.removeprefix("module.")
    for pattern, rename in _RULES:
        if found := pattern.fullmatch(theirs):
            name: str = rename(found)
            return name
    raise KeyError(theirs)


class ConvertedModel(NamedTuple):
    """What a released file held: its description, and whether it has translation networks."""

    description: ModelDescription
    translates: bool


def convert(checkpoint: Path, out: Path, *, statistics: Path | None = None) -> ConvertedModel:
    """Write the model folder ``out`` from a released ``checkpoint`` file.

    ``statistics``: the released ``MelSpectDB-24khz-257fft-128mels-norm-stats.npz``. Without it the sound
    statistics stay at mean 0 and deviation 1, and spectrograms must be normalised by the caller.
    Raises :class:`UsageError` when the file is not such a checkpoint.
    """
    require_replaceable(out)
    released = _load(checkpoint)
    ours: dict[str, Tensor] = {}
    for part in ("model", "train_criterion"):
        for theirs, value in released.get(part, {}).items():
            try:
                ours[our_name(theirs)] = value.detach().clone().contiguous()
            except (KeyError, AttributeError) as error:
                raise UsageError(f"{checkpoint}: {part} holds {theirs!r}, which no released model has") from error
    translates = any(name.startswith("video_to_sound.") for name in ours)
    settings, sound = _architecture(ours), SpectrogramSettings()
    model = AudioVisualModel(settings, sound.channels, translators=translates, whole_video=not translates)
    if not any(name.startswith("video_head.") for name in ours):
        own = model.state_dict()
        ours |= {
            name: value for name, value in own.items() if name not in ours and not name.startswith(("video.", "sound."))
        }
    load_into(model, ours, checkpoint)
    spectrogram = SpatialSpectrogram(sound)
    if statistics is not None:
        _read_statistics(spectrogram, statistics)
    samples = SampleSettings(behaviour=PublishedBehaviour.original())
    description = ModelDescription.of(settings, sound, "original", samples, source=checkpoint.name)
    card = model_card(
        description,
        name=checkpoint.stem,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        data=["Trained by the paper's authors on YouTube-360; their terms bind these weights."],
        results={},
        command="",
        limits=_limits(statistics),
    )
    write_model(out, model_tensors(model, spectrogram), description, card)
    return ConvertedModel(description, translates)


def _limits(statistics: Path | None) -> list[str]:
    if statistics is not None:
        return []
    return ["The statistics of log-mel spectrograms were not given: normalise the sound encoder's input yourself."]


def _architecture(ours: Mapping[str, Tensor]) -> ModelSettings:
    mlp = any(".mixing.0." in name for name in ours)
    return ModelSettings(
        depth=18 if "video.stages.0.1.spatial1.weight" in ours else 10,
        translator=TranslatorSettings(kind="mlp" if mlp else "transformer"),
    )


def _load(path: Path) -> dict[str, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            released = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise UsageError(f"{path}: no such checkpoint") from error
    except Exception as error:  # a damaged pickle fails as its bytes would have it: IndexError, TypeError, …
        # Not torch's own words: they tell how to run what is in the file.
        foreign = re.search(r"GLOBAL ([\w.]{1,100})", str(error))
        found = f"{foreign[1]} in it" if foreign else f"something else ({type(error).__name__})"
        raise UsageError(
            f"{path}: expected a PyTorch checkpoint of nothing but tensors, found {found}; it is not read, as that "
            "could run code; fetch the authors' file again"
        ) from error
    if not isinstance(released, dict) or not isinstance(released.get("model"), dict):
        raise UsageError(f"{path}: expected a checkpoint with the state dict 'model' in it, as the authors released")
    return released


def _read_statistics(spectrogram: SpatialSpectrogram, path: Path) -> None:
    try:
        with np.load(path, allow_pickle=False) as file:
            mean, std = (torch.from_numpy(np.asarray(file[name], np.float32)) for name in ("mean", "std"))
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise UsageError(f"{path}: expected an .npz file with the arrays mean and std ({error})") from error
    load_into(spectrogram, {"mean": mean, "std": std}, path)
