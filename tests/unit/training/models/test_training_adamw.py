"""The optimiser: torch's steps, without its compiler."""

import subprocess
import sys

import torch

from training.models.adamw import AdamW


def parameters() -> list[torch.nn.Parameter]:
    generator = torch.Generator().manual_seed(5)
    return [torch.nn.Parameter(torch.randn(shape, generator=generator)) for shape in ((4, 3), (4,))]


def loss(weights: list[torch.nn.Parameter], step: int) -> torch.Tensor:
    weight, bias = weights
    return ((weight.sum(1) * (step + 1) + bias) ** 2).mean()


def test_its_steps_are_torchs_and_go_on_from_a_saved_state() -> None:
    ours, torchs = parameters(), parameters()
    optimizer = AdamW(ours, 0.01)
    reference = torch.optim.AdamW(torchs, weight_decay=0.01)

    for step in range(20):
        rate = 0.1 / (step + 1)
        if step == 10:
            saved = optimizer.state_dict()
            optimizer = AdamW(ours, 0.01)
            optimizer.load_state_dict(saved)
        loss(ours, step).backward()
        optimizer.step(rate)
        reference.param_groups[0]["lr"] = rate
        reference.zero_grad()
        loss(torchs, step).backward()
        reference.step()

        assert all(torch.equal(one, other) for one, other in zip(ours, torchs, strict=True))


def test_a_step_imports_no_compiler() -> None:
    program = (
        "import sys, torch\n"
        "from training.models.adamw import AdamW\n"
        "weight = torch.nn.Parameter(torch.ones(2))\n"
        "weight.sum().backward()\n"
        "AdamW([weight], 0.0).step(0.1)\n"
        "sys.exit('torch._dynamo' in sys.modules)"
    )

    subprocess.run([sys.executable, "-c", program], check=True)
