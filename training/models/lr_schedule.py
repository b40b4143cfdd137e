"""What an epoch's number alone decides: its random numbers and its learning rate; so none of it is saved."""

import math

import torch


def epoch_generator(seed: int, epoch: int) -> torch.Generator:
    """Random numbers of one epoch of one seed."""
    # Seeds that lie close together give unlike sequences, but equal ones must not meet: 1000 epochs at most.
    return torch.Generator().manual_seed(seed * 10_000 + epoch)


def learning_rate(peak: float, *, progress: float, warmup: int, epochs: int) -> float:
    """The rate after `progress` epochs (a fraction as well): a linear rise over `warmup` epochs, then half
    a cosine from `peak` down to a hundredth of it (https://arxiv.org/abs/1608.03983, without restarts).
    """
    if progress < warmup:
        return peak * (progress + 1) / (warmup + 1)
    share = (progress - warmup) / max(1, epochs - warmup)
    return peak * (0.01 + 0.99 * (1 + math.cos(math.pi * share)) / 2)
