"""Sound of any file in the project's canonical form: AmbiX W Y Z X, laid by its time stamps.

Time 0 is the start of the container's clock for picture and sound alike, so that both stay together. Sound is taken as
ffmpeg decodes it, at its own rate, without a channel layout ever reaching a filter that could mix, then put in order
with numpy and resampled with soxr.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Sequence
from itertools import tee
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from yt360.errors import ItemError
from yt360.media import ffmpeg
from yt360.media.sound import FoaDecodeSpec
from yt360.media.timeline import STAMP_FILTER, Layout, SoundNotes, Stamps, lay

_PREROLL_S = 0.5
"""Decoders need some history before their output is right (Opus 80 ms, RFC 7845 section 4.6; AAC one frame)."""

_SLACK_S = 0.5
"""ffmpeg counts a length from the first frame, which may lie before the start of the clock (priming)."""

_LOUD, _PROPORTION, _USUAL = 16.0, 1000.0, 0.999
"""Above 24 dBFS, what is 60 dB above all but a thousandth of a block is no sound but a damaged number."""

_CHANGED = "Changing audio frame properties on the fly"
"""What ffmpeg says before it gives up on sound whose channels or sample rate change within a stream."""

_AT_ONCE = 9600
"""Samples that ffmpeg hands on and writes at a time; a packet of Opus has 960, and each handing on wakes a thread."""


_FINE_STAMPS, _TICK_S = {".mkv", ".mka", ".webm", ".mp4", ".m4a", ".m4v", ".mov"}, 0.001
"""Names of files in which a seek finds sound to the millisecond, the unit of time stamps in Matroska."""


def read_channels(
    path: Path,
    reading: FoaDecodeSpec,
    *,
    start_s: float = 0.0,
    duration_s: float | None = None,
    block_s: float = 10.0,
    exact: bool = True,
    tick_s: float = 0.0,
    notes: SoundNotes | None = None,
    timeout_s: float = ffmpeg.DEFAULT_TIMEOUT_S,
) -> Iterator[NDArray[np.float32]]:
    """Blocks ``(channels, n)`` of the stream at its own rate, laid by its time stamps, before any reordering.

    Zeros stand for the time before a late stream begins and for what is missing in it; what is there twice is left
    out. ``exact`` decodes from the start of the file and drops what comes before ``start_s``: only that is right to
    the sample in every container. Without it ffmpeg seeks, to a multiple of ``tick_s``: it rounds to the unit of the
    stream's time stamps, which is a millisecond in Matroska and a whole packet in AVI.
    ``notes`` receives what was inserted and left out. Raises :class:`yt360.media.ffmpeg.FfmpegError`, and
    :class:`yt360.errors.ItemError` (``time-stamps``) where the stamps contradict the samples beyond repair.
    """
    rate, channels = reading.sample_rate_hz, reading.channels
    if channels <= 0 or rate <= 0:
        raise ItemError(
            "unknown-parameters",
            f"{path}: the channels and the sample rate of this sound cannot be told ({channels} channels, {rate} Hz); "
            "convert it to a format that states them",
        )
    wanted = None if duration_s is None else round(duration_s * rate)
    if wanted == 0:
        return
    block = max(1, round(block_s * rate))
    if reading.edits and not reading.opus_header:
        skip = round(start_s * rate)
        laid = _edited(path, reading, block, notes, timeout_s)
    else:
        # After a seek start a little early and cut, so that the decoder's first, wrong samples are not kept.
        begin_s = 0.0 if exact else max(0.0, start_s - min(_PREROLL_S, max(0.0, start_s - reading.delay_s)))
        if tick_s > 0:
            begin_s = math.floor(begin_s / tick_s + 1e-9) * tick_s
        skip = round((start_s - begin_s) * rate)
        late = skip + round((reading.delay_s - start_s) * rate)
        expected = max(0, late) if begin_s == 0 or late > 0 else None
        length_s = None if wanted is None else wanted / rate + (start_s - begin_s) + (_SLACK_S if exact else 0.1)
        if reading.opus_header:
            laid = _by_header(path, reading, begin_s, length_s, expected, block, notes)
        else:
            laid = _decoded(path, reading, ffmpeg.span(begin_s, length_s), expected, block, notes, timeout_s)
    for samples in laid:
        part = samples[min(skip, len(samples)) :]
        skip -= len(samples) - len(part)
        if wanted is not None:
            part = part[:wanted]
            wanted -= len(part)
        if len(part):
            yield part.T
        if wanted == 0:
            break


def _decoded(
    path: Path,
    reading: FoaDecodeSpec,
    before: list[str],
    expected: int | None,
    block: int,
    notes: SoundNotes | None,
    timeout_s: float,
) -> Iterator[NDArray[np.float32]]:
    """Blocks ``(n, channels)`` on the clock that ffmpeg shows with these options, laid by their time stamps."""
    noted, given = len(notes.splices) if notes is not None else 0, 0
    try:
        # Left to itself ffmpeg mixes frames of other channels into those of the first, and counts samples anew.
        for samples in _laid(path, reading, ["-reinit_filter", "0", *before], expected, block, notes, timeout_s):
            given += len(samples)
            yield samples
        return
    except ffmpeg.FfmpegError as error:
        if _CHANGED not in error.stderr:
            raise
    if notes is not None:
        del notes.splices[noted:]
    for samples in _laid(path, reading, ["-drop_changed", "1", *before], expected, block, notes, timeout_s):
        part = samples[min(given, len(samples)) :]
        given -= len(samples) - len(part)
        if len(part):
            yield part


def _laid(
    path: Path,
    reading: FoaDecodeSpec,
    before: list[str],
    expected: int | None,
    block: int,
    notes: SoundNotes | None,
    timeout_s: float,
) -> Iterator[NDArray[np.float32]]:
    # Here: who asks where a root stands does not wait for libraries that decode.
    from yt360.media.own_clock import late_s, opus_clock_late_s, sought_late_s

    sought = "-ss" in before
    late_by_s = -sought_late_s(path, reading.stream) if sought else late_s(path, "audio", reading.stream)
    if reading.codec == "opus":
        late_by_s += opus_clock_late_s(path)
    arguments = [
        *("-v", "repeat+error"),
        *ffmpeg.input_arguments(path, before=[*ffmpeg.KEEP_GAPS, "-threads", "1", *before]),
        *_mapped(reading, late_by_s),
        *("-filter_threads", "1", "-c:a", "pcm_f32le", "-f", "f32le", "-flush_packets", "0", "pipe:1"),
    ]
    channels = reading.decoded_channels
    layout = Layout(path.name, reading.sample_rate_hz, expected, notes=notes, drift_ppm=reading.drift_ppm)
    with tempfile.TemporaryFile() as said, ffmpeg.stream(arguments, timeout_s=timeout_s, said=said) as pipe:

        def read() -> NDArray[np.float32]:
            samples = np.empty((block, channels), "<f4")
            samples = samples[: pipe.readinto(samples.data.cast("B")) // (4 * channels)]
            return reading.mixed(samples)

        yield from lay(read, Stamps(said), layout, block)


def _by_header(
    path: Path,
    reading: FoaDecodeSpec,
    begin_s: float,
    length_s: float | None,
    expected: int | None,
    block: int,
    notes: SoundNotes | None,
) -> Iterator[NDArray[np.float32]]:
    """Blocks ``(n, channels)`` of Opus by a header that is not the file's own."""
    from yt360.media.libav_sound import OpusByHeader

    sound = OpusByHeader(path, reading, block, begin_s, length_s)
    yield from lay(
        sound.read,
        sound,
        Layout(path.name, reading.sample_rate_hz, expected, notes=notes, drift_ppm=reading.drift_ppm),
        block,
    )


