"""A root in an S3-compatible store: the same bytes as on a disk, and nothing a store cannot do is asked of it."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_crawl_commands import ACCESS
from tests.crawling.conftest import tube  # noqa: F401  (fixture)
from tests.crawling.tube import PICTURES, SOUNDS, Tube, offer
from tests.engine import test_ahead as together
from tests.engine.conftest import NAMES, run, run_inline, states, toy_recipe, tree
from yt360.cli import main
from yt360.engine import removal, verify
from yt360.engine.lease import StorePlace, hold
from yt360.engine.object_store import ObjectStore, redact
from yt360.engine.state import ledger
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.storage import Root
from yt360.errors import RootBusyError, UsageError

pytest.importorskip("moto.server", reason="no S3 server: pip install 'moto[server]'")
pytest.importorskip("s3fs", reason="no S3 client: pip install 'yt360[s3]'")

_numbers = itertools.count()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    from tests.engine.servers import s3_server

    with s3_server() as address:
        yield address


@pytest.fixture
def url(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return f"s3://bucket/root-{next(_numbers)}"


def _objects(url: str) -> dict[str, str]:
    store = ObjectStore(url)
    names = [*store.stamps("data/"), *store.stamps("gathered/")]
    return {name: hashlib.sha256(store.read(name)).hexdigest() for name in sorted(names)}


def _elsewhere(url: str, monkeypatch: pytest.MonkeyPatch, cache: Path) -> Root:
    """The same root as another machine sees it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    root = Root(url)
    root.require()
    return root


