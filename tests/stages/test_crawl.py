"""The crawl as a stage: keys, outcomes, politeness, and a run of the engine that is killed again and again."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.crawling.conftest import tube  # noqa: F401  (fixture)
from tests.crawling.endurance import simulate
from tests.crawling.tube import PICTURES, SOUNDS, Served, Tube, bytes_of, offer
from tests.stages.fakes import context
from yt360.crawling.removed_ids import Tombstone, bury, removed_ids
from yt360.crawling.targets import address_digest
from yt360.engine import pipeline
from yt360.engine.recipe import Recipe
from yt360.engine.stage import Done, Failed, Item
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.state.plan import ItemPlan
from yt360.engine.storage import Root
from yt360.errors import UsageError
from yt360.hashing import safe_id
from yt360.stages.crawl import Crawl, CrawlParams

QUICK: dict[str, Any] = {
    "request_pause_s": 0,
    "retry_pause_s": 0,
    "retries": 2,
    "socket_timeout_s": 5,
    "youtube_pause_s": (0, 0),
    "youtube_videos_per_hour": 1e9,
    "backoff_s": 0.2,
    "min_free_gb": 0,
}


def _stage(source: str | tuple[str, ...], *, access: dict[str, Any] | None = None, **params: Any) -> Crawl:
    params = {"check_arrived": False, **params}
    return Crawl(CrawlParams.model_validate({"source": source, "access": {**QUICK, **(access or {})}, **params}))


@pytest.fixture
def root(tmp_path: Path) -> Root:
    made = Root(tmp_path / "root")
    made.create()
    return made


def _plan(stage: Crawl, root: Root) -> list[Item]:
    return list(stage.plan(DatasetState(root, [stage])))


def _work(tmp_path: Path, name: str = "work") -> Path:
    folder = tmp_path / name
    folder.mkdir()
    return folder


def _run(stage: Crawl, root: Root, workers: int = 1, retry: str | None = None) -> pipeline.RunResult:
    return pipeline.run(
        Recipe("test", (stage,)), root, pipeline.Options(workers=workers, min_free_bytes=0, retry=retry)
    )


def test_folder_is_copied_byte_by_byte(root: Root, tmp_path: Path) -> None:
    source = _work(tmp_path, "source")
    (source / "AAAAAAAAAAA.f137.mp4").write_bytes(bytes_of("p", 5000))
    (source / "AAAAAAAAAAA.f327.m4a").write_bytes(bytes_of("s", 4000))
    (source / "AAAAAAAAAAA.info.json").write_text(json.dumps({"title": "T", "license": "CC", "cookies": "X"}))
    stage = _stage(str(source))
    (item,) = _plan(stage, root)
    work = _work(tmp_path)
    outcome = stage.process(item, context(work))
    assert isinstance(outcome, Done)
    assert outcome.outputs == {"video": "video.mp4", "sound": "sound.m4a", "info": "info.json"}
    assert (work / "video.mp4").read_bytes() == bytes_of("p", 5000)
    assert (work / "sound.m4a").read_bytes() == bytes_of("s", 4000)
    info = json.loads((work / "info.json").read_text())
    assert (info["title"], info["license"]) == ("T", "CC")
    assert "cookies" not in info


def test_a_saved_plan_does_not_hold_where_the_planner_kept_its_state(root: Root, tmp_path: Path) -> None:
    stage = _stage("dQw4w9WgXcQ")
    dataset = DatasetState(root, [stage])
    items = list(stage.plan(dataset))
    dataset.save_plan(stage, items)
    assert str(root.path) not in str(list(DatasetState(root, [stage]).plan(stage)))
    earlier = [replace(item, hints={**item.hints, "state": "/of/another/machine"}) for item in items]
    dataset.save_plan(stage, earlier)
    (kept,) = DatasetState(root, [stage]).entries("crawl").values()
    assert (kept.state, kept.key) == ("waiting", stage.key(items[0]))


def test_hard_links_cost_no_room(root: Root, tmp_path: Path) -> None:
    source = _work(tmp_path, "source")
    (source / "a.mp4").write_bytes(b"x" * 100)
    stage = _stage(str(source), local_files="hardlink")
    work = _work(tmp_path)
    assert isinstance(stage.process(_plan(stage, root)[0], context(work)), Done)
    assert (work / "video.mp4").samefile(source / "a.mp4")


@pytest.mark.parametrize(("spoil", "kind"), [("empty", "empty-file"), ("remove", "not-found")])
def test_bad_local_file_fails_by_name(root: Root, tmp_path: Path, spoil: str, kind: str) -> None:
    source = _work(tmp_path, "source")
    path = source / "a.mp4"
    path.write_bytes(b"" if spoil == "empty" else b"x")
    stage = _stage(str(source))
    (item,) = _plan(stage, root)
    if spoil == "remove":
        path.unlink()
    outcome = stage.process(item, context(_work(tmp_path)))
    assert isinstance(outcome, Failed)
    assert (outcome.kind, outcome.retryable) == (kind, False)
    assert str(path) in outcome.error


def test_source_pace_and_cookies_are_no_part_of_the_key(root: Root, tube: Tube) -> None:  # noqa: F811
    one = _stage(f"{tube.base}/w/a.mp4")
    two = _stage(
        f"{tube.base.replace('http', 'https')}/w/a.mp4", access={"cookies_file": "/x", "bandwidth_mb_s": 1}, limit=3
    )
    (before,), (after,) = _plan(one, root), _plan(two, root)
    assert before.id == after.id
    assert one.key(before) == two.key(after)


def test_what_changes_the_bytes_is_part_of_the_key(root: Root, tmp_path: Path) -> None:
    (video,) = _plan(_stage("dQw4w9WgXcQ"), root)
    keys = {_stage("x", **params).key(video) for params in ({}, {"highest_picture": 2160}, {"projection": "mesh"})}
    assert len(keys) == 3
    (tmp_path / "a.mp4").write_bytes(b"x")
    (file,) = _plan(_stage(str(tmp_path / "a.mp4")), root)
    assert _stage("x").key(file) == _stage("x", projection="mesh").key(file)


@pytest.mark.parametrize(
    "access",
    [
        {"proxies": ("http://me:pw@h:1",)},
        {"extractor_arguments": {"youtube": {"po_token": ("web.gvs+ABCDEFGHIJ",)}}},
        {"youtube_pause_s": (9, 1)},
        {"unknown": 1},
    ],
)
def test_recipe_cannot_hold_secrets_or_nonsense(access: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CrawlParams.model_validate({"source": "x", "access": access})


def test_unset_secret_is_named(root: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MY_PROXY", raising=False)
    stage = _stage("dQw4w9WgXcQ", access={"proxies": ("$MY_PROXY",)})
    with pytest.raises(UsageError, match="MY_PROXY"):
        stage.process(_plan(stage, root)[0], context(_work(tmp_path)))


def test_empty_source_is_wrong_use(root: Root) -> None:
    with pytest.raises(UsageError, match=r"crawl\.source is empty"):
        _plan(Crawl(CrawlParams()), root)


def test_video_of_youtube(root: Root, tmp_path: Path, tube: Tube) -> None:  # noqa: F811
    offer(tube, "AAAAAAAAAAA", SOUNDS + PICTURES, license="Creative Commons", channel_id="UC1", upload_date="20200101")
    stage = _stage("AAAAAAAAAAA")
    work = _work(tmp_path)
    outcome = stage.process(_plan(stage, root)[0], context(work))
    assert isinstance(outcome, Done)
    assert outcome.outputs == {"video": "video.webm", "sound": "sound.webm", "info": "info.json"}
    assert outcome.measures["license"] == "Creative Commons"
    assert outcome.measures["bytes"] == {"video": 20_000, "sound": 20_000}
    info = json.loads((work / "info.json").read_text())
    assert info["chosen"]["sound"]["format_id"] == "338"
    assert len(info["formats"]) == len(SOUNDS + PICTURES)
    assert "SIGNED" not in (work / "info.json").read_text()
    assert tube.base not in (work / "info.json").read_text()


def test_same_files_give_the_same_bytes(root: Root, tmp_path: Path, tube: Tube) -> None:  # noqa: F811
    tube.files["/a.mp4"] = Served(bytes_of("a", 9000))
    offer(tube, "AAAAAAAAAAA", SOUNDS + PICTURES)
    seen = []
    for number in range(2):
        stage = _stage((f"{tube.base}/a.mp4", "AAAAAAAAAAA"))
        made = Root(tmp_path / f"root{number}")
        assert not _run(stage, made).failed
        seen.append({p.relative_to(made.data): p.read_bytes() for p in made.data.rglob("*") if p.is_file()})
    assert len(seen[0]) == 5
    assert seen[0] == seen[1]


def test_removed_video_stays_away(root: Root) -> None:
    stage = _stage(("AAAAAAAAAAA", "BBBBBBBBBBB"))
    (root.state / "crawl-partial" / "AAAAAAAAAAA").mkdir(parents=True)
    bury(root.state, ["AAAAAAAAAAA", "AAAAAAAAAAA"], "the uploader asked")
    assert [item.id for item in _plan(stage, root)] == ["BBBBBBBBBBB"]
    assert removed_ids(root.state) == {"AAAAAAAAAAA"}
    assert not (root.state / "crawl-partial" / "AAAAAAAAAAA").exists()
    with (root.state / "removed.jsonl").open("a") as stream:
        stream.write("torn")
    with pytest.raises(UsageError, match="line 2"):
        _plan(stage, root)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (("AAAAAAAAAAA", "BBBBBBBBBBB"), 1),
        (("http://h.test/v.mkv", "https://youtu.be/AAAAAAAAAAA", "BBBBBBBBBBB"), 1),
        (("http://h.test/v.mkv", "https://zoo.test/watch"), 0),
    ],
)
def test_where_youtube_is_asked_a_missing_runtime_is_said_once(
    root: Root, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, source: tuple[str, ...], said: int
) -> None:
    monkeypatch.setattr("yt360.crawling.runtime.find_runtime", lambda wanted: "")
    _plan(_stage(source), root)
    assert sum("no JavaScript runtime found" in line for line in caplog.messages) == said
    caplog.clear()
    monkeypatch.setattr("yt360.crawling.runtime.find_runtime", lambda wanted: "deno 2")
    _plan(_stage(source), root)
    assert caplog.messages == []


def test_a_list_of_ids_is_planned_at_once_as_one_by_one(root: Root, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("AAAAAAAAAAA\nhttp://h.test/v.mkv\nBBBBBBBBBBB\nCCCCCCCCCCC\n")
    stage = _stage(str(tmp_path / "list.txt"))
    view = DatasetState(root, [stage])
    blocks = list(stage.plan_in_blocks(view))
    assert [list(each.names) for each in blocks if not isinstance(each, Item)] == [
        ["AAAAAAAAAAA"], ["BBBBBBBBBBB", "CCCCCCCCCCC"],
    ]  # fmt: skip
    assert ItemPlan.of_items(stage, blocks).digest() == ItemPlan.of_items(stage, _plan(stage, root)).digest()
    bury(root.state, ["BBBBBBBBBBB"], "")
    assert [getattr(each, "id", "") for each in stage.plan_in_blocks(view)][::2] == ["AAAAAAAAAAA", "CCCCCCCCCCC"]


def test_a_removed_video_stays_away_under_any_name_and_address(root: Root, tmp_path: Path) -> None:
    """F14: the tombstone knew the item's name alone."""
    bury(root.state, ["AAAAAAAAAAA", Tombstone("v", address=address_digest("http://h.test/x/v.mkv"))], "")
    lines = "a=https://youtu.be/AAAAAAAAAAA\nb=http://h.test/x/v.mkv\nc=http://h.test/y/v.mkv\nBBBBBBBBBBB\n"
    (tmp_path / "list.txt").write_text(lines)
    assert [item.id for item in _plan(_stage(str(tmp_path / "list.txt")), root)] == ["c", "BBBBBBBBBBB"]


