"""Views cut out of whole frames on the training device, all of a batch at once.

What :func:`yt360.dataset.cutting.cut` does in a data worker (colour conversion, perspective crops, mirroring, colour
changes), on frames as they were decoded, so that workers only decode. Each step rounds as swscale and OpenCV do there:
RGB comes out equal; values of crops differ where rounding falls otherwise, few of them by more than one level of 255
(`docs/how-to/train.md` says how many).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from yt360.dataset.colour_jitter import ACROSS, ALONG, LUMA, STILL
from yt360.dataset.perspective_crop import ARCTAN, PAD

_FIXED = 13
"""swscale's coefficients are integers in units of 2**-13."""


def _fixed(value: float) -> int:
    return round(value * (1 << _FIXED))


_BRIGHTNESS = _fixed(255 / 219)
_RED_V = _fixed(2 * (1 - 0.299) * 255 / 224)
_GREEN_U = _fixed(-2 * (1 - 0.114) * 0.114 / 0.587 * 255 / 224)
_GREEN_V = _fixed(-2 * (1 - 0.299) * 0.299 / 0.587 * 255 / 224)
_BLUE_U = _fixed(2 * (1 - 0.114) * 255 / 224)
"""BT.601 in limited range."""

_TINY = 1e-30

_STEPS = 32
"""OpenCV looks pixels up at thirty-seconds of one."""


