"""Many different speakers without a recording: eSpeak NG's voices, for mixes that filters are fitted and measured on.

Needs the package ``espeakng-loader`` (extra ``dev``), which carries the library and its data. Speakers of
``fitting`` and ``held-out`` differ in voice and in what they say; half of the held-out ones speak another
language too. Equal arguments give equal samples.
"""

from __future__ import annotations

import _ctypes
import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import soxr
from numpy.typing import NDArray

from yt360.errors import UsageError

Part = Literal["fitting", "held-out"]

_SYNCHRONOUS = 2
_UTF8 = 1
_RATE, _PITCH, _RANGE = 1, 3, 4

_TEXTS = {
    "en": "Welcome back everyone. Today we walk along the river and listen to the birds. Notice how the old bridge "
    "was built more than two hundred years ago, when the town was still small. If you look to your left, you can "
    "see the market square. Many people come here every morning to buy fresh bread.",
    "de": "Willkommen zurück. Heute gehen wir am Fluss entlang und hören den Vögeln zu. Die alte Brücke wurde vor mehr "
    "als zweihundert Jahren gebaut, als die Stadt noch klein war. Links sehen Sie den Marktplatz. Viele Menschen "
    "kommen jeden Morgen hierher.",
    "fr": "Bonjour à tous. Nous allons marcher le long de la rivière et écouter les oiseaux. Le vieux pont a été "
    "construit il y a plus de deux cents ans. Si vous regardez à gauche, vous pouvez voir la place du marché.",
    "es": "Bienvenidos. Hoy vamos a caminar junto al río y escuchar los pájaros. El viejo puente fue construido hace "
    "más de doscientos años. Si miran a la izquierda pueden ver la plaza del mercado. Mucha gente viene aquí.",
    "it": "Benvenuti. Oggi camminiamo lungo il fiume e ascoltiamo gli uccelli. Il vecchio ponte fu costruito più di "
    "duecento anni fa. Se guardate a sinistra potete vedere la piazza del mercato.",
    "pl": "Witamy ponownie. Dzisiaj idziemy wzdłuż rzeki i słuchamy ptaków. Stary most zbudowano ponad dwieście lat "
    "temu, kiedy miasto było jeszcze małe. Po lewej stronie widać rynek.",
}
_OTHER_TEXTS = {
    "en-us": "This helicopter will carry us over the glacier. Fasten your seat belts and keep your hands inside. "
    "The ice below is about nine hundred meters thick, and it moves half a meter every day. On a quiet night the "
    "guides can hear it crack. We land in fifteen minutes, so charge your cameras.",
    "en-gb-scotland": "Next week I will show you how we fixed the boat. The engine had to come out first, which took "
    "longer than expected. Thanks for watching, leave a comment below, and see you in the next one.",
    "nl": "De trein vertrekt over tien minuten van spoor drie. Wij rijden eerst langs de kust en daarna door het bos. "
    "Let op uw bagage, en vergeet niet om uit te stappen bij de laatste halte.",
    "pt": "A próxima música foi escrita pelo meu avô durante a guerra. Ele trabalhava numa fábrica de vidro, e "
    "cantava todas as noites para os vizinhos. Obrigado por estarem aqui connosco.",
    "sv": "Nu ska vi laga mat tillsammans. Först skär vi löken i små bitar, sedan steker vi den i smör tills den blir "
    "gyllene. Glöm inte att salta vattnet innan du lägger i potatisen.",
}
_FITTING = ("m1", "m2", "m3", "m4", "m5", "f1", "f2", "f3", "adam", "linda", "Mike", "Alicia", "klatt2", "pablo")
_HELD_OUT = ("m7", "m8", "f4", "f5", "Andy", "belinda", "steph", "michel", "klatt4", "Gene", "anika", "victor")


@dataclass(frozen=True)
class Speaker:
    """eSpeak's ``voice`` (language+variant), ``rate`` in words a minute, ``pitch`` and its ``range`` in 0..100."""

    voice: str
    rate: int
    pitch: int
    range: int
    text: str