def test_an_address_that_an_older_root_knows_keeps_its_id(root: Root) -> None:
    """F6: ids followed from the order of the list; those that are taken stay, whatever is listed later."""
    urls = ["http://h.test/a/v.mkv", "http://h.test/b/v.mkv", "https://h.test/c/watch"]
    older = [
        Item("v", "v", meta={"source": "url"}, hints={"video": urls[0]}),
        Item("v-e64a91ca", "v-e64a91ca", meta={"source": "url"}, hints={"video": urls[1]}),
        Item("watch", "watch", meta={"source": "h.test", "video": "watch"}, hints={"page": urls[2]}),
    ]
    first = _stage(tuple(urls))
    DatasetState(root, [first]).save_plan(first, older)
    keys = {item.id: first.key(item) for item in older}
    for order in ((urls[1],), tuple(reversed(urls)), (urls[2], "http://h.test/d/v.mkv", urls[0])):
        stage = _stage(order)
        catalog = DatasetState(root, [stage])
        items = list(stage.plan(catalog))
        catalog.save_plan(stage, items)
        stage.remember(catalog, items)
        known = {url: item.id for url, item in zip(urls, older, strict=True)}
        found = {next(iter(item.hints.values())): item for item in items}
        assert all(found[url].id == known[url] for url in order if url in known)
        assert all(stage.key(item) == keys[item.id] for item in items if item.id in keys)


