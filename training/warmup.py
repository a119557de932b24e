"""Teach the vision tower alone what the replies will need, with heads that are thrown away afterwards.

Reads top to bottom: targets, heads, loop. The tower has no position embedding, so besides the attributes every token
is asked where it lies and how much of the box it holds: that gives side and place to the language model for free.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as functional
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader

from training.backgrounds import Bank
from training.config import Config
from training.control import WARMED, Reins
from training.dataset import Samples
from training.fast import compiled, quick_vision
from training.optim import MuonAdamW, groups_of, rate_at
from training.progress import emit, first_process
from training.synthetic import CANVAS, Sample
from training.wording import KINDS

SIDES = ("left", "right", "midline")
ZONES = ("anterior", "middle", "posterior")
MARGINS = ("", "smooth", "lobulated", "spiculated", "ill-defined")
CLASSES = {"kind": KINDS, "side": SIDES, "zone": ZONES, "margin": MARGINS, "pleural": (False, True)}


class Targets:
    """Collates samples to pictures and attribute targets."""

    def __init__(self, processor: Any) -> None:
        self.pictures = processor.image_processor
        self.cell = self.pictures.patch_size * self.pictures.merge_size

    def __call__(self, samples: list[Sample]) -> dict[str, Tensor]:
        batch = dict(self.pictures(images=[Image.fromarray(one.canvas.pixels) for one in samples], return_tensors="pt"))
        facts = [one.case.facts for one in samples]
        for name, choices in CLASSES.items():
            batch[name] = torch.tensor([list(choices).index(getattr(fact, name)) for fact in facts])
        batch["zoomed"] = torch.tensor([one.canvas.inset is not None for one in samples])
        batch["size"] = torch.tensor([np.log(max(fact.size_mm, 1.0)) for fact in facts], dtype=torch.float32)
        batch["field"] = torch.tensor([one.canvas.inset_mm / 100 for one in samples], dtype=torch.float32)
        batch["hu"] = torch.tensor([fact.hu / 500 for fact in facts], dtype=torch.float32)
        batch["boxed"] = torch.stack([self._boxed(one) for one in samples])
        return batch

    def _boxed(self, one: Sample) -> Tensor:
        """Share of every token's cell inside the box, [cells]; row by row."""
        edges = np.arange(one.canvas.spec.side // self.cell + 1) * self.cell
        left, top, right, bottom = one.canvas.box
        across = np.clip(np.minimum(edges[1:], right) - np.maximum(edges[:-1], left), 0, self.cell) / self.cell
        down = np.clip(np.minimum(edges[1:], bottom) - np.maximum(edges[:-1], top), 0, self.cell) / self.cell
        return torch.tensor(np.outer(down, across).ravel(), dtype=torch.float32)


class Heads(nn.Module):
    """Attention pooling with learned queries over the tokens, then linear heads; two more heads on every token."""

    def __init__(self, width: int, cells: int, queries: int = 8) -> None:
        super().__init__()
        self.query = nn.Parameter(torch.randn(queries, width) * 0.05)
        self.place_embed = nn.Parameter(torch.randn(cells, width) * 0.02)
        self.norm_head = nn.LayerNorm(width)
        self.classes_head = nn.ModuleDict(
            {name: nn.Linear(queries * width, len(all_)) for name, all_ in CLASSES.items()}
        )
        self.size_head = nn.Linear(queries * width + 1, 64)
        self.size_out_head = nn.Linear(64, 1)
        self.hu_head = nn.Linear(queries * width, 1)
        self.token_head = nn.Linear(width, 3)

    def forward(self, tokens: Tensor, field: Tensor) -> dict[str, Tensor]:
        """Tokens [batch, cells, width] to logits and values by name; `where` [batch, cells, 3] = row, column, boxed."""
        where = self.token_head(tokens)
        tokens = self.norm_head(tokens)
        weights = ((tokens + self.place_embed) @ self.query.T / tokens.shape[-1] ** 0.5 * 4).softmax(dim=1)
        pooled = torch.einsum("bcq,bcw->bqw", weights, tokens + self.place_embed).flatten(1)
        out = {name: head(pooled) for name, head in self.classes_head.items()}
        hidden = functional.gelu(self.size_head(torch.cat([pooled, field[:, None]], dim=1)))
        return {**out, "size": self.size_out_head(hidden)[:, 0], "hu": self.hu_head(pooled)[:, 0], "where": where}


def losses(out: dict[str, Tensor], batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """One loss a target; size only where there is a lesion."""
    found = {name: functional.cross_entropy(out[name].float(), batch[name]) for name in CLASSES}
    lesion = batch["size"] > 0
    found["size"] = functional.smooth_l1_loss(out["size"].float()[lesion], batch["size"][lesion]) * 2
    found["hu"] = functional.smooth_l1_loss(out["hu"].float(), batch["hu"])
    cells = out["where"].shape[1]
    edge = int(cells**0.5)
    place = torch.stack(torch.meshgrid(torch.linspace(-1, 1, edge), torch.linspace(-1, 1, edge), indexing="ij"), dim=-1)
    found["place"] = functional.mse_loss(
        out["where"][..., :2].float(), place.reshape(1, cells, 2).expand(len(lesion), -1, -1)
    )
    found["boxed"] = functional.binary_cross_entropy_with_logits(out["where"][..., 2].float(), batch["boxed"]) * 2
    return found


def warm_up(config: Config, model: Any, processor: Any, bank: Bank, resume: bool, reins: Reins) -> int:
    """Train `model.model.visual` in place, with checkpoints; a finished warm-up is loaded, not repeated.

    Returns the steps done: fewer than planned where the reader asked to stop, and then there is a checkpoint.
    """
    plan, file = config.warmup, config.out / WARMED
    torch.manual_seed(config.seed)
    visual = model.model.visual
    heads = Heads(model.config.text_config.hidden_size, (CANVAS.side // Targets(processor).cell) ** 2)
    optimiser = MuonAdamW(groups_of((visual, heads), plan.muon_lr, plan.adam_lr))
    base = [group["lr"] for group in optimiser.param_groups]
    step = _restored(file, visual, heads, optimiser) if resume and file.is_file() else 0
    loader = _loader(config, processor, bank, step)
    if config.train.compile and step < plan.steps:
        compiled(model, text=False)
    begun, shown = time.monotonic(), step
    with quick_vision():
        for batch in loader:
            rate = rate_at(step, plan.steps, 20, plan.flat)
            for group, lr in zip(optimiser.param_groups, base, strict=True):
                group["lr"] = lr * rate
            found = _step(visual, heads, optimiser, batch, config.train.bf16)
            step += 1
            if step % config.train.log_steps == 0 or step == plan.steps:
                speed = (step - shown) * plan.batch / (time.monotonic() - begun)
                left = round((plan.steps - step) * plan.batch / max(speed, 1e-9))
                told = {"lr": base[0] * rate, "samples_per_s": round(speed, 1), "eta_s": left, **found}
                emit(phase="warmup", step=step, of=plan.steps, **told)
                begun, shown = time.monotonic(), step
            before = reins.waited_s
            going = reins.go_on(step)
            begun += reins.waited_s - before
            if step % config.train.checkpoint_steps == 0 or step == plan.steps or not going:
                _save(file, step, visual, heads, optimiser, base)
            if not going:
                break
    return step


def _loader(config: Config, processor: Any, bank: Bank, step: int) -> DataLoader[Any]:
    """Batches from a step on."""
    batch, workers = config.warmup.batch, config.train.workers
    samples = Samples(
        bank,
        config.seed + 1_000_003,
        max(config.warmup.steps - step, 0) * batch,
        start=step * batch,
        real=config.data.real,
        no_inset=config.data.no_inset,
    )
    ahead = 4 if workers else None
    return DataLoader(
        samples, batch, num_workers=workers, collate_fn=Targets(processor), prefetch_factor=ahead, shuffle=False
    )


def _restored(file: Path, visual: nn.Module, heads: Heads, optimiser: MuonAdamW) -> int:
    """The step of a checkpoint, its state put in place."""
    saved = torch.load(file, weights_only=True)
    visual.load_state_dict(saved["visual"])
    heads.load_state_dict(saved["heads"])
    optimiser.load_state_dict(saved["optimiser"])
    return int(saved["step"])


def _step(
    visual: nn.Module, heads: Heads, optimiser: MuonAdamW, batch: dict[str, Tensor], bf16: bool
) -> dict[str, float]:
    count = len(batch["kind"])
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        tokens = visual(batch["pixel_values"], grid_thw=batch["image_grid_thw"]).pooler_output
        out = heads(tokens.float().view(count, -1, tokens.shape[-1]), batch["field"])
    found = losses(out, batch)
    loss = torch.stack(list(found.values())).sum()
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    right = {f"acc_{name}": (out[name].argmax(1) == batch[name]).float().mean() for name in CLASSES}
    values = {"loss": loss, **found, **right}
    return {name: round(float(value.detach()), 3) for name, value in values.items()}


def _save(file: Path, step: int, visual: nn.Module, heads: Heads, optimiser: MuonAdamW, base: list[float]) -> None:
    """Written beside, then moved: a kill leaves the old checkpoint whole."""
    if not first_process():
        return
    for group, lr in zip(optimiser.param_groups, base, strict=True):
        group["lr"] = lr
    state = {
        "step": step,
        "visual": visual.state_dict(),
        "heads": heads.state_dict(),
        "optimiser": optimiser.state_dict(),
    }
    part = file.with_suffix(".part")
    torch.save(state, part)
    part.replace(file)
