"""A release is rebuilt from the local server: every clip in its right class, and nothing removed comes back."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import yt360
from tests.cli.conftest import Command
from tests.crawling.tube import Tube
from tests.rebuild.world import QUICK, SMALL, Videos, environment, show, vanish
from yt360.rebuild.certificate import require_signed

pytestmark = pytest.mark.slow

SEGMENTS = ("00000", "00010")
TRIM_S = 3.2


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Videos:
    return Videos(tmp_path_factory.mktemp("videos"), 22.0)


@pytest.fixture
def tube(monkeypatch: pytest.MonkeyPatch) -> Iterator[Tube]:
    with Tube() as running:
        for name, value in environment(running).items():
            monkeypatch.setenv(name, value)
        yield running


def options(*settings: str) -> list[str]:
    words = [word for setting in settings for word in ("--set", setting)]
    return [*words, "--min-free-gb", "0", "--workers", "2"]


def publish(command: Command, folder: Path, ids: list[str], *more: str) -> Path:
    """Build a dataset of these videos and release it."""
    (folder / "ids.txt").write_text("\n".join(ids))
    recipe = folder / "recipe.yaml"
    stages = f"crawl: {{source: {folder / 'ids.txt'}}}, validate: {{}}, chunk: {{}}, split: {{test_share: 0.3}}"
    recipe.write_text(f"name: small\nstages: {{{stages}, shard: {{}}}}\n")
    code, _, said = command("run", recipe, "--root", folder / "root", *options(*QUICK, *SMALL))
    assert code == 0, said
    code, _, said = command("release", "--root", folder / "root", "--out", folder / "release", "--workers", 1, *more)
    assert code == 0, said
    return folder / "release"


def rebuilt(command: Command, release: object, root: Path, code: int = 0) -> dict[str, Any]:
    found, _, said = command("rebuild", release, "--root", root, *options(*QUICK), "-q")
    assert found == code, said
    return require_signed(json.loads((root / "report" / "rebuild.json").read_text()), "rebuild.json")


def verdicts(table: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {row["clip"]: (row["verdict"], row.get("why", "")) for row in table["clips"]}


def test_every_clip_is_in_its_right_class(command: Command, tube: Tube, videos: Videos, tmp_path: Path) -> None:
    """20 videos: 4 gone, 2 encoded anew, 1 trimmed, 1 exchanged, 1 without ambisonics, the others as they were."""
    ids = [f"video{number:06d}" for number in range(20)]
    source = {name: number % 3 for number, name in enumerate(ids)}
    for name in ids:
        show(tube, name, videos.files(source[name]))
    release = publish(command, tmp_path, ids)
    for name in ids[:4]:
        vanish(tube, name)
    for name in ids[4:6]:
        show(tube, name, videos.encoded_anew(source[name]))
    show(tube, ids[6], videos.trimmed(source[ids[6]], TRIM_S))
    show(tube, ids[7], videos.files((source[ids[7]] + 1) % 3))
    show(tube, ids[8], videos.files(source[ids[8]]), ambisonic=False)

    expected = {f"{name}-{segment}": ("identical", "") for name in ids for segment in SEGMENTS}
    for name, verdict in {
        **dict.fromkeys(ids[:4], ("gone", "removed")),
        **dict.fromkeys(ids[4:6], ("same-recording", "re-encoded")),
        ids[6]: ("same-recording", "trimmed"),
        ids[7]: ("changed", "other-content"),
        ids[8]: ("changed", "no-ambisonic-format"),
    }.items():
        expected |= {f"{name}-{segment}": verdict for segment in SEGMENTS}
    expected[f"{ids[6]}-00000"] = ("gone", "cut-off")
    copy = tmp_path / "copy"
    table = rebuilt(command, release, copy)
    assert verdicts(table) == expected
    assert table["total"]["clips"] == 40
    assert [table["total"][name] for name in ("gone", "same-recording", "changed", "identical")] == [9, 5, 4, 22]

    # What is rebuilt is a dataset, on the published sides, and the trimmed clip is where it is today.
    data = yt360.open(copy)
    rows = {row["clip"]: row for row in table["clips"]}
    assert {row["rebuilt"] for row in rows.values() if "rebuilt" in row} == set(data.ids)
    assert all(data[row["rebuilt"]].split == row["split"] for row in rows.values() if "rebuilt" in row)
    assert rows[f"{ids[6]}-00010"]["start_s"] == pytest.approx(10 - TRIM_S, abs=0.04)

    # The publisher takes one down. A root that has it says so, and keeps it for a person to delete.
    theirs = ids[9]
    assert command("remove", theirs, "--root", tmp_path / "root", "--yes")[0] == 0
    newer = tmp_path / "newer" / "release"
    code, _, said = command(
        "release", "--root", tmp_path / "root", "--out", newer, "--version", "1.0.1", "--workers", 1
    )
    assert code == 0, said
    code, out, _ = command("release", "diff", release, newer, "--json")
    changed = json.loads(out)
    assert (code, changed["takedowns"], changed["removed_why"]) == (0, [theirs], {"taken down": 2})
    code, _, said = command("rebuild", newer, "--root", copy, *options(*QUICK), "-q")
    assert (code, f"yt360 remove {theirs} --root {copy}" in said) == (1, True), said
    assert command("remove", theirs, "--root", copy, "--yes")[0] == 0
    told = [*(copy / "report").glob("rebuild.*"), copy / "state" / "rebuild-segments.tsv"]
    assert not [path for path in told if theirs in path.read_text()]

    # Whoever rebuilds the older list again, which still has it, does not get it back.
    expected |= {f"{theirs}-{segment}": ("removed", "") for segment in SEGMENTS}
    assert verdicts(rebuilt(command, release, copy)) == expected
    assert theirs not in pd.read_parquet(copy / "manifests" / "videos.parquet")["video"].tolist()
    assert not [path for path in copy.rglob("*") if theirs in path.name]


def test_a_run_that_ends_early_goes_on(command: Command, tube: Tube, videos: Videos, tmp_path: Path) -> None:
    """A network that fails says nothing of a video; when it is back, the same command ends the work."""
    ids = ["video000000", "video000001"]
    for number, name in enumerate(ids):
        show(tube, name, videos.files(number))
    release = publish(command, tmp_path, ids, "--media", "--policy", "all")
    answer = tube.videos[ids[1]]
    tube.videos[ids[1]] = {"error": "Sign in to confirm your age. This video may be inappropriate for some users."}
    first = rebuilt(command, release, tmp_path / "copy", code=1)
    assert verdicts(first)[f"{ids[1]}-00000"] == ("unreachable", "age-gated")
    tube.videos[ids[1]] = answer
    code, _, said = command(
        "rebuild", release, "--root", tmp_path / "copy", *options(*QUICK), "-q", "--retry", "failed"
    )
    assert code == 0, said
    table = json.loads((tmp_path / "copy" / "report" / "rebuild.json").read_text())
    assert {verdict for verdict, _ in verdicts(table).values()} == {"identical"}


def test_a_bare_list_goes_through_the_same_door(command: Command, tube: Tube, videos: Videos, tmp_path: Path) -> None:
    """The form of the list of 2020: no digests, so what was cut is `unverified`."""
    show(tube, "video000000", videos.files(0))
    vanish(tube, "video000001")
    path = tmp_path / "old.tsv"
    path.write_text("video\tsplit\tstarts\nvideo000000\ttest\t0,12,50\nvideo000001\ttrain\t3\n")
    words = options(*QUICK, *SMALL)
    code, out, said = command("rebuild", path, "--root", tmp_path / "copy", *words)
    assert code == 0, said
    table = json.loads((tmp_path / "copy" / "report" / "rebuild.json").read_text())
    assert verdicts(table) == {
        "video000000-00000": ("unverified", "no-digest"),
        "video000000-00012": ("unverified", "no-digest"),
        "video000000-00050": ("gone", "cut-off"),
        "video000001-00003": ("gone", "removed"),
    }
    assert "Of the 4 clips of old, 50.0 %" in out
    assert "fingerprint" not in os.listdir(tmp_path / "copy" / "ledger")
