"""When an endpoint's answers agree with those of the served graph in training, and the figures of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

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
# Of an unknown score, in deviations. Measured on 30 photos of the demo's food and spices, int8, answers with
# AVX2 against those with SSE4.1: off by 0.012 at most. Not measured on ARM.
UNKNOWN_TOLERANCE = 0.25


class AcceptanceError(DropserveError):
    """The endpoint does not answer test photos, or not as the served graph did in training."""


class Answer(NamedTuple):
    """Predictions, the likeliest first; and of a model that can tell whether the photo is unknown to it."""

    predictions: Sequence[Document]
    unknown: bool | None = None
    unknown_score: float | None = None


@dataclass(frozen=True)
class Comparison:
    """One photo: the likeliest class and its probability, expected and answered; the largest difference.

    `unknown_fault` is a phrase on the unknown score where that is another; empty where it is not.
    """

    photo: str
    expected: Document
    answered: Document
    difference: float
    agrees: bool
    unknown_fault: str = ""


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


def compare_all(sample: Document, answers: Sequence[Answer]) -> Agreement:
    """Each photo's answer with what acceptance.json expects of it."""
    threshold = sample.get("unknown_threshold")
    comparisons = [compare(*pair, threshold) for pair in zip(sample["photos"], answers, strict=True)]
    return Agreement(sample["precision"], comparisons)


def compare(photo: Document, answer: Answer, unknown_threshold: float | None = None) -> Comparison:
    """One photo: each probability must be within the tolerance, and the likeliest class the same.

    It may be another where the first two are nearer to each other than the tolerance. The unknown score must
    be within its own, and the photo unknown where it is above the threshold, but for a near tie.
    """
    expected, first_answered = photo["predictions"], answer.predictions[0]
    answered = {each["label"]: each["probability"] for each in answer.predictions}
    difference = max(_difference(each, answered) for each in expected)
    first, *others = expected
    near_tie = any(first["probability"] - each["probability"] < PROBABILITY_TOLERANCE for each in others)
    agrees = difference <= PROBABILITY_TOLERANCE and (near_tie or first["label"] == first_answered["label"])
    fault = _unknown_fault(photo, answer, unknown_threshold)
    return Comparison(photo["photo"], first, first_answered, difference, agrees and not fault, fault)


def _unknown_fault(photo: Document, answer: Answer, threshold: float | None) -> str:
    """Nothing is expected of a model that cannot tell, or that was trained before this was compared."""
    expected: float | None = photo.get("unknown_score")
    if expected is None or threshold is None:
        return ""
    if answer.unknown_score is None:
        return f"no unknown score instead of {expected:.3f}"
    if abs(answer.unknown_score - expected) > UNKNOWN_TOLERANCE:
        return f"unknown score {answer.unknown_score:.3f} instead of {expected:.3f}"
    near_tie = abs(expected - threshold) <= UNKNOWN_TOLERANCE
    if not near_tie and answer.unknown != (expected > threshold):
        return f"called {'unknown' if answer.unknown else 'known'} with {answer.unknown_score:.3f}"
    return ""


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
        f"'{printable(expected['label'], _NAME_CHARACTERS)}' {expected['probability']:.3f}"
        f"{f'; {odd.unknown_fault}' if odd.unknown_fault else ''})"
    )
