import torch
from float_tolerance import FEW_OPERATIONS

from adamw import AdamW

RATES = [0.01, 0.03, 0.02, 0.005]


def quadratic(parameters: list[torch.Tensor]) -> torch.Tensor:
    return sum(((parameter - 1) ** 2 * (index + 1)).sum() for index, parameter in enumerate(parameters))


def start() -> list[torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=random).requires_grad_() for shape in ((4, 3), (4,))]


def test_every_step_is_that_of_torch() -> None:
    ours, theirs = start(), start()
    optimizer = AdamW(ours, weight_decay=0.1)
    reference = torch.optim.AdamW(theirs, weight_decay=0.1)
    for rate in RATES:
        optimizer.step(quadratic(ours), rate)
        reference.param_groups[0]["lr"] = rate
        reference.zero_grad()
        quadratic(theirs).backward()
        reference.step()
        for one, other in zip(ours, theirs, strict=True):
            assert torch.allclose(
                one, other, rtol=len(RATES) * FEW_OPERATIONS, atol=len(RATES) * FEW_OPERATIONS * min(RATES)
            )


def test_it_goes_on_from_a_saved_state() -> None:
    through, stopped = start(), start()
    whole, first, second = (AdamW(part, weight_decay=0.1) for part in (through, stopped, stopped))
    for rate in RATES:
        whole.step(quadratic(through), rate)
    for rate in RATES[:2]:
        first.step(quadratic(stopped), rate)
    second.restore(first.state())
    for rate in RATES[2:]:
        second.step(quadratic(stopped), rate)
    assert all(torch.equal(one, other) for one, other in zip(through, stopped, strict=True))
