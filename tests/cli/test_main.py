"""What the entry point sets up for every command, and takes away after it."""

from __future__ import annotations

import io
import logging
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tests import CHECKOUT
from tests.cli.conftest import Command
from yt360.cli import main as entry
from yt360.engine import pipeline
from yt360.engine import recipe as recipes
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.state.plan import ItemPlan
from yt360.engine.storage import Root
from yt360.stages import REGISTRY

log = logging.getLogger("yt360.crawl")


@pytest.fixture
def talkative(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that has something to say."""

    @click.command()
    def talk() -> None:
        log.warning("a folder was left out")

    monkeypatch.setattr(entry, "group", click.Group(commands={"talk": talk}))


def _run() -> None:
    with pytest.raises(SystemExit) as end:
        entry.main(["talk"])
    assert end.value.code == 0


@pytest.mark.usefixtures("talkative")
def test_log_lines_follow_standard_error_where_it_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: the handler kept the stream of its first day, and wrote to it after it was closed."""
    for _ in range(2):
        stream = io.StringIO()
        monkeypatch.setattr(sys, "stderr", stream)
        _run()
        assert stream.getvalue() == "a folder was left out\n"
        stream.close()


@pytest.mark.usefixtures("talkative")
def test_a_command_leaves_the_log_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    """Regression: after one command, everything else in the process wrote to the terminal too."""
    handlers, level = logging.getLogger("yt360").handlers[:], logging.getLogger("yt360").level
    _run()
    capsys.readouterr()
    assert (logging.getLogger("yt360").handlers, logging.getLogger("yt360").level) == (handlers, level)
    log.warning("nobody asked")
    assert "nobody asked" not in capsys.readouterr().err


def test_short_helps_are_those_of_the_commands() -> None:
    context = click.Context(entry.group)
    for name, listed in entry._COMMANDS.items():
        command = entry.group.get_command(context, name)
        assert command is not None
        assert command.short_help == listed.help, name


@pytest.mark.parametrize("what", ["import yt360", "from yt360.cli.main import main; main(['--help'])"])
def test_importing_and_helping_load_nothing_heavy(what: str) -> None:
    heavy = (
        "numpy",
        "pandas",
        "pyarrow",
        "pydantic",
        "yaml",
        "av",
        "cv2",
        "scipy",
        "torch",
        "yt_dlp",
        "tqdm",
        "fsspec",
    )
    script = f"import sys, atexit\natexit.register(lambda: print([m for m in {heavy} if m in sys.modules]))\n{what}"
    done = subprocess.run([sys.executable, "-c", script], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


_DECODING = (
    *("pandas", "av", "soundfile", "soxr", "ffmpeg", "scipy.fft", "scipy.signal", "fsspec", "torch", "yt_dlp"),
    *("pyarrow.dataset", "tqdm"),
)


@pytest.mark.parametrize(
    ("words", "heavy"),
    [
        ("'status', '--root', sys.argv[1]", _DECODING),
        ("'explain', 'nothing', '--root', sys.argv[1]", _DECODING),
        ("'inspect', sys.argv[1] + '/no-such-file'", (*_DECODING, "numpy", "pyarrow", "pydantic", "cv2", "yaml")),
    ],
)
def test_asking_loads_nothing_that_decodes(tmp_path: Path, words: str, heavy: tuple[str, ...]) -> None:
    root = Root(tmp_path / "root")
    made = recipes.load(CHECKOUT / "pipelines" / "yt360.yaml", REGISTRY, [f"crawl.source={tmp_path}"])
    root.create()
    pipeline.save_recipe(root, made)
    DatasetState(root, made.stages).save_plan(made.stages[0], ItemPlan.of_items(made.stages[0], []))
    script = (
        f"import sys, atexit\natexit.register(lambda: print([m for m in {heavy} if m in sys.modules]))\n"
        f"from yt360.cli.main import main\nmain([{words}])"
    )
    done = subprocess.run([sys.executable, "-c", script, str(root.path)], cwd=CHECKOUT, capture_output=True, text=True)
    assert done.returncode in (0, 1, 2), done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("words", ["'status'", "'explain', 'nothing'"])
def test_asking_does_not_look_for_garbage_in_commands_and_stages(tmp_path: Path, words: str) -> None:
    root = Root(tmp_path)
    root.create()
    script = (
        "import atexit, gc, sys\nfrom yt360.cli.main import main\n"
        "names = ('yt360.cli.common', 'yt360.engine.recipe', 'yt360.stages.crawl', 'yt360.stages.shard')\n"
        "def say():\n    held = {id(each) for each in gc.get_objects()}\n"
        "    print([name for name in names if id(sys.modules[name].__dict__) in held])\n"
        f"atexit.register(say)\nmain([{words}, '--root', sys.argv[1]])"
    )
    done = subprocess.run([sys.executable, "-c", script, str(root.path)], cwd=CHECKOUT, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1:] == ["[]"], done.stderr


@pytest.mark.parametrize(
    ("words", "meant"),
    [(("statsu",), "status"), (("vallidate", "--root", "x"), "validate"), (("maps", "image"), "images"),
     (("filters", "evalute"), "evaluate"), (("crawl", "discovr"), "discover")],
)  # fmt: skip
def test_a_mistyped_command_is_answered_with_the_one_that_was_meant(
    command: Command, words: tuple[str, ...], meant: str
) -> None:
    code, _, err = command(*words)
    assert code == 2
    assert f"did you mean {meant!r}?" in err


def test_commands_of_earlier_versions_still_work_and_say_their_new_name(command: Command) -> None:
    for old, new in entry._RENAMED.items():
        code, out, err = command(old, "--help")
        assert code == 0
        assert f"`yt360 {old}` is now `yt360 {' '.join(new)}`" in err
        assert f"Usage: yt360 {' '.join(new)}" in out


def test_every_command_that_the_documentation_names_is_there() -> None:
    known = {*entry._COMMANDS, "dark", "params"}  # dark: the stage of the tutorial
    pages = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").rglob("*.md"))]
    for page in pages:
        text = page.read_text(encoding="utf-8")
        blocks = re.findall(r"^```(?:console|sh|bash)?\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
        code = "\n".join([*blocks, *re.findall(r"`(yt360 [^`]*)`", text)])
        named = re.findall(r"^(?:\$ )?yt360 ([a-z][a-z-]*)", code, re.MULTILINE)
        assert set(named) <= known, page
