"""Which parameters go to which rate."""

import torch

from training.optim import groups_of


def test_adapters_have_one_group_so_that_the_rate_which_is_logged_is_theirs() -> None:
    layer = torch.nn.Module()
    layer.lora_a = torch.nn.Parameter(torch.zeros(2, 2))
    (group,) = groups_of((layer,), muon_lr=0.01, adam_lr=1e-3)
    assert group["lr"] == 1e-3
    assert not group["muon"]
