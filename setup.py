"""What setup.cfg cannot say: a wheel carries recipes, lists and the commit it was built of in ``yt360/shipped/``."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))  # a build in isolation does not see the package that it builds
from yt360.shipped import COMMIT, commit  # noqa: E402

SHIPPED = Path("yt360/shipped")
PATTERNS = (
    "pipelines/*.yaml",
    "pipelines/train/*.yaml",
    "pipelines/eval/*.yaml",
    "pipelines/schema/*.json",
    "manifests/*",
)


class BuildPy(build_py):
    """Copies what is shipped; an editable installation reads it at the top of the checkout."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib) / SHIPPED
        for pattern in PATTERNS:
            for file in sorted(HERE.glob(pattern)):
                copy = target / file.relative_to(HERE)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, copy)
        (target / COMMIT).write_text(commit() + "\n", encoding="utf-8")


class Sdist(sdist):
    """Writes the commit down: the archive has no git."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        super().make_release_tree(base_dir, files)
        (Path(base_dir) / SHIPPED / COMMIT).write_text(commit() + "\n", encoding="utf-8")


setup(cmdclass={"build_py": BuildPy, "sdist": Sdist})