def _mapped(reading: FoaDecodeSpec, late_by_s: float) -> list[str]:
    """Arguments for ffmpeg that choose the stream, or lay several side by side.

    amerge keeps the order of its inputs where their layouts overlap, as those of several mono or several stereo
    streams do. The stamps are those of the first one: what merges is of one length.
    """
    even = f"asetnsamples=n={_AT_ONCE}:p=0"
    stamped = f"asetpts=PTS+{late_by_s:.6f}/TB,{STAMP_FILTER}" if late_by_s else STAMP_FILTER
    if not reading.parts:
        return ["-map", f"0:a:{reading.stream}", "-vn", "-sn", "-dn", "-af", f"{stamped},{even}"]
    first, *others = (f"[0:a:{part}]" for part in reading.parts)
    if not others:
        return ["-map", f"0:a:{reading.parts[0]}", "-vn", "-sn", "-dn", "-af", f"{stamped},{even}"]
    merged = f"{first}{stamped}[first];[first]{''.join(others)}amerge=inputs={len(reading.parts)},{even}[sound]"
    return ["-filter_complex", merged, "-map", "[sound]"]


def _edited(
    path: Path, reading: FoaDecodeSpec, block: int, notes: SoundNotes | None, timeout_s: float
) -> Iterator[NDArray[np.float32]]:
    """A track that was cut, piece by piece from its own time: libav cuts only between packets, and then drifts."""
    rate, at = reading.sample_rate_hz, 0
    whole: Iterator[NDArray[np.float32]] = iter(())
    rest = np.zeros((0, reading.channels), np.float32)
    behind = None
    for begin_s, from_s, length_s in reading.edits:
        begin, source, length = round(begin_s * rate), round(from_s * rate), round((begin_s + length_s) * rate)
        length -= begin
        if begin > at:
            yield np.zeros((begin - at, reading.channels), np.float32)
            at = begin
        if behind is None or source < behind:
            options = ["-ignore_editlist", "1", "-copyts"]
            whole, behind = _decoded(path, reading, options, 0, block, notes, timeout_s), 0
            rest = rest[:0]
        while length > 0:
            if not len(rest):
                rest = next(whole, rest)
                if not len(rest):
                    break
            skipped = min(len(rest), max(0, source - behind))
            rest, behind = rest[skipped:], behind + skipped
            if behind < source:
                continue
            part = rest[:length]
            rest, behind, source = rest[len(part) :], behind + len(part), source + len(part)
            length, at = length - len(part), at + len(part)
            if len(part):
                yield part
        if length > 0:  # the track ends before the piece does
            yield np.zeros((length, reading.channels), np.float32)
            at += length