@pytest.mark.slow
def test_a_run_in_a_store_gives_the_bytes_of_one_on_a_disk_and_goes_on_elsewhere(
    url: str, root: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = toy_recipe()
    run(root, made)
    assert not run(Root(url), made).failed
    assert _objects(url) == tree(root)
    other = _elsewhere(url, monkeypatch, tmp_path / "other")
    assert states(other, made) == dict.fromkeys(NAMES, "done")
    assert run(other, made).worked == 0
    more = toy_recipe([*NAMES, "new"])
    assert {stage.stage: stage.worked for stage in run(other, more).stages} == {
        "source": 1,
        "misbehave": 1,
        "gather": 1,
    }


@pytest.mark.slow
def test_verify_finds_planted_damage_in_a_store_and_run_repairs_exactly_that(url: str) -> None:
    made = toy_recipe()
    run(Root(url), made)
    before = _objects(url)
    store = ObjectStore(url)
    store.write(b"HELLO XX\n", "data/misbehave/a/upper.txt")
    store.delete(["data/source/bb/text.txt"])
    root = Root(url)
    root.require()
    found = verify.verify(DatasetState(root, made.stages), workers=1)
    assert {(damage.stage, damage.item) for damage in found.damaged} == {("misbehave", "a"), ("source", "bb")}
    again = run(Root(url), made)
    assert {stage.stage: stage.worked for stage in again.stages} == {"source": 1, "misbehave": 1, "gather": 0}
    assert _objects(url) == before


def test_two_runs_on_one_store_the_second_is_refused(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Root(url)
    root.create()
    lease = hold(StorePlace(ObjectStore(url), "state/lease"), url, renew_s=0.1)
    with lease, pytest.raises(RootBusyError, match="process"):
        run(root, toy_recipe())
    assert not run(root, toy_recipe()).failed


def test_a_lease_whose_holder_fell_silent_is_taken_over(url: str) -> None:
    place = StorePlace(ObjectStore(url), "state/lease")
    assert place.create(b"process 1 on a host that lost its power\n")
    assert not place.create(b"second\n")  # decided by the store
    with hold(place, url, renew_s=0.05, silent_s=0.3):
        assert b"lost its power" not in (place.read() or b"")
    assert place.read() is None


@pytest.mark.slow
def test_compaction_in_a_store_keeps_every_record(url: str) -> None:
    made = toy_recipe()
    root = Root(url)
    run(root, made)
    root.pull()
    before = {(r.item, r.sequence) for r in ledger.read(root.ledger / "misbehave")}
    with root.lock():
        ledger.compact(root.ledger / "misbehave")
        root.push()
    assert [name.rsplit(".")[-1] for name in ObjectStore(url).stamps("ledger/misbehave/")] == ["parquet"]
    root.pull()
    assert {(r.item, r.sequence) for r in ledger.read(root.ledger / "misbehave")} == before


@pytest.mark.parametrize(
    "bad",
    ["s3://AKIAKEY:hush@bucket/x", "s3://bucket/x?token=hush", "s3://bucket/../x", "nosuch://bucket/x", "s3:///x"],
)
def test_secrets_and_ways_out_in_a_root_s_url_are_refused_and_not_repeated(bad: str) -> None:
    with pytest.raises(UsageError) as caught:
        Root(bad)
    assert "hush" not in str(caught.value)


def test_no_secret_of_the_environment_reaches_the_store_or_the_mirror(url: str, tmp_path: Path) -> None:
    run(Root(url), toy_recipe(behaviour={"a": "raise"}))
    store = ObjectStore(url)
    told = b"".join(store.read(name) for name in store.stamps(""))
    told += b"".join(path.read_bytes() for path in (tmp_path / "cache").rglob("*") if path.is_file())
    assert b"a bug" in told
    for secret in (b"not-a-secret-of-anybody", b"AKIATESTTESTTESTTEST"):
        assert secret not in told


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("GET https://me:hunter2@host/x", "hunter2"),
        ("?X-Amz-Signature=abc123&x=1", "abc123"),
        ("AWS_SECRET_ACCESS_KEY=abc/123", "abc/123"),
        ("Authorization: Bearer abc123", "abc123"),
        ("key AKIAABCDEFGHIJKLMNOP used", "AKIAABCDEFGHIJKLMNOP"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str, hidden: str) -> None:
    assert hidden not in redact(text)


def test_steps_of_the_crawl_and_status_work_on_a_store(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def yt360(*words: object) -> dict[str, Any]:
        with pytest.raises(SystemExit) as ended:
            main.main([*map(str, words), "--json"])
        assert not ended.value.code
        return dict(json.loads(capsys.readouterr().out))

    source = tmp_path / "list.txt"
    source.write_text("AAAAAAAAAAA\nBBBBBBBBBBB\n")
    assert yt360("crawl", "discover", "--root", url, "--source", source)["videos"] == 2
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another-machine"))
    assert yt360("crawl", "discover", "--root", url)["items"] == ["AAAAAAAAAAA", "BBBBBBBBBBB"]
    assert yt360("status", "--root", url)["stages"][0]["waiting"] == 2


def test_answers_of_the_probe_are_kept_in_the_store_and_another_machine_asks_only_for_the_rest(
    url: str,
    tmp_path: Path,
    tube: Tube,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def probe(*words: object) -> dict[str, Any]:
        with pytest.raises(SystemExit) as ended:
            main.main(["crawl", "probe", "--root", url, *map(str, words), "--json"])
        assert not ended.value.code
        return dict(json.loads(capsys.readouterr().out))

    names = ["AAAAAAAAAAA", "BBBBBBBBBBB"]
    for name in names:
        offer(tube, name, SOUNDS + PICTURES)
    source = tmp_path / "list.txt"
    source.write_text("".join(f"{name}\n" for name in names))
    assert probe("--source", source, "-p", ACCESS, "--limit", 1)["not_asked"] == 1
    asked = len(tube.requests)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another-machine"))
    found = probe()
    assert (found["videos"], found["offered"], found["not_asked"]) == (2, 2, 0)
    assert len(tube.requests) <= 2 * asked
    rows = ObjectStore(url).read("state/crawl-probe.jsonl").splitlines()
    assert [json.loads(row)["video"] for row in rows] == names


def test_missing_bucket_is_wrong_use(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(UsageError, match="bucket"):
        run(Root("s3://nobody-made-this/x"), toy_recipe())


@pytest.mark.slow
def test_shards_in_a_store_are_those_of_a_disk_are_read_by_training_and_follow_a_removal(
    url: str, tmp_path: Path
) -> None:
    from tests.stages.fakes import Dataset
    from yt360.dataset.manifest import read_table

    videos = {"one": 1, "two": 2}
    local, remote = Dataset(tmp_path / "root"), Dataset(url)  # type: ignore[arg-type]
    for dataset in (local, remote):
        dataset.run(videos, split={"test_share": 0.0})
    store = ObjectStore(url)
    names = [name for name in local.bytes() if not name.startswith("state")]
    assert {name: store.read(name) for name in names} == local.bytes()
    table = read_table(url).to_pylist()
    assert [row["clip"] for row in table] == ["one-00000", "two-00000", "two-00010"]
    first = table[0]
    member = store.read(f"shards/{first['shard']}")[first["foa_offset"] :][: first["foa_size"]]
    assert member == store.read("data/chunk/one/one-00000.foa.flac")

    stages = remote.recipe(videos, split={"test_share": 0.0}).stages
    rest = {"two": 2}
    removal.remove(
        remote.root, stages, frozenset({"one"}), lambda: remote.run(rest, workers=1, split={"test_share": 0.0})
    )
    assert not store.stamps("data/chunk/one/")
    assert b"one-00000" not in b"".join(store.read(name) for name in store.stamps("shards/"))
    assert store.stamps("data/chunk/two/")


def test_nothing_waits_here_for_its_turn(url: str, tmp_path: Path) -> None:
    """A machine need not have room for all that goes to a store, and each has a tmp of its own."""
    run_inline(Root(url), together.made(tmp_path))
    first, second = together.FIRST, together.SECOND
    assert together.marks(tmp_path) == [f"glance {first}", f"glance {second}", f"cut {first}", f"cut {second}"]
