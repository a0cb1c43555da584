import contextlib
import io
from typing import Any

import numpy as np
import pytest
import soundfile
from av.error import FFmpegError
from hypothesis import given, settings
from hypothesis import strategies as st

from yt360.dataset import flac_window
from yt360.dataset.flac_window import FlacError, decode_window, read_flac_head

RATE = 24000


def flac(samples: int, subtype: str, *, channels: int = 4, seed: int = 0) -> bytes:
    walk = np.random.default_rng(seed).normal(0, 0.2, (samples, channels)).cumsum(axis=0)
    stream = io.BytesIO()
    soundfile.write(stream, walk / np.abs(walk).max(), RATE, format="FLAC", subtype=subtype)
    return stream.getvalue()


def by_libsndfile(data: bytes, start: int, samples: int) -> np.ndarray:
    with soundfile.SoundFile(io.BytesIO(data)) as file:
        file.seek(start)
        return np.asarray(file.read(samples, dtype="float32", always_2d=True))


FILES = {
    (length, subtype): flac(length, subtype) for length in (70, 4096, 5000, 100_000) for subtype in ("PCM_16", "PCM_24")
}


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_window_is_what_libsndfile_reads(data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(FILES)))
    samples = data.draw(st.integers(1, min(key[0], 30_000)))
    start = data.draw(st.integers(0, key[0] - samples))
    file = FILES[key]
    assert np.array_equal(
        decode_window(file, read_flac_head(file), start, samples).T, by_libsndfile(file, start, samples)
    )


@pytest.mark.parametrize("channels", [1, 2, 4, 6])
def test_the_head_says_what_the_file_holds(channels: int) -> None:
    head = read_flac_head(flac(9000, "PCM_16", channels=channels))
    assert (head.sample_rate_hz, head.channels, head.samples, head.block) == (RATE, channels, 9000, 4096)


def test_blocks_are_found_though_their_sync_pattern_stands_in_the_sound() -> None:
    """Random residuals hold the two bytes by chance; in a metadata block they stand a thousand times."""
    noise = np.random.default_rng(3).integers(-(1 << 23), 1 << 23, (60_000, 4)).astype(np.int32) << 8
    stream = io.BytesIO()
    soundfile.write(stream, noise, RATE, format="FLAC", subtype="PCM_24")
    plain = stream.getvalue()
    first = read_flac_head(plain).first
    assert plain.count(b"\xff\xf8") > 15 + 2
    padding = b"\xff\xf8" * 1000
    data = plain[:4] + bytes([0]) + plain[5:42] + bytes([0x81]) + len(padding).to_bytes(3, "big") + padding
    data += plain[first:]
    for start in range(0, 50_000, 5_000):
        assert np.array_equal(
            decode_window(data, read_flac_head(data), start, 9_000).T, noise[start:][:9_000] / 2.0**31
        )


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_bytes_end_in_an_error_or_in_sound_of_the_right_shape(data: st.DataObject) -> None:
    file = bytearray(FILES[5000, "PCM_16"])
    for place in data.draw(st.lists(st.integers(0, len(file) - 1), min_size=1, max_size=6)):
        file[place] ^= data.draw(st.integers(1, 255))
    damaged = bytes(file[: data.draw(st.integers(0, len(file)))])
    with contextlib.suppress(FlacError, FFmpegError):
        assert decode_window(damaged, read_flac_head(damaged), 3000, 1500).shape[1] == 1500


def test_a_damaged_block_is_not_passed_off_as_sound() -> None:
    file = bytearray(FILES[100_000, "PCM_16"])
    file[len(file) // 2] ^= 0x10
    damaged = bytes(file)
    head = read_flac_head(damaged)
    with pytest.raises((FlacError, FFmpegError)):
        decode_window(damaged, head, 0, 100_000)


@pytest.mark.parametrize(("start", "samples"), [(-1, 10), (0, 0), (4990, 11), (6000, 1)])
def test_a_window_outside_is_refused(start: int, samples: int) -> None:
    file = FILES[5000, "PCM_16"]
    with pytest.raises(FlacError, match="of 5000"):
        decode_window(file, read_flac_head(file), start, samples)


def test_what_is_no_flac_is_refused() -> None:
    for data in (b"", b"fLaC", b"RIFF" + bytes(60), FILES[70, "PCM_16"][:30]):
        with pytest.raises(FlacError):
            read_flac_head(data)


@pytest.mark.parametrize(("least", "most"), [(16, 4096), (4096, 4608), (0, 0)])
def test_blocks_of_several_sizes_or_none_are_refused(least: int, most: int) -> None:
    """Where a block lies follows from its number only where all are as long."""
    file = bytearray(FILES[5000, "PCM_16"])
    file[8:12] = least.to_bytes(2, "big") + most.to_bytes(2, "big")
    with pytest.raises(FlacError, match=f"blocks of {least} to {most} samples"):
        read_flac_head(bytes(file))


def test_blocks_are_found_in_a_few_steps_however_uneven_the_sound_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loud blocks take many times the bytes of quiet ones, so the first guess at where one begins is often wrong."""
    rng = np.random.default_rng(0)
    levels = np.repeat(10.0 ** rng.uniform(-4, -0.3, 150), 2 * 4096)
    file = io.BytesIO()
    soundfile.write(file, (0.2 * levels * rng.standard_normal(len(levels))).clip(-1, 1), 8000, "PCM_16", format="FLAC")
    data = file.getvalue()
    head = read_flac_head(data)
    looked: list[int] = []
    real = flac_window._header

    def counted(*where: Any) -> tuple[int, int]:
        looked.append(where[2])
        return real(*where)

    monkeypatch.setattr(flac_window, "_header", counted)
    for number in range(1, 300):
        place = flac_window._block_position(data, head, number)
        assert real(data, head, place) == (number, place)
    assert len(looked) < 2.9 * 299


def test_a_guess_one_byte_behind_the_beginning_of_a_block_finds_it() -> None:
    """A sync pattern of two bytes was looked for in the one byte that was left of it: whole clips were damaged."""
    data = FILES[100_000, "PCM_16"]
    head = read_flac_head(data)
    second = flac_window._header(data, head, head.first + 1)
    assert flac_window._header(data, head, second[1] - 5, second[1] + 1) == second
    assert flac_window._header(data, head, second[1] - 5, second[1]) == (-1, second[1])
