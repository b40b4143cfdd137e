"""AdamW, by torch's own function; its class would import torch's compiler, seconds before the first step."""

from collections.abc import Iterable
from typing import Any

import torch
from torch.optim.adamw import adamw


class AdamW:
    """Adam with decoupled weight decay, https://arxiv.org/abs/1711.05101: the steps of torch.optim.AdamW."""

    def __init__(self, parameters: Iterable[torch.nn.Parameter], weight_decay: float) -> None:
        self._parameters = list(parameters)
        self._weight_decay = weight_decay
        self._steps = [torch.tensor(0.0) for _ in self._parameters]
        self._means = [torch.zeros_like(weight) for weight in self._parameters]
        self._squares = [torch.zeros_like(weight) for weight in self._parameters]

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Change the parameters by their gradients, and forget those; all of them have one."""
        adamw(
            self._parameters,  # type: ignore[arg-type]  # a parameter is a tensor
            [weight.grad for weight in self._parameters],  # type: ignore[misc]  # all have one
            self._means,
            self._squares,
            [],
            self._steps,
            amsgrad=False,
            beta1=0.9,
            beta2=0.999,
            lr=rate,
            weight_decay=self._weight_decay,
            eps=1e-8,
            maximize=False,
        )
        for weight in self._parameters:
            weight.grad = None

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"steps": self._steps, "means": self._means, "squares": self._squares}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave, on the parameters' devices."""
        self._steps = state["steps"]
        for name, own in (("means", self._means), ("squares", self._squares)):
            for tensor, saved in zip(own, state[name], strict=True):
                tensor.copy_(saved)
