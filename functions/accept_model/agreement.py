"""When an endpoint's answers agree with those of the served graph in training, and the figures of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from drops.text import printable
from functions.common.errors import DropserveError

Document = Mapping[str, Any]

# Photos and letters of a name in the sentence of a refusal.
_NAMED = 3
_NAME_CHARACTERS = 60
_INT8_ADVICE = ". The graph is int8: train with the hyperparameter int8=never to serve float32"

# Graph, bytes, decoder and engine are those of training; only the processor is another. Measured on the 47
# test photos of a drop (efficientnet_lite0), answers with AVX2 and AVX-512 against those with AMX: float32 is
# off by less than 0.00001, int8 with 7-bit weights by 0.002. int8 with 8-bit weights overflows on x86 without
# VNNI and is 0.29 off, for 13 of 47 photos: another model than the one that was judged. See
# https://oneapi-src.github.io/oneDNN/dev_guide_int8_computations.html
PROBABILITY_TOLERANCE = 0.02


class AcceptanceError(DropserveError):
    """The endpoint does not answer test photos, or not as the served graph did in training."""


@dataclass(frozen=True)
class Comparison:
    """One photo: the likeliest class and its probability, expected and answered; the largest difference."""

    photo: str
    expected: Document
    answered: Document
    difference: float
    agrees: bool


@dataclass(frozen=True)
class Agreement:
    """All photos. Every one must agree: nothing but a near tie, which is allowed for, may differ by right."""

    precision: str
    comparisons: Sequence[Comparison]

    @property
    def odd(self) -> list[Comparison]:
        """The photos that disagree, the largest difference first."""
        odd = [each for each in self.comparisons if not each.agrees]
        return sorted(odd, key=lambda each: each.difference, reverse=True)

    @property
    def agreed(self) -> int:
        """How many agree."""
        return len(self.comparisons) - len(self.odd)

    @property
    def accepted(self) -> bool:
        """Whether all of them do."""
        return not self.odd

    @property
    def largest_difference(self) -> float:
        """Of one probability, over all photos."""
        return max(each.difference for each in self.comparisons)

    def describe(self) -> str:
        """The figures in one sentence of a bounded length; where it is refused, with the oddest photos."""
        figures = (
            f"{self.agreed} of {len(self.comparisons)} test photos as in training "
            f"(largest difference of a probability {self.largest_difference:.4f})"
        )
        if self.accepted:
            return f"the endpoint answers {figures}"
        named = ", ".join(_describe(each) for each in self.odd[:_NAMED])
        more = f", and {len(self.odd) - _NAMED} more" if len(self.odd) > _NAMED else ""
        advice = _INT8_ADVICE if self.precision == "int8" else ""
        return f"the endpoint answers only {figures}; otherwise: {named}{more}{advice}"


def compare_all(sample: Document, answers: Sequence[Sequence[Document]]) -> Agreement:
    """Each photo's answer (predictions, the likeliest first) with what acceptance.json expects of it."""
    comparisons = [compare(*pair) for pair in zip(sample["photos"], answers, strict=True)]
    return Agreement(sample["precision"], comparisons)


def compare(photo: Document, answer: Sequence[Document]) -> Comparison:
    """One photo: each probability must be within the tolerance, and the likeliest class the same.

    It may be another where the first two are nearer to each other than the tolerance.
    """
    expected = photo["predictions"]
    answered = {each["label"]: each["probability"] for each in answer}
    difference = max(_difference(each, answered) for each in expected)
    first, *others = expected
    near_tie = any(first["probability"] - each["probability"] < PROBABILITY_TOLERANCE for each in others)
    agrees = difference <= PROBABILITY_TOLERANCE and (near_tie or first["label"] == answer[0]["label"])
    return Comparison(photo["photo"], first, answer[0], difference, agrees)


def _difference(expected: Document, answered: Mapping[str, float]) -> float:
    """The least that it can be where the class is not among those answered: it is below all of them."""
    probability: float = expected["probability"]
    if expected["label"] in answered:
        return abs(probability - answered[expected["label"]])
    return max(0.0, probability - min(answered.values()))


def _describe(odd: Comparison) -> str:
    answered, expected = odd.answered, odd.expected
    return (
        f"{printable(odd.photo, _NAME_CHARACTERS)} "
        f"('{printable(answered['label'], _NAME_CHARACTERS)}' {answered['probability']:.3f} instead of "
        f"'{printable(expected['label'], _NAME_CHARACTERS)}' {expected['probability']:.3f})"
    )
