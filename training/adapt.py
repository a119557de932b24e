"""A model to train on: loaded from a folder or hub id, with adapters where the config asks; and how it is kept."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForImageTextToText

from engine.ct.errors import InputError
from engine.reasoning.card import ModelCard
from training.config import Config, Lora
from training.model import export
from training.optional import quantised
from training.seen import scans_in, scans_of
from training.sources.read import backgrounds

_VISION, _PROJECTOR = ("visual", "vision"), ("merger", "projector", "connector", "embed_vision")


def loaded(plan: Config) -> Any:
    """The model of the config. All weights are trained in float32: steps of 1e-4 would be lost in bf16's rounding."""
    whole = {"dtype": torch.float32} if not plan.lora.rank else quantised(plan.lora)
    try:
        model = AutoModelForImageTextToText.from_pretrained(plan.model, **whole)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"The model {Path(plan.model).name} cannot be loaded; give a model folder or hub id."
        ) from error
    return adapted(plan.lora, model) if plan.lora.rank else model


def adapted(lora: Lora, model: Any) -> Any:
    """The model with low-rank adapters on the linear layers of the chosen parts."""
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training  # heavy, and only wanted here

    targets = lora_targets(lora, model)
    if not targets:
        raise InputError(f"No layer of the model belongs to {', '.join(lora.parts)}; choose other parts under [lora].")
    if lora.four_bit:
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    return get_peft_model(model, LoraConfig(r=lora.rank, lora_alpha=lora.alpha, target_modules=targets))


def lora_targets(lora: Lora, model: Any) -> list[str]:
    """Full names of the linear layers to adapt: in the language model those of `targets`, elsewhere all."""
    found = []
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear) and not name.endswith("lm_head"):
            part = part_of(name)
            wanted = part != "language" or name.rsplit(".", 1)[-1] in lora.targets
            found += [name] if part in lora.parts and wanted else []
    return found


def part_of(name: str) -> str:
    """Which part of a vision-language model a layer belongs to, by its name."""
    if any(word in name for word in _PROJECTOR):
        return "projector"
    return "vision" if any(word in name for word in _VISION) else "language"


def restore(model: Any, checkpoint: str) -> None:
    """Put a checkpoint's weights into a model without adapters."""
    # WORKAROUND transformers 5.23: checkpoints of Qwen2.5-VL are written under the hub's key names, and Trainer
    # loads them back by name without the mapping: a warning, and untrained weights. from_pretrained maps them.
    saved = type(model).from_pretrained(checkpoint, dtype=model.dtype)
    model.load_state_dict(saved.state_dict())


def gathered(plan: Config, trainer: Any) -> Any:
    """The trained model, whole, in the first process, None in the others; called by all of them."""
    first = trainer.is_world_process_zero()
    if not (trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled):
        return trainer.accelerator.unwrap_model(trainer.model) if first else None
    state = trainer.accelerator.get_state_dict(trainer.model_wrapped)  # its parts lie in all processes
    if not first:
        return None
    whole = loaded(plan)
    whole.load_state_dict(state)
    return whole


def save(plan: Config, model: Any, processor: Any, card: ModelCard) -> None:
    """The trained model as a folder that the viewer loads, with its card; adapters also by themselves."""
    if plan.lora.rank:
        model.save_pretrained(plan.out / "adapter")
        if plan.lora.four_bit:  # into the weights as they were, not into their 4 bits
            from peft import PeftModel

            base = AutoModelForImageTextToText.from_pretrained(plan.model)
            model = PeftModel.from_pretrained(base, plan.out / "adapter")
        model = model.merge_and_unload()
    export(model, processor, plan.out / "model")
    real = backgrounds(replace(plan, data=replace(plan.data, phantoms=0)))
    training = {**card.training, "revision": revision(), "scans": {**scans_in(card), **scans_of(real)}}
    whole = replace(card, training=training)
    whole.save(plan.out / "model")
    if plan.lora.rank:
        whole.save(plan.out / "adapter")


def revision() -> str:
    """The git revision of this program; "" outside a checkout."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    found = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    return found.stdout.strip()
