"""What one run costs: the training that the plan estimates, and what the workflow around it uses."""

import math
from collections.abc import Mapping

from contracts.training_job import NUMBERS
from contracts.workflow import MOST_LOOKS
from deploy_scripts.costs import usage as assumed
from deploy_scripts.costs.component import SHIPPED, Component, Prices, component
from deploy_scripts.costs.template_facts import INFERENCE, TemplateFacts, read_facts
from deploy_scripts.costs.usage import Usage
from functions.plan_training.instance_choice import Option, Wishes, choose
from functions.plan_training.quotas import TrainingQuotas
from functions.plan_training.throughput import Workload


def run_cost(
    parameters: Mapping[str, str],
    work: Usage,
    prices: Prices = SHIPPED,
) -> list[Component]:
    """One run, from the drop to the switch: what the plan estimates, and what the workflow uses."""
    facts = read_facts(parameters)
    polls = math.ceil(assumed.ENDPOINT_START_S / facts.number("PollSeconds"))
    functions = {name: mb for name, mb in facts.memory_mb.items() if name != INFERENCE}
    seconds = dict.fromkeys(functions, assumed.FUNCTION_S)
    seconds["InspectDatasetFunction"] += assumed.INSPECTION_S_PER_PHOTO * work.photos
    gb_s = sum(mb / 1024 * seconds[name] for name, mb in functions.items())
    processor = facts.parameters["Architecture"]
    return [
        training_cost(facts, work, prices),
        component(
            "transitions of the state machine",
            "step-functions/transition",
            facts.state_count + assumed.STATES_A_POLL * polls + assumed.STATES_A_LOOK * _looks(facts),
            prices,
            "at most: each state once, the polls of a new endpoint, and the looks at one that is watched",
        ),
        component("calls of functions", "lambda/request", len(functions), prices),
        component(
            "time of functions",
            f"lambda/duration/{processor}",
            gb_s,
            prices,
            f"{assumed.FUNCTION_S:g} s a call assumed, and 5 ms a photo to inspect",
        ),
        component("writes to the ledger", "dynamodb/write", facts.database_writes, prices, "at most"),
        component("requests to S3", "s3/put", 100, prices, "100 assumed: a zip, its copy, reports"),
        component(
            "the drop and its copy for a month",
            "s3/storage",
            2 * work.total_bytes / 1e9,
            prices,
            f"{work.photo_bytes:,} bytes a photo",
        ),
        component("logs", "cloudwatch/logs-ingested", assumed.RUN_LOG_GB, prices, "10 MB assumed"),
        component("the event that starts it", "eventbridge/opt-in-event", 1, prices),
        *_watch(facts, prices),
        *_mails(facts, prices),
    ]


def _looks(facts: TemplateFacts) -> int:
    """How often a release is looked at while it is watched, wholly live and as a canary."""
    return sum(
        min(MOST_LOOKS, math.ceil(seconds / facts.number("PollSeconds"))) for seconds in _watched_s(facts)
    )


def _watched_s(facts: TemplateFacts) -> list[float]:
    canary_s = facts.number("CanarySeconds") if facts.parameters["CanaryPercent"] != "0" else 0.0
    return [facts.number("BakeSeconds"), canary_s]


def _watch(facts: TemplateFacts, prices: Prices) -> list[Component]:
    """The release before stands while the new one is watched; a first release is not."""
    hours, instance_type = sum(_watched_s(facts)) / 3600, facts.parameters["EndpointInstanceType"]
    if not hours or facts.parameters["EndpointKind"] == "serverless":
        return []
    return [
        component(
            "the endpoint before, while the new one is watched",
            f"sagemaker-hosting/{instance_type}",
            hours * facts.number("MinInstances"),
            prices,
            "BakeSeconds and CanarySeconds; not of a first release",
        )
    ]


def training_cost(facts: TemplateFacts, work: Usage, prices: Prices) -> Component:
    """The training of a first run: hours of the machine that plan_training would choose."""
    option = _planned(facts, work, prices.region)
    product = "sagemaker-training" if option.backend == "sagemaker" else "ec2"
    type_name = option.instance.name_on(option.backend)
    spot = ", managed spot assumed at half the price" if option.use_spot else ""
    return component(
        f"training on {type_name}",
        f"{product}/{type_name}",
        # Hours at the full price.
        option.training_s / 3600 * option.usd_per_hour / option.hour.usd,
        prices,
        f"the plan's estimate: {work.photos:,} photos, {option.training_s / 60:.1f} min{spot}",
    )


def _planned(facts: TemplateFacts, work: Usage, region: str) -> Option:
    numbers = {name: number.default for name, number in NUMBERS.items()}
    return choose(
        Workload(
            images=work.photos,
            total_bytes=work.total_bytes,
            backbone=facts.parameters["DefaultBackbone"],
            image_size=work.image_size,
            epochs=int(numbers["epochs"]),
            champion_share=numbers["test-share"],
            training_share=1 - numbers["valid-share"] - numbers["test-share"],
            views=int(numbers["views"]),
        ),
        Wishes(
            backend=work.backend,
            instance_name=None,
            use_spot=facts.parameters["UseSpot"] == "true",
            max_cost_usd=facts.number("MaxCostUsd"),
            region=region,
        ),
        TrainingQuotas(),
    )


def _mails(facts: TemplateFacts, prices: Prices) -> list[Component]:
    mails = len(facts.of_type("AWS::SNS::Subscription"))
    return [component("a mail of the outcome", "sns/email", mails, prices)] if mails else []
