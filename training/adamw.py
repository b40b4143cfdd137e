"""AdamW, as torch.optim has it: that one loads torch's compiler, a second that a small run would feel."""

from collections.abc import Iterable
from typing import Any

import torch

_BETA1, _BETA2 = 0.9, 0.999
_EPSILON = 1e-8


class AdamW:
    """Adam with decoupled weight decay, https://arxiv.org/abs/1711.05101; betas 0.9 and 0.999."""

    def __init__(self, parameters: Iterable[torch.Tensor], *, weight_decay: float) -> None:
        self._parameters = list(parameters)
        self._weight_decay = weight_decay
        self._steps = 0
        self._means = [torch.zeros_like(parameter) for parameter in self._parameters]
        self._squares = [torch.zeros_like(parameter) for parameter in self._parameters]

    @torch.no_grad()
    def step(self, loss: torch.Tensor, learning_rate: float) -> None:
        """Change the parameters by one step against the gradient of the loss."""
        gradients = torch.autograd.grad(loss, self._parameters)
        self._steps += 1
        correction1, correction2 = 1 - _BETA1**self._steps, 1 - _BETA2**self._steps
        for parameter, gradient, mean, square in zip(
            self._parameters, gradients, self._means, self._squares, strict=True
        ):
            mean.lerp_(gradient, 1 - _BETA1)
            square.mul_(_BETA2).addcmul_(gradient, gradient, value=1 - _BETA2)
            parameter.mul_(1 - learning_rate * self._weight_decay)
            deviation = (square / correction2).sqrt_().add_(_EPSILON)
            parameter.addcdiv_(mean, deviation, value=-learning_rate / correction1)

    def state(self) -> dict[str, Any]:
        """What a later run needs to go on."""
        return {"steps": self._steps, "means": self._means, "squares": self._squares}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self._steps = state["steps"]
        for kept, saved in ((self._means, state["means"]), (self._squares, state["squares"])):
            for tensor, value in zip(kept, saved, strict=True):
                tensor.copy_(value)
