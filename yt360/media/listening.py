"""Which sound of a file counts, and what it is: windows of each track that could be ambisonics are heard and judged."""

from __future__ import annotations

from dataclasses import replace

from yt360.media.ambisonic.thresholds import AmbisonicThresholds
from yt360.media.inspection import Inspection
from yt360.media.mono_tracks import FLAG, IN_ORDER, PAIRS_IN_ORDER, pair_tracks, put_tracks_together
from yt360.media.packets import SoundTime, read_times
from yt360.media.probe import AudioStream, MediaInfo
from yt360.media.sampling import falls_short, plain_reading, sample_sound
from yt360.media.sound_facts import SoundFacts, weigh_sound
from yt360.media.timeline import TOLERANCE_S

SOUND_WINDOWS = 7
"""Windows of sound that are listened to, spread over the file."""

MOST_TRACKS = 8
"""Tracks of a kind that are looked at where none is declared."""

_LEAST = 4
"""Channels of first-order ambisonics."""

_NOT_SEEKABLE = ("iamf",)
"""Containers in which libav finds no place but the beginning."""


def listen(inspection: Inspection, sample_s: float, convention: str, thresholds: AmbisonicThresholds | None) -> None:
    """Listen to the sound that the metadata declare ambisonics; else to all that could be, to the first that is."""
    source = "sound" if inspection.sound_info is not None and inspection.sound_info.audios else "video"
    info = inspection.heard_in = inspection.sound_info if source == "sound" else inspection.info
    if info is None or not info.audios:
        return
    audios = info.audios
    if all(audio.channels < _LEAST for audio in audios):
        pairs = pair_tracks(info)
        if pairs is not None:
            offer = replace(inspection, problems=list(inspection.problems))
            _listen_to(offer, info, pairs, source, sample_s, convention, thresholds)
            if offer.ambisonic is not None and offer.ambisonic.reading is not None:
                vars(inspection).update(vars(offer))
                return
        together = put_tracks_together(info)
        audios = audios if together is None else (together,)
    declared = [audio for audio in audios if _declares_ambisonics(info, audio) and audio.channels >= _LEAST]
    candidates = sorted(declared or audios, key=lambda audio: (-min(audio.channels, _LEAST), audio.index))
    for audio in candidates[:MOST_TRACKS]:
        if inspection.ambisonic is not None and audio.channels < _LEAST:
            break
        _listen_to(inspection, info, audio, source, sample_s, convention or _by_name(info), thresholds)
        if inspection.ambisonic is not None and inspection.ambisonic.reading is not None:
            break
    _name_what_is_beside(inspection)


def _declares_ambisonics(info: MediaInfo, audio: AudioStream) -> bool:
    stated = info.metadata.sound(audio.index)
    return (stated.order is not None and not stated.non_diegetic) or audio.opus_family in (2, 3)


def _name_what_is_beside(inspection: Inspection) -> None:
    """A sound that is no ambisonics does not hide that another one is there that cannot be decoded."""
    info, facts = inspection.heard_in, inspection.ambisonic
    if info is None or facts is None or facts.reason != "no-ambisonics":
        return
    known = [one.words for one in info.undecodable if one.kind == "audio"][:1]
    tracks = sum(audio.channels == 1 for audio in info.audios)
    if tracks >= _LEAST:
        known.append(
            f"it is one of {tracks} mono tracks that are not plainly one sound: name them W, Y, Z and X, or export one "
            "track of four channels"
        )
    if len(info.audios) == 2 and all(audio.channels == 2 for audio in info.audios):
        known.append("together its two stereo tracks are no ambisonics W Y, Z X, either")
    if known:
        inspection.ambisonic = replace(facts, words="; ".join([facts.words, *known]))


def _by_name(info: MediaInfo) -> str:
    """Files that end in ``.amb`` are FuMa by definition, also where their header does not say so."""
    return "fuma" if info.path.suffix.lower() == ".amb" else ""


def _listen_to(
    inspection: Inspection, info: MediaInfo, audio: AudioStream, source: str, sample_s: float,
    convention: str, thresholds: AmbisonicThresholds | None,
) -> None:  # fmt: skip
    plain = plain_reading(info, audio)
    edits = plain.edits
    if edits:
        timing, shown = SoundTime(edits[-1][0] + edits[-1][2]), None
    else:
        timing, shown = read_times(info, audio, inspection.video_stream if info is inspection.info else None)
        plain = replace(plain, drift_ppm=timing.steady_ppm)
    duration = audio.duration_s or info.duration_s or 0.0
    if timing.end_s is not None and (not duration or falls_short(timing.end_s, duration)):
        duration = max(0.0, timing.end_s)
    heard = sample_sound(
        info.path, plain, duration_s=duration, count=SOUND_WINDOWS, window_s=sample_s / SOUND_WINDOWS,
        around_s=inspection.frames.times_s if inspection.frames else (),
        seekable=info.container not in _NOT_SEEKABLE, tick_s=audio.tick_s,
    )  # fmt: skip
    begins_s = plain.delay_s
    if heard.first_s is not None and abs(heard.first_s - begins_s) > TOLERANCE_S:
        begins_s = max(0.0, heard.first_s)
    facts = weigh_sound(
        audio, info.metadata.sound(audio.index), heard.windows, heard.starts_s, source=source,
        delay_s=begins_s, edits=edits, drift_ppm=plain.drift_ppm, convention=convention,
        picture=inspection.picture is not None, thresholds=thresholds,
    )  # fmt: skip
    if audio.layout in (IN_ORDER, PAIRS_IN_ORDER):
        facts = _say_how(facts, audio.layout, FLAG)
    elif _is_square_by_itself(info, audio):
        facts = _say_how(facts, f"the first four of {audio.channels} channels", "first-four")
    if inspection.ambisonic is not None and facts.reading is None:
        return
    inspection.audio, inspection.heard, inspection.timing, inspection.shown = audio, heard, timing, shown
    inspection.sound_begins_s, inspection.ambisonic = begins_s, facts
    if heard.failed and heard.failed * 3 >= heard.failed + len(heard.windows):
        words = f"{info.path}: {heard.failed} of {heard.failed + len(heard.windows)} stretches of sound do not decode"
        inspection.problems.append(("corrupt", f"{words}: {heard.messages[0]}"))


def _is_square_by_itself(info: MediaInfo, audio: AudioStream) -> bool:
    """Whether nothing but their number says that these channels are ambisonics of a higher order."""
    stated = _declares_ambisonics(info, audio) or audio.layout.startswith("ambisonic")
    return not stated and audio.channels > _LEAST and int(audio.channels**0.5) ** 2 == audio.channels


def _say_how(facts: SoundFacts, how: str, flag: str) -> SoundFacts:
    """Nobody said that these four belong together: the verdict says that it takes them so."""
    verdict = facts.verdict
    if verdict is not None:
        verdict = replace(verdict, reason=f"{how}: {verdict.reason}", flags=(*verdict.flags, flag))
    return replace(facts, verdict=verdict, words=f"{how}: {facts.words}" if facts.words else "")
