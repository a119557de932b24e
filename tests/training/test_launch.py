"""More than one process, and what only other machines have: what accelerate is told, what is refused in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from accelerate.commands.config.config_args import ClusterConfig, load_config_from_file

from engine.ct.errors import InputError
from training.config import Grpo, Log, Lora
from training.optional import quantised, reports, sampling

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "resources" / "accelerate").glob("*.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_accelerate_reads_every_configuration(file: Path) -> None:
    read = load_config_from_file(str(file))
    assert isinstance(read, ClusterConfig)
    assert read.num_processes == 8
    wanted = {"ddp": "MULTI_GPU", "fsdp2": "FSDP"}.get(file.stem, "DEEPSPEED")
    assert str(read.distributed_type).endswith(wanted)


def absent(name: str) -> None:
    """No package of this name is installed."""


def test_vllm_is_refused_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sampling(Grpo(), [7]) == {"use_vllm": False, "generation_kwargs": {"suppress_tokens": [7]}}
    monkeypatch.setattr("training.optional.trl.__version__", "1.16.2")
    with pytest.raises(InputError, match=r"1\.16\.2\), which expands their image tokens twice"):
        sampling(Grpo(vllm="colocate"), [])
    monkeypatch.setattr("training.optional.find_spec", absent)
    with pytest.raises(InputError, match="vllm, which is not installed"):
        sampling(Grpo(vllm="server"), [])
    monkeypatch.setattr("training.optional.find_spec", str)
    told = sampling(Grpo(vllm="server", vllm_url="http://gpu:8000"), [7])
    assert told["vllm_mode"] == "server"
    assert told["vllm_server_base_url"] == "http://gpu:8000"
    assert told["generation_kwargs"] == {"logit_bias": {"7": -100.0}}


def test_four_bits_and_tensorboard_are_refused_where_they_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    assert quantised(Lora(rank=4)) == {}
    with pytest.raises(InputError, match="rank above 0"):
        quantised(Lora(four_bit=True))
    monkeypatch.setattr("training.optional.torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("training.optional.find_spec", str)
    with pytest.raises(InputError, match="CUDA GPU"):
        quantised(Lora(rank=4, four_bit=True))
    assert reports(Log(tensorboard=True)) == ["tensorboard"]
    assert reports(Log()) == []
    monkeypatch.setattr("training.optional.find_spec", absent)
    with pytest.raises(InputError, match="bitsandbytes"):
        quantised(Lora(rank=4, four_bit=True))
    with pytest.raises(InputError, match="tensorboard"):
        reports(Log(tensorboard=True))