def speakers(part: Part) -> list[Speaker]:
    """The speakers of one part, always the same ones."""
    fitting = part == "fitting"
    rng = np.random.default_rng(1 if fitting else 2)
    texts, variants = (_TEXTS, _FITTING) if fitting else (_OTHER_TEXTS, _HELD_OUT)
    found = []
    for language, text in texts.items():
        for variant in variants:
            rate, pitch, spread = (int(rng.integers(*span)) for span in ((130, 195), (20, 80), (25, 85)))
            sentences = [sentence.strip(" .") for sentence in text.split(". ")]
            words = ". ".join(rng.permutation(sentences)) + "."
            found.append(Speaker(f"{language}+{variant}", rate, pitch, spread, words))
    return found


@contextmanager
def _engine() -> Iterator[tuple[Any, int, list[NDArray[np.int16]]]]:
    """The library as just loaded, the rate it speaks at, and the list that what it speaks is put into.

    Its voices' flutter and noise go on from where the last speaker left them, and nothing but loading it anew brings
    them back to where they began.
    """
    try:
        import espeakng_loader
    except ImportError as error:
        raise UsageError(
            "expected the package espeakng-loader, which speaks the mixes' voices, found none; pip install '.[dev]'"
        ) from error
    library = ctypes.cdll.LoadLibrary(espeakng_loader.get_library_path())
    pieces: list[NDArray[np.int16]] = []

    def take(samples: Any, count: int, events: Any) -> int:
        if count > 0:
            pieces.append(np.ctypeslib.as_array(samples, shape=(count,)).copy())
        return 0

    # The library keeps only the address, so a name holds the callback for as long as the library is loaded.
    callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)(take)
    try:
        rate = library.espeak_Initialize(_SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), 0)
        if rate <= 0:
            raise UsageError("expected eSpeak NG to start, found that it does not; reinstall espeakng-loader")
        library.espeak_ng_SetRandSeed(1)
        library.espeak_SetSynthCallback(callback)
        yield library, rate, pieces
    finally:
        library.espeak_Terminate()
        _ctypes.dlclose(library._handle)


@lru_cache(maxsize=256)
def say(speaker: Speaker, rate_hz: int) -> NDArray[np.float32]:
    """A speaker's text as mono sound at ``rate_hz``, with an RMS of 1 while it speaks."""
    with _engine() as (library, own_rate, pieces):
        if library.espeak_SetVoiceByName(speaker.voice.encode()) != 0:
            raise UsageError(f"expected a voice of eSpeak NG, found {speaker.voice!r}")
        for parameter, value in ((_RATE, speaker.rate), (_PITCH, speaker.pitch), (_RANGE, speaker.range)):
            library.espeak_SetParameter(parameter, value, 0)
        text = speaker.text.encode()
        library.espeak_Synth(text, len(text) + 1, 0, 1, 0, _UTF8, None, None)
        library.espeak_Synchronize()
    sound = np.concatenate(pieces).astype(np.float32) / 32768
    sound = soxr.resample(sound, own_rate, rate_hz).astype(np.float32)
    normalized: NDArray[np.float32] = sound / active_rms(sound, rate_hz)
    return normalized


def active_rms(signal: NDArray[np.floating], rate_hz: int) -> float:
    """RMS of the tenths of a second that are within 25 dB of the loudest ones: pauses do not count.

    A simple form of the active speech level of ITU-T P.56.
    """
    length = max(1, round(0.1 * rate_hz))
    frames = signal[: signal.size // length * length].reshape(-1, length)
    power = np.mean(np.square(frames, dtype=np.float64), axis=1) if frames.size else np.zeros(1)
    loud = power > np.percentile(power, 95) * 10**-2.5
    return float(np.sqrt(power[loud].mean())) if loud.any() else 1e-9
