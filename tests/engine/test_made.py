"""What a trace was made with is saved in it: versions, device, the weights' sha256."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from engine.reasoning import made
from engine.reasoning.made import Weights, versions
from engine.reasoning.reasoner import ModelStatus
from engine.reasoning.trace import Input, Made, Trace


def _sum(model: Path, cache: Path) -> str:
    weights = Weights(str(model), cache)
    assert weights.wait(30)
    return weights.sha256


def test_the_sum_of_one_file_is_its_own_sha256_and_is_computed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, cache = tmp_path / "model", tmp_path / "data"
    model.mkdir()
    (model / "model.safetensors").write_bytes(b"weights")
    wanted = hashlib.sha256(b"weights").hexdigest()
    assert _sum(model, cache) == wanted
    with monkeypatch.context() as patch:
        patch.setattr(made, "_digest", lambda file: pytest.fail("computed again"))
        assert _sum(model, cache) == wanted
    (model / "model.safetensors").write_bytes(b"other weights")
    assert _sum(model, cache) == hashlib.sha256(b"other weights").hexdigest()


def test_the_sum_of_several_files_is_that_of_their_sha256sum_listing(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / f"{name}.safetensors").write_bytes(name.encode())
    listing = "".join(f"{hashlib.sha256(name.encode()).hexdigest()}  {name}.safetensors\n" for name in "ab")
    assert _sum(tmp_path, tmp_path / "data") == hashlib.sha256(listing.encode()).hexdigest()


@pytest.mark.parametrize("text", ["{", "[1]", ""])
def test_a_damaged_memory_of_sums_is_only_slower(tmp_path: Path, text: str) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    (tmp_path / made.CACHE).write_text(text)
    assert _sum(tmp_path, tmp_path) == hashlib.sha256(b"weights").hexdigest()
    assert len(json.loads((tmp_path / made.CACHE).read_text())) == 1


@pytest.mark.parametrize("model", ["http://127.0.0.1:1/v1#m", "owner/never-fetched"])
def test_weights_that_are_not_here_have_no_sum(model: str, tmp_path: Path) -> None:
    assert _sum(Path(model) if "http" not in model else tmp_path, tmp_path) == ""
    weights = Weights(model, tmp_path)
    assert weights.wait(30)
    assert weights.sha256 == ""


def test_versions_name_the_program_and_what_computes() -> None:
    assert {"loupe-ct", "torch", "transformers"} <= set(versions())


def test_a_trace_keeps_what_made_it_and_old_ones_still_load() -> None:
    given = Input("", {}, "m", 0, "?")
    trace = Trace((given, Made({"loupe-ct": "0.1.0"}, "00ff", "cpu", "float32")))
    assert Trace.from_lines(trace.to_lines()) == trace
    assert Trace.from_lines(given.line()).events == (given,)


def test_what_made_a_trace_is_read_ahead_so_that_no_token_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions.cache_clear()
    weights = Weights("http://127.0.0.1:1/v1#m", tmp_path)
    assert weights.wait(30)
    monkeypatch.setattr(made, "version", lambda name: pytest.fail("read again"))
    status = ModelStatus("m", "127.0.0.1:1", "", 0, 0.0)
    assert made.made(status, weights).versions == versions()