def test_a_root_inside_its_source_is_no_part_of_it(tmp_path: Path) -> None:
    """F8: its own clips were crawled as videos, more with every run."""
    source = tmp_path / "source"
    (source / "more").mkdir(parents=True)
    (source / "a.mp4").write_bytes(b"x")
    (source / "more" / "b.mp4").write_bytes(b"x")
    root = Root(source / "dataset")
    root.create()
    for name in ("data/crawl/a/video.mp4", "data/chunk/a/a-00000.video.mp4", "shards/c.mp4"):
        (root.path / name).parent.mkdir(parents=True, exist_ok=True)
        (root.path / name).write_bytes(b"x")
    assert [item.id for item in _plan(_stage(str(source)), root)] == ["a", safe_id("more/b")]
    with pytest.raises(UsageError, match="found one that this root made itself"):
        _plan(_stage(str(root.data / "crawl")), root)


def test_bot_wall_pauses_and_the_video_is_fetched_afterwards(root: Root, tmp_path: Path, tube: Tube) -> None:  # noqa: F811
    offer(tube, "AAAAAAAAAAA", SOUNDS + PICTURES)
    wall = {"error": "Sign in to confirm you\u2019re not a bot"}
    tube.videos["AAAAAAAAAAA"] = [wall, wall, tube.videos["AAAAAAAAAAA"]]
    stage = _stage("AAAAAAAAAAA", access={"backoff_s": 0.3})
    assert isinstance(stage.process(_plan(stage, root)[0], context(_work(tmp_path))), Done)
    first, second, third = [one.at for one in tube.asked("/info")]
    assert second - first >= 0.3
    assert third - second >= 0.6


