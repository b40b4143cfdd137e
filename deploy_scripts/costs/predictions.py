"""What predictions cost on top of an idle month."""

import math
from collections.abc import Mapping

from contracts.drift import METRIC_COUNT
from deploy_scripts.costs import usage as assumed
from deploy_scripts.costs.component import SHIPPED, Component, Prices, component
from deploy_scripts.costs.template_facts import INFERENCE, TemplateFacts, read_facts
from deploy_scripts.costs.usage import Usage
from functions.common.prices import HOURS_A_MONTH


def prediction_cost(
    parameters: Mapping[str, str],
    count: int,
    work: Usage,
    prices: Prices = SHIPPED,
) -> list[Component]:
    """So many predictions in a month, evenly spread: what they cost on top of the idle month."""
    facts = read_facts(parameters)
    processor = facts.parameters["Architecture"]
    duration = "provisioned-duration" if facts.number("ProvisionedConcurrency") else "duration"
    return [
        _endpoint(facts, count, prices),
        component("calls of the function", "lambda/request", count, prices),
        component(
            "time of the function",
            f"lambda/{duration}/{processor}",
            count * assumed.PREDICTION_S * facts.memory_mb[INFERENCE] / 1024,
            prices,
            f"{assumed.PREDICTION_S:g} s each assumed",
        ),
        component(
            "photos to the endpoint",
            "sagemaker-hosting/data",
            count * work.photo_bytes / 1e9,
            prices,
            f"{work.photo_bytes:,} bytes each",
        ),
        component(
            "logs",
            "cloudwatch/logs-ingested",
            count * assumed.PREDICTION_LOG_BYTES / 1e9,
            prices,
            "2 kB each assumed",
        ),
        component(
            "metrics",
            "cloudwatch/metric",
            len(facts.dashboard_metrics),
            prices,
            "those of the dashboard, for each hour with a prediction",
        ),
        *_drift(facts, prices),
        component(
            "traces", "xray/trace", count, prices, "at most: the default rule takes one a second, and 5%"
        ),
        *_captures(facts, prices),
    ]


def _captures(facts: TemplateFacts, prices: Prices) -> list[Component]:
    """Of photos that are kept for a review, where some are: as many as may be."""
    if facts.parameters["CaptureShare"] == "0":
        return []
    a_day, days, size = facts.number("CapturesADay"), facts.number("CaptureDays"), assumed.CAPTURE_BYTES
    stored = f"at most CapturesADay x CaptureDays, {size:,} bytes each assumed"
    return [
        component("metrics of captured photos", "cloudwatch/metric", assumed.CAPTURE_METRICS, prices),
        component("captured photos written", "s3/put", a_day * assumed.DAYS_A_MONTH, prices, "CapturesADay"),
        component("captured photos stored", "s3/storage", a_day * days * size / 1e9, prices, stored),
    ]


def _drift(facts: TemplateFacts, prices: Prices) -> list[Component]:
    """What the inference function counts for the daily review of drift."""
    if facts.parameters["DriftReview"] == "off":
        return []
    note = "DriftReview=on: of one release, for each hour with a prediction"
    return [component("counts for the review of drift", "cloudwatch/metric", METRIC_COUNT, prices, note)]


def _endpoint(facts: TemplateFacts, count: int, prices: Prices) -> Component:
    """Its instances beyond those of an idle month; of a serverless one the time that it works."""
    if facts.parameters["EndpointKind"] == "serverless":
        memory_gb = facts.number("ServerlessMemoryMb") / 1024
        return component(
            f"time of the serverless endpoint of {memory_gb:g} GB",
            f"sagemaker-serverless/{memory_gb:g}GB",
            count * assumed.PREDICTION_S,
            prices,
            f"{assumed.PREDICTION_S:g} s each assumed",
        )
    instance_type, idle = facts.parameters["EndpointInstanceType"], facts.number("MinInstances")
    target = facts.number("TargetInvocationsPerInstance")
    a_minute = count / (HOURS_A_MONTH * 60)
    busy = min(math.ceil(a_minute / target), facts.number("MaxInstances"))
    return component(
        f"more instances of {instance_type}",
        f"sagemaker-hosting/{instance_type}",
        max(0.0, busy - idle) * HOURS_A_MONTH,
        prices,
        f"{a_minute:.0f} a minute; one instance is to take {target:g}",
    )