def rgb_of_planes(planes: Tensor) -> Tensor:
    """``(n, 3 H / 2, W)`` uint8 YUV 4:2:0 (see :func:`yt360.dataset.decoding.decode_planes`) to ``(n, 3, H, W)``
    float32 RGB of whole numbers in [0, 255], bit for bit those of swscale's usual (fast) way.
    """
    count, rows, width = planes.shape
    height = rows * 2 // 3
    flat = planes.reshape(count, -1)
    brightness, u, v = flat.split([height * width, height * width // 4, height * width // 4], dim=1)

    def product(values: Tensor, coefficient: int) -> Tensor:
        return (values * (8 * coefficient)) >> (_FIXED + 3)

    def spread(values: Tensor) -> Tensor:
        small = values.view(count, height // 2, 1, width // 2, 1)
        return small.expand(-1, -1, 2, -1, 2).reshape(count, height, width)

    y = product(brightness.view(count, height, width).int() - 16, _BRIGHTNESS)
    u, v = u.int() - 128, v.int() - 128
    red = y + spread(product(v, _RED_V))
    green = y + spread(product(u, _GREEN_U) + product(v, _GREEN_V))
    blue = y + spread(product(u, _BLUE_U))
    return torch.stack([red, green, blue], dim=1).clamp_(0, 255).float()


def _continued(pictures: Tensor) -> Tensor:
    """``(…, H, W)`` with :data:`PAD` pixels more on each side, of what lies beyond poles and seam."""
    half = pictures.shape[-1] // 2
    over, under = pictures[..., :PAD, :].roll(half, -1), pictures[..., -PAD:, :].roll(half, -1)
    tall = torch.cat([over, pictures, under], dim=-2)
    return torch.cat([tall[..., -PAD:], tall, tall[..., :PAD]], dim=-1)


class DeviceViews(nn.Module):
    """Makes the ``pictures`` of a batch. ``size`` of a view; ``corners``: pixels stand for their upper left corners."""

    luma: Tensor
    still: Tensor
    along: Tensor
    across: Tensor

    def __init__(self, size: int, *, corners: bool) -> None:
        super().__init__()
        self.size, self.corners = size, corners
        for name, value in (("luma", LUMA), ("still", STILL), ("along", ALONG), ("across", ACROSS)):
            self.register_buffer(name, torch.from_numpy(value).float(), persistent=False)

    @torch.no_grad()
    def forward(self, planes: Tensor, rays: Tensor, flips: Tensor, colours: Tensor) -> Tensor:
        """``planes`` (batch, moments, frames, 3 H / 2, W) uint8, ``rays`` (batch, views, 3, 3), ``flips`` (batch,
        views) and ``colours`` (batch, views, 4) of :func:`yt360.dataset.cutting.uncut_numbers`, moments 1 or as many
        as views, to ``(batch, views, frames, size, size, 3)`` uint8.
        """
        if planes.device.type == "cpu" and len(planes) > 1:
            # What one sample needs in between stays in the cache; that of a large batch would not.
            parts = zip(*(each.split(1) for each in (planes, rays, flips, colours)), strict=True)
            return torch.cat([self.at_once(*part) for part in parts])
        return self.at_once(planes, rays, flips, colours)

    def at_once(self, planes: Tensor, rays: Tensor, flips: Tensor, colours: Tensor) -> Tensor:
        """The same as a call, without taking samples one by one."""
        batch, moments, frames = planes.shape[:3]
        views = rays.shape[1]
        whole = _continued(rgb_of_planes(planes.flatten(0, 2)))
        grid = self._grid(rays, flips, whole.shape[-2] - 2 * PAD, whole.shape[-1] - 2 * PAD)
        looks = views // moments  # views of one moment are one tall picture to sample
        sampled = functional.grid_sample(
            whole.view(batch * moments, frames * 3, *whole.shape[-2:]),
            grid.view(batch * moments, looks * self.size, self.size, 2),
            padding_mode="border",
            align_corners=True,
        )
        crops = sampled.view(batch, moments, frames, 3, looks, self.size, self.size)
        crops = crops.permute(0, 1, 4, 2, 3, 5, 6).reshape(batch, views, frames, 3, self.size, self.size)
        crops = crops.round_()
        return self._coloured(crops, colours).permute(0, 1, 2, 4, 5, 3).contiguous()

    def _grid(self, rays: Tensor, flips: Tensor, height: int, width: int) -> Tensor:
        """Where pixels of crops lie in continued pictures, ``(batch, views, size, size, 2)`` as grid_sample wants it.

        The geometry of :func:`yt360.dataset.perspective_crop.picture_map`.
        """
        steps = torch.arange(self.size, device=rays.device, dtype=torch.float32)
        share = 1 - (steps + (0.0 if self.corners else 0.5)) * (2 / self.size)
        left = torch.where(flips[..., None], share.flip(0), share)
        front, left_ray, up_ray = (ray[:, :, None, None, :] for ray in rays.unbind(2))
        looked = front + left[:, :, None, :, None] * left_ray + share[None, None, :, None, None] * up_ray
        x, y, z = looked.unbind(-1)
        origin = PAD if self.corners else PAD - 0.5
        columns = (math.pi - _arctan2(y, x)) * (width / (2 * math.pi)) + origin
        rows = (math.pi / 2 - _arctan2(z, torch.sqrt(x * x + y * y))) * (height / math.pi) + origin
        places = torch.stack([columns, rows], dim=-1).mul_(_STEPS).round_().div_(_STEPS)
        last = places.new_tensor([width + 2 * PAD - 1, height + 2 * PAD - 1])
        return places * (2 / last) - 1

    def _coloured(self, crops: Tensor, colours: Tensor) -> Tensor:
        """``crops`` (batch, views, frames, 3, size, size) with each view's colour change, as bytes.

        The same as :func:`yt360.dataset.colour_jitter.affine_map` for all views.
        """
        mean = crops.mean(dim=(2, 4, 5)) / 255
        brightness, contrast, saturation, turn = (each[..., None, None] for each in colours.unbind(-1))
        angle = 2 * math.pi * turn
        matrix = self.still + saturation * (angle.cos() * self.along + angle.sin() * self.across)
        matrix = brightness * contrast * matrix
        offset = (1 - contrast) * brightness * (self.luma * mean).sum(-1)[..., None, None]
        start = 255 * offset[..., None] + 0.5
        red, green, blue = (crops[:, :, :, channel] for channel in range(3))

        def mixed(channel: int) -> Tensor:
            weights = [matrix[:, :, channel, source, None, None, None] for source in range(3)]
            return start + weights[0] * red + weights[1] * green + weights[2] * blue

        changed = torch.stack([mixed(channel) for channel in range(3)], dim=3)
        return changed.clamp_(0, 255).byte()


def _arctan2(y: Tensor, x: Tensor) -> Tensor:
    """The one of :mod:`yt360.dataset.perspective_crop`: another would look pixels up at neighbouring thirty-seconds."""
    absolute_x, absolute_y = x.abs(), y.abs()
    ratio = torch.minimum(absolute_x, absolute_y) / torch.maximum(absolute_x, absolute_y).clamp(min=_TINY)
    square = ratio * ratio
    angle = torch.full_like(square, float(ARCTAN[-1]))
    for coefficient in ARCTAN[-2::-1]:
        angle = angle * square + float(coefficient)
    angle = angle * ratio
    angle = torch.where(absolute_y > absolute_x, math.pi / 2 - angle, angle)
    angle = torch.where(x < 0, math.pi - angle, angle)
    return torch.copysign(angle, y)
