import contextlib
import io
import struct
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


def test_a_block_of_other_channels_than_the_head_says_is_refused() -> None:
    four, two = flac(5000, "PCM_16"), flac(5000, "PCM_16", channels=2)
    spliced = four[: read_flac_head(four).first] + two[read_flac_head(two).first :]
    with pytest.raises(FlacError, match="a block of 2 channels, the head says 4"):
        decode_window(spliced, read_flac_head(spliced), 0, 5000)


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


def with_checksum(header: bytes) -> bytes:
    """CRC-8 with the polynomial x^8 + x^2 + x + 1 (section 9.1.8), by long division."""
    rest = int.from_bytes(header + b"\0", "big")
    for place in range(rest.bit_length() - 1, 7, -1):
        if rest >> place & 1:
            rest ^= 0x107 << place - 8
    return header + bytes([rest])


def coded(number: int) -> bytes:
    """A number as section 9.1.5 has it: UTF-8 (which Python ends at 0x10FFFF), up to seven bytes long."""
    if number < 0x80:
        return bytes([number])
    follow = next(count for count in range(1, 7) if number < 1 << 5 * count + 6)
    tail = [0x80 | number >> 6 * place & 0x3F for place in range(follow - 1, -1, -1)]
    return bytes([(0xFF << 6 - follow & 0xFF) & (0xFF ^ 1 << 6 - follow) | number >> 6 * follow, *tail])


LAST = (0x7F, 0x7FF, 0xFFFF, 0x1FFFFF, 0x3FFFFFF, 0x7FFFFFFF)
"""The largest numbers of one byte, of two, and so on."""


@pytest.mark.parametrize("number", [0, 1, 0x10FFFF, *LAST, *(last + 1 for last in LAST)])
def test_a_block_says_its_number_in_as_many_bytes_as_it_needs(number: int) -> None:
    if number < 0x110000 and not 0xD800 <= number < 0xE000:
        assert coded(number) == chr(number).encode()
    header = with_checksum(b"\xff\xf8\xc9\x18" + coded(number))
    assert flac_window._number(b"before" + header + b"sound", 6) == number
    for place in range(2, len(header)):
        other = bytearray(header)
        other[place] ^= 0x20
        assert flac_window._number(bytes(other) + b"sound and more of it", 0) != number


@pytest.mark.parametrize(("size", "more"), [(0x1, 0), (0x5, 0), (0x6, 1), (0x7, 2), (0x8, 0), (0xC, 0), (0xF, 0)])
@pytest.mark.parametrize(("rate", "most"), [(0x0, 0), (0xB, 0), (0xC, 1), (0xD, 2), (0xE, 2), (0x9, 0)])
def test_sizes_and_rates_may_stand_behind_the_number(size: int, more: int, rate: int, most: int) -> None:
    """Tables 14 and 15: eight or sixteen bits of them before the checksum."""
    header = b"\xff\xf8" + bytes([size << 4 | rate, 0x18]) + coded(300) + bytes(range(1, 1 + more + most))
    assert flac_window._number(with_checksum(header) + b"sound", 0) == 300
    assert flac_window._number(with_checksum(header), 0) == 300, "nothing is behind the checksum"
    assert flac_window._number(header, 0) is None, "and here it is missing"


def test_what_is_too_short_for_a_header_is_none() -> None:
    whole = with_checksum(b"\xff\xf8\xc9\x18" + coded(9))
    assert len(whole) == 6
    assert flac_window._number(whole, 0) == 9
    assert all(flac_window._number(whole[:length], 0) is None for length in range(6))
    longest = with_checksum(b"\xff\xf8\x7d\x18" + coded(2**36 - 1) + bytes(4))
    assert len(longest) == 16
    assert flac_window._number(longest, 0) == 2**36 - 1


def test_the_head_states_every_number_to_its_last_bit() -> None:
    """20 bits of rate, 3 of channels, 5 of bits a sample and 36 of samples lie side by side."""
    packed = 0xABCDE << 44 | 6 << 41 | 0x17 << 36 | 0x9_8765_4321
    setup = struct.pack(">HH6s8s16s", 4608, 4608, bytes(6), packed.to_bytes(8, "big"), bytes(16))
    tags = bytes([0x04]) + (5).to_bytes(3, "big") + b"words"
    data = (
        b"fLaC" + bytes([0]) + (34).to_bytes(3, "big") + setup + tags + bytes([0x81, 0, 1, 0]) + bytes(256) + b"block"
    )
    head = read_flac_head(data)
    assert (head.sample_rate_hz, head.channels, head.samples, head.block) == (0xABCDE, 7, 0x9_8765_4321, 4608)
    assert data[head.first :] == b"block"
    assert head.setup == setup
    for length in range(len(data) - 5 - 256 - 4 + 4):
        with pytest.raises(FlacError):
            read_flac_head(data[:length])
    last = b"fLaC" + bytes([0x80]) + (34).to_bytes(3, "big") + setup
    assert read_flac_head(last).first == 42
    with pytest.raises(FlacError, match="STREAMINFO first"):
        read_flac_head(b"fLaC" + bytes([4]) + last[5:])
