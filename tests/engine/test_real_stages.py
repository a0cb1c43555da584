"""The real stages, from files to shards, leave the same bytes on every engine."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from yt360.engine import pipeline, recipe
from yt360.engine.executors.base import Executor
from yt360.engine.executors.local import WorkerPool
from yt360.engine.storage import Root
from yt360.publishing.manifests import publish
from yt360.stages import REGISTRY
from yt360.synth.world import make_world

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    make_world(folder, videos=2, seed=3, duration_s=10.5, height=128, width=256, fps=8, defects=[], workers=1)
    return folder / "media"


def _ray() -> Executor:
    from yt360.engine.executors.ray import RayExecutor

    return RayExecutor(workers=1)


def _left_by(media: Path, folder: Path, make_engine: Callable[[], Executor]) -> dict[str, str]:
    """Digests of all that a run leaves, but for what holds times (ledger, logs, when a file was fetched)."""
    stages = {
        "crawl": {"source": str(media)},
        **{name: {} for name in ("validate", "stills", "voiceover", "fingerprint", "duplicates")},
        "chunk": {"height": 32, "width": 64, "fps": 4},
        "split": {},
        "shard": {"target_mb": 0.2},
    }
    root = Root(folder)
    made = recipe.build({"stages": stages}, REGISTRY, [], where="test")
    result = pipeline.run(made, root, pipeline.Options(min_free_bytes=0), engine=make_engine(), publish=publish)
    assert not result.failed
    files = (path for part in ("data", "shards", "manifests") for path in (root.path / part).rglob("*"))
    return {
        root.uri(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(files)
        if path.is_file() and path.name != "info.json"
    }


def test_one_worker_eight_workers_and_ray_leave_the_same_bytes(media: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="no Ray here: pip install 'yt360[ray]'")
    alone = _left_by(media, tmp_path / "one", lambda: WorkerPool(1))
    assert any(name.startswith("shards/") and name.endswith(".tar") for name in alone)
    assert _left_by(media, tmp_path / "eight", lambda: WorkerPool(8)) == alone
    assert _left_by(media, tmp_path / "ray", _ray) == alone