def test_patience_ends(root: Root, tmp_path: Path, tube: Tube) -> None:  # noqa: F811
    tube.videos["AAAAAAAAAAA"] = {"error": "Sign in to confirm you\u2019re not a bot"}
    stage = _stage("AAAAAAAAAAA", access={"backoff_s": 60, "give_up_after_s": 5})
    outcome = stage.process(_plan(stage, root)[0], context(_work(tmp_path)))
    assert isinstance(outcome, Failed)
    assert (outcome.kind, outcome.retryable) == ("bot-wall", True)


def test_engine_counts_every_kind_and_retries_only_what_may_change(root: Root, tube: Tube) -> None:  # noqa: F811
    offer(tube, "good0000000", SOUNDS + PICTURES)
    tube.videos["gone0000000"] = {"error": "Video unavailable. This video has been removed by the uploader"}
    offer(tube, "flat0000000", SOUNDS)
    offer(tube, "shaky000000", SOUNDS + PICTURES)
    tube.videos["shaky000000"] = [503, 503, 503, tube.videos["shaky000000"]]
    tube.videos["dead0000000"] = 500
    names = ("good0000000", "gone0000000", "flat0000000", "shaky000000", "dead0000000")
    stage = _stage(names)
    result = _run(stage, root)
    kinds = {record.item: record.kind for record in result.failed}
    assert kinds == {"gone0000000": "removed", "flat0000000": "no-360-format", "dead0000000": "network"}
    assert len(tube.asked("/info/gone0000000")) == 1
    before = len(tube.requests)
    assert _run(stage, root).worked == 0
    assert len(tube.requests) == before
    offer(tube, "dead0000000", SOUNDS + PICTURES)
    assert {record.kind for record in _run(stage, root, retry="network").failed} == {"removed", "no-360-format"}
    assert not tube.asked("/info/gone0000000")[1:]
    assert not [path for path in (root.state / "crawl-partial").iterdir() if path.name != "dead0000000"]


def test_workers_share_one_pace_and_one_seat(root: Root, tube: Tube) -> None:  # noqa: F811
    names = tuple(f"video{number:06d}" for number in range(8))
    for name in names:
        offer(tube, name, SOUNDS + PICTURES)
    stage = _stage(names, access={"youtube_videos_per_hour": 3600 / 0.4})
    started = time.time()
    assert not _run(stage, root, workers=2).failed
    begun = sorted(one.at for one in tube.asked("/info"))
    assert tube.most_in_flight == 1
    for first in range(len(begun)):
        for last in range(first + 1, len(begun)):
            assert begun[last] - begun[first] >= (last - first) * 0.4 - 0.25  # yt-dlp's own start takes a moment
    assert time.time() - started < 60


@pytest.mark.slow
def test_killed_again_and_again_ends_right(tmp_path: Path) -> None:
    """Every video ends in one right state, nothing finished is fetched again, no part is taken for a whole."""
    outcome = simulate(tmp_path, videos=20, kills=3, seed=5)
    assert outcome.states == outcome.expected
    assert outcome.kills >= 1
    assert outcome.damaged == []
    assert outcome.asked_again_for_finished == []
    assert outcome.work_of_another_run == 0
