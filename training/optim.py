"""The optimiser: Muon for the weight matrices of the layers, AdamW for all else (embeddings, norms, patch filter).

Muon (Jordan et al. 2024) orthogonalises the momentum of each matrix; small transformers learn in about half the steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)


class MuonAdamW(torch.optim.Optimizer):
    """Groups with `muon` true hold matrices; `lr` of both kinds follows one schedule."""

    def __init__(self, groups: Iterable[dict[str, Any]]) -> None:
        super().__init__(list(groups), {"lr": 1e-3, "muon": False, "weight_decay": 0.0})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One update of every parameter that has a gradient."""
        del closure
        for group in self.param_groups:
            for parameter in group["params"]:
                slope = parameter.grad
                if slope is None:
                    continue
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                update = self._muon(parameter, slope) if group["muon"] else self._adam(parameter, slope)
                parameter.add_(update, alpha=-group["lr"])

    def _muon(self, parameter: Tensor, slope: Tensor) -> Tensor:
        state = self.state[parameter]
        if not state:
            state["momentum"] = torch.zeros_like(parameter)
        momentum = state["momentum"].mul_(0.95).add_(slope, alpha=0.05)
        rows, columns = parameter.shape
        return orthogonal(slope.lerp(momentum, 0.95)).mul(max(1.0, rows / columns) ** 0.5)

    def _adam(self, parameter: Tensor, slope: Tensor) -> Tensor:
        state = self.state[parameter]
        if not state:
            state.update(step=torch.zeros(()), mean=torch.zeros_like(parameter), square=torch.zeros_like(parameter))
        state["step"] += 1
        mean, square = state["mean"], state["square"]
        mean.lerp_(slope, 0.1)
        square.lerp_(slope.square(), 0.02)
        count = float(state["step"])
        scale: Tensor = (square / (1 - 0.98**count)).sqrt() + 1e-9
        update: Tensor = mean / (1 - 0.9**count) / scale
        return update


def orthogonal(matrix: Tensor) -> Tensor:
    """The nearest half-orthogonal matrix, by five Newton-Schulz steps in bf16."""
    a, b, c = NEWTON_SCHULZ
    x = matrix.bfloat16()
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    x = x / (x.norm() + 1e-7)
    for _ in range(5):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    result: Tensor = x.T if tall else x
    return result.to(matrix.dtype)


def groups_of(modules: Iterable[nn.Module], muon_lr: float, adam_lr: float) -> list[dict[str, Any]]:
    """Parameter groups: 2D weights inside layers go to Muon; the rest, heads and adapters to AdamW."""
    matrices: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    seen: set[int] = set()
    for module in modules:
        for name, parameter in module.named_parameters():
            if id(parameter) in seen or not parameter.requires_grad:
                continue
            seen.add(id(parameter))
            hidden = parameter.ndim == 2 and not any(part in name for part in ("embed", "head", "query", "lora"))
            (matrices if hidden else others).append(parameter)
    groups: list[dict[str, Any]] = [
        {"params": matrices, "lr": muon_lr, "muon": True, "weight_decay": 0.02},
        {"params": others, "lr": adam_lr, "muon": False, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]  # the first one's rate is logged: adapters have no matrices


def rate_at(step: int, steps: int, warm: int, flat: float) -> float:
    """Share of the full learning rate: a short rise, a flat part, a straight fall to zero."""
    fall = (steps - step) / max(steps * (1 - flat), 1)
    return max(0.0, min(1.0, (step + 1) / max(warm, 1), fall))
