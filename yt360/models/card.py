"""Model cards: ``README.md`` of a model folder, with the header that Hugging Face's hub reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from yt360.models.settings import ModelDescription

_OBJECTIVES = {
    "avc": "audio-visual correspondence (AVC)",
    "avts": "temporal synchronisation (AVTS)",
    "avsa": "spatial alignment (AVSA)",
}

_USE = """\
```python
import yt360

model = yt360.AVSAModel.from_pretrained("{name}")
processor = yt360.AVSAProcessor.from_pretrained("{name}")
inputs = processor("video.mp4", start_s=[0.0, 1.0], directions_deg=[(0, 0), (90, 0), (180, 0), (-90, 0)])
features = model(**inputs)  # features.video, .sound: (moments, directions, features)
```
"""


def model_card(
    description: ModelDescription,
    *,
    name: str,
    parameters: int,
    data: Sequence[str],
    results: Mapping[str, Mapping[str, float | tuple[float, float | None, float | None]]],
    command: str,
    limits: Sequence[str] = (),
    licence: str = "unknown",
) -> str:
    """The card of a model.

    ``name``: of the folder or of its place on the hub; ``data``: sentences on what it was trained with;
    ``results``: phase or task -> measure -> value (or value, low and high end of its 95 % interval), measured by
    ``command``; ``licence``: an identifier of the hub's.
    """
    model, sound = description.model, description.sound
    trained_for = ", then ".join(_OBJECTIVES[each] for each in description.objectives) or "not known"
    lines = [
        "---",
        f"license: {licence}",
        "library_name: yt360",
        "pipeline_tag: feature-extraction",
        "tags: [audio-visual, spatial-audio, ambisonics, 360-video, self-supervised]",
        "---",
        "",
        f"# {name}",
        "",
        "Features of 360° video with first-order ambisonics, by direction: a video encoder sees perspective views, a "
        "sound encoder hears the sound field turned to each view.",
        "",
        f"- Architecture: video {model.video}-{model.depth}, width {model.width} ({model.features} features); sound "
        f"network on {sound.features} at {sound.sample_rate_hz} Hz; translation networks: {model.translator.kind}; "
        f"embeddings of {model.projection} dimensions; {parameters / 1e6:.2f} million parameters.",
        f"- Trained for: {trained_for} (Morgado, Li and Vasconcelos, NeurIPS 2020). Mode: {description.mode}.",
    ]
    if description.input is not None:
        given = description.input
        lines.append(
            f"- Input: views of {given.size} x {given.size} pixels, {given.picture_s:g} s of picture at "
            f"{given.frames_per_second:g} frames a second, {given.sound_s:g} s of sound. "
            "`preprocessor_config.json` has all of it."
        )
    if description.source is not None:
        lines.append(f"- Converted from the released file `{description.source}`.")
    lines += ["", "## Use", "", _USE.format(name=name), "## Data and licences", "", *data, ""]
    lines += ["## Results", ""]
    if results:
        lines += [f"Measured by `{command}`.", "", "| what | measure | value |", "|---|---|---|"]
        lines += [
            f"| {phase} | {measure} | {_shown(value)} |"
            for phase, found in results.items()
            for measure, value in found.items()
        ]
    else:
        lines += ["Nothing has been measured. `yt360 evaluate` does it."]
    lines += ["", "## Limits", ""]
    lines += [f"- {limit}" for limit in (*limits, *_usual_limits(description))]
    return "\n".join(lines) + "\n"


def _shown(value: float | tuple[float, float | None, float | None]) -> str:
    if not isinstance(value, tuple):
        return f"{value:.4f}"
    found, low, high = value
    return f"{found:.1f}" + ("" if low is None or high is None or low == high else f" [{low:.1f}, {high:.1f}]")


def _usual_limits(description: ModelDescription) -> list[str]:
    found = ["It knows what its training data show. Measure it on your own data before you rely on it."]
    if description.sound.features == "logmel":
        found.append(
            "Log-mel spectrograms of W, Y, Z and X hold no phase: a sound from the left and its mirror image from the "
            "right look alike."
        )
    if not description.objectives:
        found.append("What it was trained for is not recorded.")
    return found
