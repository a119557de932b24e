"""What models are on this machine and what each needs, told from their files alone."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.ct.errors import InputError
from engine.reasoning.card import ModelCard
from engine.reasoning.explain import BUNDLED, resolve_model
from engine.reasoning.hub import cached, snapshot
from engine.reasoning.inventory import Installed, inspected, installed
from engine.reasoning.made import weight_files

VISION = {"architectures": ["BigVL"], "vision_config": {}, "text_config": {"max_position_embeddings": 32768}}


def weights(path: Path, shapes: dict[str, list[int]], kind: str = "BF16") -> None:
    """A safetensors file without its values."""
    header: dict[str, Any] = {
        name: {"dtype": kind, "shape": shape, "data_offsets": [0, 0]} for name, shape in shapes.items()
    }
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text)


def model(folder: Path, config: dict[str, Any] | None = None) -> Path:
    """A model folder of 8 billion parameters in two files."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(VISION if config is None else config))
    for number in (1, 2):
        weights(folder / f"model-{number}.safetensors", {"a": [4000, 1_000_000]})
    (folder / "README.md").write_text("---\ntags: [x]\nlicense: apache-2.0\n---\n# Big")
    return folder


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An own cache of the hub with one vision model and one that is none of ours."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("LOUPE_DATA", str(tmp_path / "data"))
    for name in ("models--big--vision", "models--only--a-name"):
        (tmp_path / "hub" / name / "refs").mkdir(parents=True)
    (tmp_path / "hub" / "models--big--vision" / "refs" / "main").write_text("abc")
    return model(tmp_path / "hub" / "models--big--vision" / "snapshots" / "abc")


def by_model(*added: str) -> dict[str, Installed]:
    return {each.model: each for each in installed(added)}


def test_the_bundled_model_is_described_by_its_files_and_its_card() -> None:
    found = inspected(str(BUNDLED), "bundled")
    assert (found.name, found.licence, found.fault, found.card.assumed) == ("loupe-tiny", "Apache-2.0", "", False)
    assert found.parameters == 3_324_320 or found.parameters > 1_000_000
    assert found.formats == ("BF16",)


def test_a_large_model_says_what_it_needs_in_every_precision(tmp_path: Path) -> None:
    found = inspected(str(model(tmp_path / "big")), "folder")
    assert (found.parameters, found.architecture, found.licence, found.context) == (
        8_000_000_000,
        "BigVL",
        "apache-2.0",
        32768,
    )
    assert found.card.assumed
    needs = [found.needs_mb(name) for name in ("float32", "bfloat16", "int8", "int4")]
    assert needs == sorted(needs, reverse=True)
    assert needs[1] == pytest.approx(2 * 8000 * 1.15, rel=0.1)


def test_the_hubs_cache_is_read_without_a_network(hub: Path) -> None:
    assert cached() == ("big/vision", "only/a-name")
    found = by_model()
    assert found["big/vision"].kind == "hub"
    assert found["big/vision"].parameters == 8_000_000_000
    assert "only/a-name" not in found
    assert len(weight_files("big/vision")) == 2


def test_a_card_in_the_hubs_cache_is_obeyed(hub: Path) -> None:
    assert ModelCard.load("big/vision").assumed
    ModelCard("theirs", prompt="brief", question="Which?").save(hub)
    assert ModelCard.load("big/vision").question == "Which?"


@pytest.mark.parametrize("name", ["../../etc/passwd", "big/vision/..", "/big/vision", "", "a"])
def test_a_name_cannot_lead_out_of_the_cache(hub: Path, name: str) -> None:
    assert snapshot(name) is None


def test_adapters_that_were_kept_are_listed_with_what_they_go_on(hub: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "adapters" / "mine"
    folder.mkdir(parents=True)
    values = {"peft_type": "LORA", "r": 16, "base_model_name_or_path": "big/vision"}
    (folder / "adapter_config.json").write_text(json.dumps(values))
    weights(folder / "adapter_model.safetensors", {"lora": [16, 100]}, "F32")
    found = by_model()[str(folder)]
    assert (found.kind, found.base, found.architecture) == ("adapter", "big/vision", "LORA rank 16")
    assert found.parameters == 8_000_001_600
    assert found.licence == "apache-2.0"


def test_servers_and_folders_that_are_gone_stay_on_the_list_and_say_so(hub: Path) -> None:
    found = by_model("http://127.0.0.1:1/v1#m", "http://10.0.0.1:1/v1#n", "/never/there", "not/fetched")
    assert (found["http://127.0.0.1:1/v1#m"].fault, found["http://127.0.0.1:1/v1#m"].note) == ("", "")
    assert "leave this machine for 10.0.0.1:1" in found["http://10.0.0.1:1/v1#n"].note
    assert "gone" in found["/never/there"].fault
    assert "fetched from the hub" in found["not/fetched"].note


@pytest.mark.parametrize(
    ("name", "content", "wanted"),
    [
        ("config.json", b"{", "cannot be read as JSON"),
        ("config.json", b"[" * 100_000, "cannot be read as JSON"),
        ("config.json", b"[]", "holds no settings"),
        ("config.json", b'{"architectures": ["Words"]}', "takes no pictures"),
        ("model-1.safetensors", b"", "damaged"),
        ("model-1.safetensors", b"\xff" * 64, "damaged"),
        ("model-1.safetensors", struct.pack("<Q", 2) + b"[]", "damaged"),
        ("loupe.json", b"{}", "model card"),
    ],
)
def test_a_damaged_model_is_told_as_such(tmp_path: Path, name: str, content: bytes, wanted: str) -> None:
    folder = model(tmp_path / "big")
    (folder / name).write_bytes(content)
    assert wanted in inspected(str(folder), "folder").fault


def test_a_folder_without_weights_is_told_as_such(tmp_path: Path) -> None:
    folder = model(tmp_path / "big")
    for file in folder.glob("*.safetensors"):
        file.unlink()
    assert "not there as safetensors" in inspected(str(folder), "folder").fault
    shutil.rmtree(folder)
    assert "gone" in inspected(str(folder), "folder").fault


def test_looking_for_models_imports_nothing_heavy() -> None:
    code = (
        "import sys; from engine.reasoning.inventory import installed; list(installed());"
        "print([n for n in ('torch', 'transformers', 'huggingface_hub', 'peft') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_home_folder_of_nobody_is_a_model_that_is_gone() -> None:
    assert "gone" in inspected("~nobody-of-this-name/model", "folder").fault
    with pytest.raises(InputError, match="nobody-of-this-name"):
        resolve_model("~nobody-of-this-name/model")
