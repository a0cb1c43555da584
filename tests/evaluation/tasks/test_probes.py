"""k-nearest-neighbours: the same on features of `yt360 embed` as `yt360 evaluate` measures it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import yt360
from tests.evaluation.test_runs import small
from yt360.dataset.cutting import Moment, frame_numbers
from yt360.evaluation.metrics import top_k
from yt360.evaluation.recipe import KnnTask
from yt360.evaluation.results import read_result
from yt360.evaluation.runner import evaluate
from yt360.evaluation.tasks import labelled, probe_tasks, probes
from yt360.inference.embedding import Embedder, Source, embed
from yt360.inference.embedding_settings import AROUND_DEG, EmbeddingSettings
from yt360.inference.features_table import read_features
from yt360.inference.processor import views_of


@pytest.mark.parametrize("modality", ["video", "sound"])
def test_knn_on_features_of_embed_is_what_evaluate_measures(
    labelled_root: Path, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, modality: str
) -> None:
    """Every clip once, at its beginning and all around; evaluate draws moments and views at random otherwise."""
    embedder = Embedder.load(checkpoint, EmbeddingSettings(every_s=10.0, modalities=(modality,)))
    settings = embedder.processor.settings

    def moments(rng: Any, clip: Any, data: Any, count: int) -> list[Moment]:
        begin_s = (data.sound_s - data.picture_s) / 2
        return [Moment(0, frame_numbers(clip, begin_s, data.frames, data.frames_per_second))]

    monkeypatch.setattr(labelled, "draw_moments", moments)
    monkeypatch.setattr(labelled, "draw_views", lambda *_, **__: views_of(AROUND_DEG, settings.fov_deg, settings))
    seen: list[Any] = []
    real = probes.nearest_neighbours

    def neighbours(*arguments: Any) -> Any:
        seen.append(arguments)
        return real(*arguments)

    def judge(scores: Any, truth: Any, k: int = 1) -> Any:
        judged.append((scores, truth))
        return top_k(scores, truth, k)

    judged: list[Any] = []
    monkeypatch.setattr(probes, "nearest_neighbours", neighbours)
    monkeypatch.setattr(probe_tasks, "top_k", judge)
    task = {"task": "knn", "labels": "maps", "modality": modality, "neighbours": 5}
    task |= {"train_clips_per_video": 2, "test_clips_per_video": 2}
    features = {"views": 4, "batch": 3}
    (path,) = evaluate(small([task], features=features), str(labelled_root), checkpoint, tmp_path / "knn").results
    measured = read_result(path)["measures"]["accuracy"]
    ((x, y, x_test, classes, asked),) = seen

    data = yt360.open(labelled_root)
    found = {}
    for split in ("train", "test"):
        sources = [Source(clip.id, [], lambda clip=clip: embedder.processor.open(clip)) for clip in data.split(split)]  # type: ignore[misc]
        out = tmp_path / f"{split}.parquet"
        assert not embed(sources, embedder, out).failed
        found[split] = np.array(read_features(out)[0]["vector"].to_pylist(), np.float32)
    assert len(found["train"]) == 6 * 2 * 4

    def labels(rows: np.ndarray, known: torch.Tensor) -> np.ndarray:
        """Which of the evaluation's samples each row is, bit by bit; -1 for views without a label."""
        places = {row.tobytes(): place for place, row in enumerate(known.numpy())}
        assert set(places) <= {row.tobytes() for row in rows}
        return np.array([places.get(row.tobytes(), -1) for row in rows])

    train, test = labels(found["train"], x), labels(found["test"], x_test)
    theirs, y_test = judged[0]
    kept = torch.from_numpy(found["train"][train >= 0])
    votes = real(kept, y[train[train >= 0]], torch.from_numpy(found["test"][test >= 0]), classes, asked)
    assert isinstance(asked, KnnTask)
    np.testing.assert_allclose(votes, theirs[test[test >= 0]], rtol=1e-5)
    assert 100 * float(top_k(votes, y_test[test[test >= 0]]).mean()) == pytest.approx(measured["value"], abs=1e-9)
