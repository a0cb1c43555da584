"""The papers of the project say the same as its code."""

from __future__ import annotations

import configparser

import yaml

from tests import CHECKOUT
from yt360 import __version__


def test_the_citation_has_the_version_and_the_licence_of_the_package() -> None:
    cited = yaml.safe_load((CHECKOUT / "CITATION.cff").read_text(encoding="utf-8"))
    metadata = configparser.ConfigParser()
    metadata.read(CHECKOUT / "setup.cfg", encoding="utf-8")
    assert cited["version"] == __version__
    assert cited["license"] == metadata["metadata"]["license_expression"] == "Apache-2.0"
    paper = cited["references"][0]
    assert [author["family-names"] for author in paper["authors"]] == ["Morgado", "Li", "Vasconcelos"]


def test_every_licence_file_of_the_wheel_is_there() -> None:
    metadata = configparser.ConfigParser()
    metadata.read(CHECKOUT / "setup.cfg", encoding="utf-8")
    for name in metadata["metadata"]["license_files"].split():
        assert (CHECKOUT / name).stat().st_size > 200, name


def test_third_party_names_every_file_of_weights_that_the_package_carries() -> None:
    listed = (CHECKOUT / "THIRD_PARTY.md").read_text(encoding="utf-8")
    weights = [
        path for kind in ("npz", "safetensors", "onnx", "pt") for path in (CHECKOUT / "yt360").rglob(f"*.{kind}")
    ]
    assert weights
    for path in weights:
        assert path.relative_to(CHECKOUT).as_posix() in listed
