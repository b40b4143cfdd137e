"""What a deployment costs by standing there: building its images once, and an idle month."""

from collections.abc import Mapping

from deploy_scripts.costs import usage as assumed
from deploy_scripts.costs.component import (
    SHIPPED,
    Component,
    DatedPrices,
    Prices,
    Section,
    component,
)
from deploy_scripts.costs.template_facts import INFERENCE, TemplateFacts, known_parameters, read_facts
from functions.capacity_review.metrics import metric_count
from functions.common.prices import HOURS_A_MONTH
from functions.drift_review.answers import metric_count as drift_metric_count

# Resource type of a template -> the name of its line, its price, and how much of that a month has.
_MONTHLY: dict[str, tuple[str, str, float]] = {
    "AWS::CloudWatch::Dashboard": ("dashboards", "cloudwatch/dashboard", 1),
    "AWS::KMS::Key": ("keys of KMS", "kms/key", 1),
    "AWS::EC2::NatGateway": ("NAT gateways", "vpc/nat-gateway", HOURS_A_MONTH),
}


def build_cost(parameters: Mapping[str, str], prices: Prices = SHIPPED) -> list[Component]:
    """Building the container images: once, and again when they change."""
    facts = read_facts(parameters)
    minutes = assumed.BUILD_MINUTES
    return [
        component(
            "building both images",
            f"codebuild/{facts.build_compute}",
            minutes,
            prices,
            f"{minutes:g} minutes assumed",
        )
    ]


def monthly_cost(
    parameters: Mapping[str, str], prices: Prices = SHIPPED, *, serves: bool = True
) -> list[Component]:
    """A month in which nothing is dropped and nothing asked. `parameters` as `dropserve deploy` takes them.

    Without `serves` nothing is live, or what is live is paused. `prices` are the shipped ones of us-east-1
    unless given. Raises CliError for a parameter that is wrong.
    """
    facts = read_facts(parameters)
    return [
        *(_serving(facts, prices) if serves else []),
        component(
            "alarms",
            "cloudwatch/alarm",
            len(facts.of_type("AWS::CloudWatch::Alarm")),
            prices,
            "the template's",
        ),
        *_by_resource(facts, prices),
        *_key(facts, prices),
        component("container images", "ecr/storage", assumed.IMAGES_GB, prices, "2 GB assumed"),
        component("storage", "s3/storage", assumed.STORED_GB, prices, "1 GB of drops and models assumed"),
        component("logs", "cloudwatch/logs-ingested", assumed.IDLE_LOG_GB, prices, "0.1 GB assumed"),
        *_audits(facts, prices),
        *_capacity_reviews(facts, prices),
        *_leftover_looks(facts, prices),
        *_drift_reviews(facts, prices),
    ]


def idle_month_usd(parameters: Mapping[str, str], region: str, *, serves: bool) -> float:
    """The sum of monthly_cost by the shipped prices, for a deployment whose template may be another one."""
    known = known_parameters(parameters)
    section = Section("", tuple(monthly_cost(known, DatedPrices(region), serves=serves)))
    return round(section.total_usd, 2)


def idle_cost_sentence(parameters: Mapping[str, str], region: str) -> str:
    """For the alarm of a deployment that nobody asks."""
    served, paused = (idle_month_usd(parameters, region, serves=serves) for serves in (True, False))
    return (
        f"While a model is live a month costs about ${served:.0f} by list prices of {region}, "
        f"and ${paused:.0f} once it is paused: dropserve pause"
    )


def _serving(facts: TemplateFacts, prices: Prices) -> list[Component]:
    """What a live release adds, until it is paused."""
    if facts.parameters["EndpointKind"] == "serverless":
        return _provisioned_concurrency(facts, prices)
    instance_type, instances = facts.parameters["EndpointInstanceType"], facts.number("MinInstances")
    return [
        component(
            f"endpoint: {instances:g} x {instance_type}",
            f"sagemaker-hosting/{instance_type}",
            instances * HOURS_A_MONTH,
            prices,
            f"MinInstances; up to {facts.number('MaxInstances'):g} under load",
        ),
        *_provisioned_concurrency(facts, prices),
        component(
            "alarms of autoscaling", "cloudwatch/alarm", assumed.SCALING_ALARMS, prices, "of target tracking"
        ),
    ]


