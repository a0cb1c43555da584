"""From a folder to the hub and back; the hub is a local stand-in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.inference.scenes import model_folder
from tests.models.hub_stand_in import stand_in
from yt360.errors import UsageError
from yt360.models import hub

pytest.importorskip("huggingface_hub", reason="needs huggingface_hub: pip install 'yt360[hub]'")

_THERE_AND_BACK = """
import sys, torch, yt360
model = yt360.AVSAModel.from_pretrained(sys.argv[1])
print(model.push_to_hub("user/tiny", token="hf_secret"))
again = yt360.AVSAModel.from_pretrained("user/tiny")
for name, value in model.state_dict().items():
    assert torch.equal(value, again.state_dict()[name]), name
assert again.config == model.config
assert yt360.AVSAProcessor.from_pretrained("user/tiny").settings == model.processor_settings
try:
    yt360.AVSAModel.from_pretrained("user/another")
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.mark.slow
def test_a_model_goes_to_the_hub_and_comes_back(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "model")
    with stand_in() as server:
        environment = os.environ | {"HF_ENDPOINT": server.endpoint, "HF_HOME": str(tmp_path / "home")}
        done = subprocess.run(
            [sys.executable, "-c", _THERE_AND_BACK, str(folder)],
            env=environment, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert server.created[0]["visibility"] == "private"
        assert set(server.files) == {"README.md", "config.json", "model.safetensors", "preprocessor_config.json"}
        assert server.files["model.safetensors"] == (folder / "model.safetensors").read_bytes()
    first, second = done.stdout.strip().splitlines()
    assert first.endswith("/user/tiny")
    assert second.startswith("UsageError user/another: expected a model folder or a model on the hub, found neither")


def test_a_folder_wins_over_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "user" / "name").mkdir(parents=True)
    assert hub.local_folder("user/name") == Path("user/name")
    assert hub.local_folder(Path("user/other")) == Path("user/other")
    assert hub.local_folder("/no/such/folder") == Path("/no/such/folder")


def test_a_name_that_is_none_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected a name on the hub such as user/name"):
        hub.upload(tmp_path, "name", private=True, token=None)
