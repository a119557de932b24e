"""How a model is loaded: adapters with the model below them, device and number format, one sentence where it cannot."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import tiny
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForImageTextToText

from engine.reasoning.card import ModelCard
from engine.reasoning.decode import Decoder
from engine.reasoning.encode import encode
from engine.reasoning.explain import resolve_model
from engine.reasoning.faults import ModelError
from engine.reasoning.load import Loaded, load
from engine.reasoning.precision import picked_device, quantisation

# WORKAROUND peft 0.21 asks transformers 5.23 by an old name.
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save("qwen2_5_vl", tmp_path_factory.mktemp("base"))


@pytest.fixture
def adapters(base: Path, tmp_path: Path) -> Path:
    """Adapters of the base with weights that change what it says."""
    model = AutoModelForImageTextToText.from_pretrained(base)
    names = [name for name, _ in model.named_modules() if name.endswith(("q_proj", "v_proj"))]
    whole = get_peft_model(model, LoraConfig(r=2, target_modules=names))
    torch.manual_seed(0)
    for name, weights in whole.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weights, std=0.3)
    whole.save_pretrained(tmp_path / "adapter")
    return tmp_path / "adapter"


def _load(model: Path, **options: str) -> Loaded:
    return load(str(model), trust_remote_code=False, interrupted=lambda: False, **options)  # type: ignore[arg-type]


def _log_p(loaded: Loaded) -> torch.Tensor:
    return Decoder(loaded).read(encode(loaded, tiny.question())).log_p.float()


def test_adapters_bring_the_model_below_them_and_change_what_it_says(base: Path, adapters: Path) -> None:
    assert resolve_model(str(adapters)) == str(adapters)
    changed, plain = _load(adapters), _load(base)
    assert changed.name == str(adapters)
    assert changed.model.num_parameters() == plain.model.num_parameters()
    assert not torch.allclose(_log_p(changed), _log_p(plain), atol=1e-2)


def test_adapters_whose_model_has_moved_are_found_by_their_card(base: Path, adapters: Path) -> None:
    _name_base(adapters, "/nowhere/base")
    with pytest.raises(ModelError, match=r"go on /nowhere/base, which is not there; put its path into"):
        resolve_model(str(adapters))
    ModelCard("a", training={"base": str(base)}).save(adapters)
    assert resolve_model(str(adapters)) == str(adapters)
    _load(adapters)


def test_adapters_of_another_model_are_refused_in_one_sentence(adapters: Path, tmp_path: Path) -> None:
    other = tiny.save("idefics3", tmp_path / "other")
    _name_base(adapters, str(other))
    with pytest.raises(ModelError, match="do not fit the model"):
        _load(adapters)


def test_adapters_without_safetensors_are_refused(adapters: Path) -> None:
    shutil.move(adapters / "adapter_model.safetensors", adapters / "adapter_model.bin")
    with pytest.raises(ModelError, match=r"lack adapter_model\.safetensors"):
        resolve_model(str(adapters))


def test_a_damaged_adapter_config_is_named(adapters: Path) -> None:
    (adapters / "adapter_config.json").write_text("{")
    with pytest.raises(ModelError, match=r"adapter_config\.json does not say"):
        resolve_model(str(adapters))


def test_the_chosen_number_format_is_used(base: Path) -> None:
    assert _load(base, precision="bfloat16").dtype == torch.bfloat16
    assert _load(base, precision="float32").dtype == torch.float32


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(ModelError, match="no CUDA device"):
        picked_device("cuda")
    with pytest.raises(ModelError, match="no kind of device called tpu"):
        picked_device("tpu")


@pytest.mark.parametrize(("precision", "device"), [("int4", "cpu"), ("int8", "mps"), ("int4", "mps")])
def test_packed_weights_are_refused_where_nothing_computes_with_them(precision: str, device: str) -> None:
    with pytest.raises(ModelError, match=r"bit weights need bitsandbytes on an NVIDIA card"):
        quantisation(precision, device)


def _name_base(adapters: Path, base: str) -> None:
    config = adapters / "adapter_config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "base_model_name_or_path": base}))