def _provisioned_concurrency(facts: TemplateFacts, prices: Prices) -> list[Component]:
    environments = facts.number("ProvisionedConcurrency")
    gb = environments * facts.memory_mb[INFERENCE] / 1024
    return [
        component(
            f"provisioned concurrency: {environments:g} of {facts.memory_mb[INFERENCE]} MB",
            f"lambda/provisioned/{facts.parameters['Architecture']}",
            gb * HOURS_A_MONTH * 3600,
            prices,
            "none where the account's limit is that of a new account",
        )
    ]


def _by_resource(facts: TemplateFacts, prices: Prices) -> list[Component]:
    """The resources of the template that cost by standing there."""
    found = []
    for resource_type, (name, price_name, a_month) in _MONTHLY.items():
        if count := len(facts.of_type(resource_type)):
            found.append(component(name, price_name, count * a_month, prices, f"{count} in the template"))
    interfaces = [
        max(1, len(each.get("SubnetIds", [])))
        for each in facts.of_type("AWS::EC2::VPCEndpoint")
        if each.get("VpcEndpointType") == "Interface"
    ]
    if interfaces:
        hours = sum(interfaces) * HOURS_A_MONTH
        note = f"{len(interfaces)} in the template, {sum(interfaces)} with their subnets"
        found.append(component("interface endpoints", "vpc/interface-endpoint", hours, prices, note))
    return found


def _key(facts: TemplateFacts, prices: Prices) -> list[Component]:
    """The person's own key, which nobody else may use."""
    if not facts.parameters["KmsKeyArn"]:
        return []
    return [component("key of KMS", "kms/key", 1, prices, "KmsKeyArn; without its requests")]


def _audits(facts: TemplateFacts, prices: Prices) -> list[Component]:
    gb_s = assumed.AUDITS_A_MONTH * assumed.FUNCTION_S * facts.memory_mb["IamAuditFunction"] / 1024
    price_name = f"lambda/duration/{facts.parameters['Architecture']}"
    note = f"{assumed.AUDITS_A_MONTH} a month, {assumed.FUNCTION_S:g} s each assumed"
    return [component("the daily audit", price_name, gb_s, prices, note)]


def _capacity_reviews(facts: TemplateFacts, prices: Prices) -> list[Component]:
    gb_s = assumed.REVIEWS_A_MONTH * assumed.REVIEW_S * facts.memory_mb["CapacityReviewFunction"] / 1024
    price_name = f"lambda/duration/{facts.parameters['Architecture']}"
    note = f"{assumed.REVIEWS_A_MONTH} a month, {assumed.REVIEW_S:g} s each assumed"
    metrics = metric_count(with_endpoint=True)
    read = assumed.REVIEWS_A_MONTH * metrics
    return [
        component("the daily capacity review", price_name, gb_s, prices, note),
        component("metrics that it reads", "cloudwatch/metric-read", read, prices, f"{metrics} by each"),
    ]


def _leftover_looks(facts: TemplateFacts, prices: Prices) -> list[Component]:
    gb_s = assumed.LEFTOVER_LOOKS_A_MONTH * assumed.FUNCTION_S * facts.memory_mb["JanitorFunction"] / 1024
    price_name = f"lambda/duration/{facts.parameters['Architecture']}"
    note = f"one a week, {assumed.FUNCTION_S:g} s each assumed"
    return [component("the weekly look for leftovers", price_name, gb_s, prices, note)]


def _drift_reviews(facts: TemplateFacts, prices: Prices) -> list[Component]:
    if facts.parameters["DriftReview"] == "off":
        return []
    gb_s = assumed.REVIEWS_A_MONTH * assumed.FUNCTION_S * facts.memory_mb["DriftReviewFunction"] / 1024
    price_name = f"lambda/duration/{facts.parameters['Architecture']}"
    note = f"{assumed.REVIEWS_A_MONTH} a month, {assumed.FUNCTION_S:g} s each assumed"
    metrics = drift_metric_count()
    read = assumed.REVIEWS_A_MONTH * metrics
    return [
        component("the daily review of drift", price_name, gb_s, prices, note),
        component("counts that it reads", "cloudwatch/metric-read", read, prices, f"{metrics} by each"),
    ]