def _numbers(
    blocks: Iterator[NDArray[np.float32]], rate_hz: int, notes: SoundNotes | None
) -> Iterator[NDArray[np.float32]]:
    """The same with 0 for what is no sample of sound: in a resampler one such value would spread."""
    at = 0
    for block in blocks:
        bad = no_samples(block)
        if bad is not None:
            if notes is not None:
                tenths = np.unique((at + np.flatnonzero(bad.any(axis=0))) * 10 // rate_hz)
                notes.not_numbers_s += [
                    tenth / 10 for tenth in tenths.tolist() if tenth / 10 not in notes.not_numbers_s
                ]
            block = np.where(bad, np.float32(0), block)
        at += block.shape[1]
        yield block


def no_samples(block: NDArray[np.float32]) -> NDArray[np.bool_] | None:
    """Where ``(channels, n)`` holds no samples of sound: not a number, infinite, or out of all proportion to the rest.

    None where all are samples, as in nearly every block.
    """
    # One that is no number makes the highest or the lowest one, too; that costs a fraction of a look at each.
    if not block.size or (block.max() < _LOUD and block.min() > -_LOUD):
        return None
    finite = np.isfinite(block)
    size = np.where(finite, np.abs(block), np.float32(0)).astype(np.float64)
    bad = ~finite | (size > max(_LOUD, _PROPORTION * float(np.quantile(size, _USUAL))))
    return bad if bad.any() else None


def _resampled(
    blocks: Iterator[NDArray[np.float32]], channels: int, source_hz: int, target_hz: int
) -> Iterator[NDArray[np.float32]]:
    if source_hz == target_hz:
        yield from blocks
        return
    import soxr

    resampler = soxr.ResampleStream(source_hz, target_hz, channels, dtype="float32", quality="HQ")
    for block in blocks:
        out = resampler.resample_chunk(np.ascontiguousarray(block.T))
        if out.size:
            yield np.ascontiguousarray(out.T)
    out = resampler.resample_chunk(np.zeros((0, channels), np.float32), last=True)
    if out.size:
        yield np.ascontiguousarray(out.T)


def read_sound(
    path: Path,
    reading: FoaDecodeSpec,
    *,
    sample_rate_hz: int,
    start_s: float = 0.0,
    duration_s: float | None = None,
    block_s: float = 10.0,
    exact: bool = True,
    notes: SoundNotes | None = None,
    timeout_s: float = ffmpeg.DEFAULT_TIMEOUT_S,
) -> Iterator[NDArray[np.float32]]:
    """Blocks ``(4, n)`` of AmbiX W Y Z X at ``sample_rate_hz``; peaks above 1 are kept as they are.

    Without ``exact`` nothing before ``start_s`` is decoded in containers whose time stamps are fine enough for that:
    the sound may lie a millisecond off.

    Samples that are no numbers, and single ones out of all proportion, read as 0. ``notes`` receives where they were,
    what was inserted and what left out.
    Raises :class:`yt360.media.ffmpeg.FfmpegError`, and :class:`yt360.errors.ItemError` (``time-stamps``,
    ``unknown-parameters``).
    """
    (sound,) = read_sound_at_rates(
        path,
        reading,
        [sample_rate_hz],
        start_s=start_s,
        duration_s=duration_s,
        block_s=block_s,
        exact=exact,
        notes=notes,
        timeout_s=timeout_s,
    )
    yield from sound


def read_sound_at_rates(
    path: Path,
    reading: FoaDecodeSpec,
    sample_rates_hz: Sequence[int],
    *,
    start_s: float = 0.0,
    duration_s: float | None = None,
    block_s: float = 10.0,
    exact: bool = True,
    notes: SoundNotes | None = None,
    timeout_s: float = ffmpeg.DEFAULT_TIMEOUT_S,
) -> list[Iterator[NDArray[np.float32]]]:
    """:func:`read_sound` at several rates, decoded once; read the iterators in step, what one is ahead is held."""
    decoded = read_channels(
        path,
        reading,
        start_s=start_s,
        duration_s=duration_s,
        block_s=block_s,
        exact=exact or path.suffix.lower() not in _FINE_STAMPS,
        tick_s=_TICK_S,
        notes=notes,
        timeout_s=timeout_s,
    )
    decoded = _numbers(decoded, reading.sample_rate_hz, notes)
    if not reading.as_decoded or reading.sample_rate_hz in sample_rates_hz:
        decoded = (reading.ambisonic(block) for block in decoded)
    copies = tee(decoded, len(sample_rates_hz)) if len(sample_rates_hz) > 1 else (decoded,)
    return [
        _resampled(copy, 4, reading.sample_rate_hz, rate) for copy, rate in zip(copies, sample_rates_hz, strict=True)
    ]


def read_head_locked(
    path: Path,
    reading: FoaDecodeSpec,
    *,
    sample_rate_hz: int,
    start_s: float = 0.0,
    duration_s: float | None = None,
    block_s: float = 10.0,
    timeout_s: float = ffmpeg.DEFAULT_TIMEOUT_S,
) -> Iterator[NDArray[np.float32]]:
    """Blocks ``(2, n)`` of the head-locked pair (left, right); nothing where the file has none."""
    if not reading.head_locked:
        return
    pair = list(reading.head_locked)
    decoded = read_channels(path, reading, start_s=start_s, duration_s=duration_s, block_s=block_s, timeout_s=timeout_s)
    decoded = _numbers(decoded, reading.sample_rate_hz, None)
    yield from _resampled((block[pair] for block in decoded), len(pair), reading.sample_rate_hz, sample_rate_hz)
