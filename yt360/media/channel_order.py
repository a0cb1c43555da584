"""Which decoded channels are W, Y, Z and X: the order of SA3D, FuMa, Opus family 2, and YouTube's itag 327.

What the container and its sender say picks an order; whether the channels are ambisonics is judged from the signal
(:mod:`yt360.media.ambisonic.validity`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from yt360.media.containers.spatial import FUMA_ORDERING, SoundMetadata
from yt360.media.probe import AudioStream

_ITAG_327 = (2, 1, 4, 0)
"""AAC "5.1" as YouTube's itag 327 packs ambisonics: decoded FL FR FC LFE BL BR hold X Y W 0 Z 0."""

_MUST_BE_EMPTY = (3, 5)
"""Channels of a six-channel stream that are silent where it carries four of ambisonics."""

_EMPTY_DB = -75.0
"""Level against the loudest channel below which a channel is silent."""

_FUMA_ORDER_MAPS = {(0, 3, 1, 2), (0, 2, 3, 1)}
"""Channel maps that rearrange W X Y Z."""


@dataclass(frozen=True)
class ChannelPlan:
    """Which decoded channels to judge as W Y Z X. ``order`` is None where there cannot be ambisonics.

    ``declared`` names the weights of these channels where something states them. ``fixed``: something states the
    order, too, so no signal is read in another one. With a ``doubt`` the signal must be ambisonics in that very
    order, or the doubt is the reason to refuse it.
    """

    order: tuple[int, int, int, int] | None
    declared: str = "ambix"
    packing: str = "ambix"
    head_locked: tuple[int, ...] = ()
    problem: str = ""
    reason: str = ""
    doubt: str = ""
    fixed: bool = False


def plan_channels(stream: AudioStream, metadata: SoundMetadata, level_db: Sequence[float]) -> ChannelPlan:
    """Which channels could be ambisonics, from what the container says and which channels are empty.

    ``level_db`` is the level of each decoded channel. Metadata picks an order; the signal test decides.
    """
    plan = _plan(stream, metadata, level_db)
    stated = metadata.order is not None or stream.opus_family in (2, 3) or stream.layout.startswith("ambisonic")
    return replace(plan, fixed=plan.order is not None and (stated or plan.packing != "ambix"))


def _plan(stream: AudioStream, metadata: SoundMetadata, level_db: Sequence[float]) -> ChannelPlan:
    channels = stream.channels
    if channels < 4:
        name = {1: "mono", 2: "stereo"}.get(channels, f"{channels} channels")
        problem = f"the sound is {name}, expected at least four channels of ambisonics"
        return ChannelPlan(None, problem=problem, reason="no-ambisonics")
    declared = {1: "n3d"}.get(metadata.normalization if metadata.order is not None else 0, "ambix")
    named = metadata.components if metadata.components and max(metadata.components) < channels else None
    if metadata.channel_ordering == FUMA_ORDERING:
        w, y, z, x = named or (0, 2, 3, 1)
        return ChannelPlan((w, x, y, z), "fuma", "fuma")
    if named is not None:
        return ChannelPlan(named, declared, "named")
    pair = (channels - 2, channels - 1)
    if len(metadata.channel_map) == channels and sorted(metadata.channel_map) == list(range(channels)):
        head_locked = pair if metadata.head_locked_stereo else ()
        return ChannelPlan(component_channels(metadata.channel_map), declared, "sa3d", head_locked)
    ambisonic = stream.opus_family in (2, 3) or stream.layout.startswith("ambisonic")
    root = int(channels**0.5)
    if root * root == channels:
        return ChannelPlan((0, 1, 2, 3), declared)
    root = int((channels - 2) ** 0.5)
    if ambisonic and root * root == channels - 2:
        return ChannelPlan((0, 1, 2, 3), declared, "ambix", pair)
    if channels == 6:
        loudest = max(level_db)
        if all(level_db[k] <= max(loudest + _EMPTY_DB, -110) for k in _MUST_BE_EMPTY):
            return ChannelPlan(_ITAG_327, "ambix", "itag327")
        if stream.layout in ("6 channels", "") or metadata.head_locked_stereo:
            return ChannelPlan((0, 1, 2, 3), declared, "ambix", pair)
        doubt = (
            f"six channels ({stream.layout}) with sound in the low-frequency and right surround channel, and the first "
            "four are not W Y Z X: loudspeaker feeds"
        )
        return ChannelPlan((0, 1, 2, 3), declared, "ambix", pair, doubt=doubt)
    if root > 1 and root * root == channels - 2:
        doubt = f"{channels} channels, and the first four are not W Y Z X"
        return ChannelPlan((0, 1, 2, 3), declared, "ambix", pair, doubt=doubt)
    problem = f"{channels} channels ({stream.layout}), expected a square number of at least 4, or two more"
    return ChannelPlan(None, problem=problem, reason="invalid-ambisonics")


def component_channels(channel_map: Sequence[int]) -> tuple[int, int, int, int]:
    """Channels of W, Y, Z, X from an ``SA3D`` channel map.

    The RFC's example lists, for each component, its channel: W X Y Z is stored as 0 2 3 1. Its prose,
    and ffmpeg, read the map the other way around, where the same order is 0 3 1 2. The two readings
    differ only for cyclic maps, and of the two orders that either could mean (W X Y Z, W Z X Y) only
    the first is in use: both are taken for it.
    """
    first = tuple(channel_map[:4])
    if first in _FUMA_ORDER_MAPS:
        return (0, 2, 3, 1)
    w, y, z, x = first
    return (w, y, z, x)
