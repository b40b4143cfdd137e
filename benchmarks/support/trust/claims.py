"""A claim of a part of benchmarks/trust.py: a figure, and what it must be."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Claim:
    """The figure must be no less than `least`, and no more than `most`, where there is one."""

    what: str
    figure: float
    least: float | None = None
    most: float | None = None

    @property
    def held(self) -> bool:
        return (self.least is None or self.figure >= self.least) and (
            self.most is None or self.figure <= self.most
        )


def describe(claims: Sequence[Claim], **details: Any) -> dict[str, Any]:
    """A part's results: whether all claims hold, the claims, and what they come from."""
    return {
        "held": all(claim.held for claim in claims),
        "claims": [{**asdict(claim), "held": claim.held} for claim in claims],
        **details,
    }
