"""What a scoring job costs, told before it starts."""

import math
from dataclasses import dataclass

from contracts.scoring import BATCH_PHOTOS, BATCHES_AN_INSTANCE
from deploy_scripts.costs import usage as assumed
from deploy_scripts.costs.component import SHIPPED, Component, Prices, component
from deploy_scripts.costs.template_facts import TemplateFacts, read_facts

# The states before and after the Map; a batch is an execution of its own with one state.
_STATES_AROUND, _TRANSITIONS_A_BATCH = 7, 2
# Whether a batch has its part is told by a listing, which costs what a PUT costs.
_PUTS_AND_LISTINGS_A_BATCH = 2
_OF_BASE64 = 4 / 3
_PHOTOS_A_LISTING = 1000  # MaxKeys of ListObjectsV2
# By the command, which counts them, and by the state machine.
_LISTINGS = 2


@dataclass(frozen=True)
class Pace:
    """Photos a second that one instance scores; `source` ends a sentence that tells it."""

    a_second: float
    source: str


ASSUMED = Pace(assumed.SCORED_A_SECOND, "assumed")


@dataclass(frozen=True)
class Scoring:
    """`batches_at_once` None: two an instance. `instance_type` None: a serverless endpoint."""

    photos: int
    total_bytes: int
    instance_type: str | None
    instances: int
    batches_at_once: int | None = None
    pace: Pace = ASSUMED

    @property
    def batches(self) -> int:
        return math.ceil(self.photos / BATCH_PHOTOS)

    @property
    def duration_s(self) -> float:
        """Of the endpoint, at work on nothing else."""
        return self.photos / (self.pace.a_second * self.instances)


def scoring_cost(work: Scoring, prices: Prices = SHIPPED) -> list[Component]:
    """What is paid for it; an endpoint of instances is paid for anyway while it stands."""
    facts = read_facts({})
    memory_gb = facts.memory_mb["ScorePhotosFunction"] / 1024
    join_gb_s = assumed.FUNCTION_S * facts.memory_mb["JoinScoresFunction"] / 1024
    at_once = work.batches_at_once or BATCHES_AN_INSTANCE * work.instances
    rate = f"{work.pace.a_second:.3g} photos a second and instance {work.pace.source}"
    return [
        _endpoint(work, facts, rate, prices),
        component(
            "photos to the endpoint",
            "sagemaker-hosting/data",
            work.total_bytes / 1e9 * _OF_BASE64,
            prices,
            "in base64, a third more than their bytes",
        ),
        component("calls of functions", "lambda/request", work.batches + 1, prices),
        component(
            "time of functions",
            f"lambda/duration/{facts.parameters['Architecture']}",
            work.duration_s * at_once * memory_gb + join_gb_s,
            prices,
            rate,
        ),
        component(
            "state transitions",
            "step-functions/transition",
            _STATES_AROUND + work.batches * _TRANSITIONS_A_BATCH,
            prices,
            f"{work.batches:,} batches of {BATCH_PHOTOS}",
        ),
        component("reads of photos and parts", "s3/get", work.photos + work.batches, prices),
        component(
            "parts of the result, and listings",
            "s3/put",
            _PUTS_AND_LISTINGS_A_BATCH * work.batches
            + _LISTINGS * math.ceil(work.photos / _PHOTOS_A_LISTING),
            prices,
        ),
    ]


def _endpoint(work: Scoring, facts: TemplateFacts, rate: str, prices: Prices) -> Component:
    if work.instance_type is None:
        memory_gb = facts.number("ServerlessMemoryMb") / 1024
        seconds = work.photos * assumed.PREDICTION_S
        return component(
            "time of the serverless endpoint",
            f"sagemaker-serverless/{memory_gb:g}GB",
            seconds,
            prices,
            f"{assumed.PREDICTION_S:g} s each assumed",
        )
    return component(
        f"endpoint at work: {work.instances} x {work.instance_type}",
        f"sagemaker-hosting/{work.instance_type}",
        work.instances * work.duration_s / 3600,
        prices,
        f"{rate}; it is paid for while it stands, scoring or not",
    )
