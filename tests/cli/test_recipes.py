"""`yt360 recipes` and `--list`."""

from __future__ import annotations

from tests.cli.conftest import Command
from yt360 import shipped


def test_recipes_are_listed_as_the_commands_that_run_them(command: Command) -> None:
    code, out, _ = command("recipes")
    assert code == 0
    lines = out.splitlines()
    assert len(lines) == sum(len(shipped.recipes(each)) for each in ("run", "train", "evaluate"))
    assert any(line.startswith("yt360 run yt360 ") for line in lines)
    assert command("train", "--list")[1].splitlines() == command("recipes", "train")[1].splitlines()
    assert all(line.startswith("yt360 evaluate ") for line in command("evaluate", "--list")[1].splitlines())


def test_a_recipe_is_printed_as_it_is(command: Command) -> None:
    assert command("recipes", "train", "tiny")[1] == shipped.path("pipelines/train/tiny.yaml").read_text()
    code, _, err = command("recipes", "train", "tin")
    assert code == 2
    assert "did you mean 'tiny'?" in err
