"""Checkpoints in PANNs' layout, held against the same network built of torch's own modules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from yt360.errors import UsageError
from yt360.events.taggers import PANNS, load_tagger
from yt360.events.taggers.panns import PannsTagger, read_labels


class Block(nn.Module):
    """Two convolutions of 3 by 3 (Cnn10, Cnn14), or one of 5 by 5 (Cnn6)."""

    def __init__(self, before: int, after: int, *, five: bool) -> None:
        super().__init__()
        size = 5 if five else 3
        self.five = five
        self.conv1, self.bn1 = nn.Conv2d(before, after, size, padding=size // 2, bias=False), nn.BatchNorm2d(after)
        if not five:
            self.conv2, self.bn2 = nn.Conv2d(after, after, 3, padding=1, bias=False), nn.BatchNorm2d(after)

    def forward(self, x: torch.Tensor, pool: int) -> torch.Tensor:
        x = torch.relu(self.bn1(self.conv1(x)))
        if not self.five:
            x = torch.relu(self.bn2(self.conv2(x)))
        return nn.functional.avg_pool2d(x, pool)


class SmallPanns(nn.Module):
    """The published network with few channels; its spectrogram is torch's own."""

    def __init__(
        self, widths: list[int], classes: int, *, window: int = 512, mels: int = 64, five: bool = False
    ) -> None:
        super().__init__()
        self.window, self.rate = window, {256: 8000, 512: 16_000, 1024: 32_000}[window]
        self.bn0 = nn.BatchNorm2d(mels)
        self.blocks = []
        for number, (before, after) in enumerate(zip([1, *widths], widths, strict=False), 1):
            block = Block(before, after, five=five)
            setattr(self, f"conv_block{number}", block)
            self.blocks.append(block)
        self.fc1, self.fc_audioset = nn.Linear(widths[-1], widths[-1]), nn.Linear(widths[-1], classes)
        self.mel = torch.rand(window // 2 + 1, mels) * 0.1

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        spectrum = torch.stft(
            samples, self.window, self.rate // 100, window=torch.hann_window(self.window), center=True,
            pad_mode="reflect", return_complex=True,
        )  # fmt: skip
        mel = 10 * torch.log10((spectrum.abs() ** 2).T @ self.mel + 0.0).clamp(min=-100)
        x = self.bn0(mel[None, None].transpose(1, 3)).transpose(1, 3)
        for number, block in enumerate(self.blocks, 1):
            x = block(x, 1 if number == 6 else 2)
        x = torch.mean(x, dim=3)
        x = torch.max(x, dim=2).values + torch.mean(x, dim=2)
        return torch.sigmoid(self.fc_audioset(torch.relu(self.fc1(x))))[0]

    def checkpoint(self) -> dict[str, torch.Tensor]:
        """The state as torchlibrosa names and keeps it: the windowed Fourier matrix, the mel weights."""
        k, n = np.arange(self.window // 2 + 1)[:, None], np.arange(self.window)[None]
        fourier = np.exp(-2j * np.pi * k * n / self.window) * torch.hann_window(self.window).numpy()
        state = dict(self.state_dict())
        state["spectrogram_extractor.stft.conv_real.weight"] = torch.tensor(fourier.real, dtype=torch.float32)[:, None]
        state["spectrogram_extractor.stft.conv_imag.weight"] = torch.tensor(fourier.imag, dtype=torch.float32)[:, None]
        state["logmel_extractor.melW"] = self.mel
        return state


LABELS = ("Speech", "Dog, bark", "Music")


def made(folder: Path, widths: list[int], **more: Any) -> tuple[SmallPanns, Path, Path]:
    torch.manual_seed(3)
    model = SmallPanns(widths, len(LABELS), **more).eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2.0)
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_(0, 0.1)
        elif isinstance(module, nn.Conv2d):
            module.weight.data *= 3  # random layers shrink what they pass on
    model.fc_audioset.weight.data *= 30
    assert model.bn0.running_mean is not None
    assert model.bn0.running_var is not None
    model.bn0.running_mean.fill_(-30.0)
    model.bn0.running_var.fill_(400.0)
    weights, labels = folder / "small.pth", folder / "labels.csv"
    torch.save({"iteration": 7, "model": model.checkpoint()}, weights)
    rows = "".join(f'{number},/m/{number},"{name}"\n' for number, name in enumerate(LABELS))
    labels.write_text("index,mid,display_name\n" + rows)
    return model, weights, labels


KINDS: dict[str, dict[str, Any]] = {
    "as Cnn6": {"widths": [4, 6, 8, 8], "five": True, "window": 1024},
    "as Cnn10": {"widths": [4, 6, 8, 8], "window": 512},
    "as Cnn14": {"widths": [4, 4, 6, 6, 8, 8], "window": 256},
}


@pytest.mark.parametrize("kind", KINDS)
def test_probabilities_are_those_of_the_same_network_in_torch(kind: str, tmp_path: Path) -> None:
    model, weights, labels = made(tmp_path, **KINDS[kind])
    tagger = load_tagger(PANNS, str(weights), str(labels))
    assert tagger is not None
    assert (tagger.rate_hz, tagger.labels) == (model.rate, LABELS)
    rng = np.random.default_rng(0)
    loud, quiet = (gain * rng.standard_normal(2 * tagger.rate_hz).astype(np.float32) for gain in (0.1, 0.001))
    for sound in (loud, quiet):
        with torch.no_grad():
            expected = model(torch.from_numpy(sound)).numpy()
        (found,) = tagger.probabilities(sound)
        np.testing.assert_allclose(found, expected, atol=1e-4)
    assert np.abs(tagger.probabilities(loud) - tagger.probabilities(quiet)).max() > 0.02


def test_short_sound_is_filled_up_and_long_sound_is_heard_in_pieces(tmp_path: Path) -> None:
    _, weights, labels = made(tmp_path, [4, 4])
    tagger = PannsTagger(weights, labels)
    sound = 0.1 * np.random.default_rng(0).standard_normal(25 * 16_000).astype(np.float32)
    assert tagger.probabilities(sound[:0]).shape == (1, 3)
    assert tagger.probabilities(sound[: 10 * 16_000]).shape == (1, 3)
    assert tagger.probabilities(sound[: 10 * 16_000 + 1]).shape == (2, 3)
    filled = np.pad(sound[:8000], (0, 8000))
    np.testing.assert_array_equal(tagger.probabilities(sound[:8000]), tagger.probabilities(filled))


def test_a_checkpoint_of_many_devices_and_without_the_word_model(tmp_path: Path) -> None:
    model, weights, labels = made(tmp_path, [4, 4])
    sound = np.ones(16_000, np.float32)
    usual = PannsTagger(weights, labels).probabilities(sound)
    torch.save({f"module.{name}": value for name, value in model.checkpoint().items()}, weights)
    np.testing.assert_array_equal(PannsTagger(weights, labels).probabilities(sound), usual)


def test_the_weights_are_named_with_their_digest_and_checked(tmp_path: Path) -> None:
    _, weights, labels = made(tmp_path, [4])
    digest = PannsTagger(weights, labels).weights.split()[1]
    assert PannsTagger(weights, labels, sha256=digest.upper()).weights == f"small.pth {digest}"
    with pytest.raises(UsageError, match=r"small\.pth: expected a SHA-256 that begins with 00ff, found"):
        PannsTagger(weights, labels, sha256="00ff")


class Evil:
    """A pickle that would run something."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (print, ("it ran",))


def _without(state: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in state.items() if key != name}


WRONG: dict[str, tuple[Any, str | None]] = {
    "no file": (None, "expected a checkpoint of PANNs, found: No such file"),
    "no checkpoint": (b"something else", "expected a checkpoint of PANNs"),
    "code": (lambda state: Evil(), "expected a checkpoint of PANNs"),
    "a list": (lambda state: [1, 2], "expected a checkpoint with tensors"),
    "another model": (lambda state: {"model": {"x": torch.ones(3)}}, "expected Cnn6, Cnn10 or Cnn14 of PANNs"),
    "a layer is missing": (lambda state: {"model": _without(state, "fc1.bias")}, "found no 'fc1.bias'"),
    "a norm is missing": (lambda state: _without(state, "conv_block2.bn2.running_var"), "found no 'conv_block2.bn2"),
    "no numbers": (lambda state: state | {"fc1.bias": torch.full((4,), float("nan"))}, "finite numbers in 'fc1.bias'"),
    "layers that do not fit": (lambda state: state | {"fc1.weight": torch.ones(4, 5)}, "layers of PANNs that fit"),
    "a block of a great number": (
        lambda state: state | {"conv_block999999999.conv1.weight": state["conv_block1.conv1.weight"]},
        None,
    ),
    "a block that is not next": (
        lambda state: state | {"conv_block9.conv1.weight": state["conv_block1.conv1.weight"]},
        "expected Cnn6, Cnn10 or Cnn14 of PANNs",
    ),
    "a norm of another size": (lambda state: state | {"conv_block2.bn1.bias": torch.ones(1)}, "found \\(1,\\) in conv"),
    "a bias of another size": (lambda state: state | {"fc1.bias": torch.ones(1)}, "found \\(1,\\) in fc1.bias"),
    "an empty norm": (lambda state: state | {"bn0.running_var": torch.ones(0)}, "found \\(0,\\) in bn0.running_var"),
    "a number instead of a tensor": (lambda state: state | {"bn0.weight": torch.tensor(1.0)}, "other dimensions"),
    "one row": (lambda state: state | {"conv_block1.conv1.weight": torch.ones(4)}, "other dimensions"),
    "another window": (
        lambda state: state | {"spectrogram_extractor.stft.conv_real.weight": torch.ones(151, 1, 300)},
        "expected a window of 256, 512, 1024 samples, found 300",
    ),
    "classes of another number": (
        lambda state: state | {"fc_audioset.weight": torch.ones(5, 4), "fc_audioset.bias": torch.ones(5)},
        "expected the names of the 5 classes of .*, found 3",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_no_checkpoint_is_wrong_use_and_runs_nothing(
    wrong: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, weights, labels = made(tmp_path, [4, 4])
    change, words = WRONG[wrong]
    if change is None:
        weights.unlink()
    elif isinstance(change, bytes):
        weights.write_bytes(change)
    else:
        torch.save(change(model.checkpoint()), weights)
    if words is None:  # a name that no model has is left alone
        PannsTagger(weights, labels)
    else:
        with pytest.raises(UsageError, match=words):
            PannsTagger(weights, labels)
    assert "it ran" not in capsys.readouterr().out


LISTS = {
    "no table": ("one\ntwo\n", "expected a table with the columns index and display_name"),
    "a gap": ("index,mid,display_name\n0,a,A\n2,b,B\n", "counted from 0 without a gap, found 2 rows"),
    "twice": ("index,mid,display_name\n0,a,A\n0,b,B\n", "counted from 0 without a gap"),
    "empty": ("index,mid,display_name\n", "counted from 0 without a gap, found 0 rows"),
    "no number": ("index,mid,display_name\nx,a,A\n", "expected a table"),
}


@pytest.mark.parametrize("wrong", LISTS)
def test_a_list_of_labels_that_is_none_is_wrong_use(wrong: str, tmp_path: Path) -> None:
    text, words = LISTS[wrong]
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(UsageError, match=words):
        read_labels(tmp_path / "labels.csv")
