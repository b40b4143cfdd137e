"""The same month of work done in other ways on AWS, at the same prices."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from deploy_scripts.costs.component import SHIPPED, Component, Prices, Section, component
from deploy_scripts.costs.month import monthly_cost
from deploy_scripts.costs.predictions import prediction_cost
from deploy_scripts.costs.run import run_cost, training_cost
from deploy_scripts.costs.template_facts import read_facts
from deploy_scripts.costs.usage import PREDICTION_S, Usage
from functions.common.prices import HOURS_A_MONTH

# The course project that dropserve is compared with serves on this type, and trains and works on t3.medium.
REFERENCE_ENDPOINT = "ml.t2.medium"
REFERENCE_MACHINE = "t3.medium"
PROCESSING_TYPE = "ml.m5.xlarge"
# A pipeline inspects the photos before the training and judges the model after it, a processing job each.
PROCESSING_JOBS = 2
PROCESSING_MINUTES = 10
SERVERLESS_MEMORY = "3GB"


@dataclass(frozen=True)
class Scenario:
    """A month: a run a week, and predictions evenly spread."""

    work: Usage
    runs: float = 52 / 12
    predictions: int = 100_000


def compare(parameters: Mapping[str, str], scenario: Scenario, prices: Prices = SHIPPED) -> list[Section]:
    """Dropserve with these parameters first; then other ways that train and answer as often."""
    return [
        _dropserve(parameters, scenario, prices),
        _pipelines(parameters, scenario, prices),
        _notebook(parameters, scenario, prices),
        _always_on(scenario, prices),
        _serverless(parameters, scenario, prices),
    ]


def _dropserve(parameters: Mapping[str, str], scenario: Scenario, prices: Prices) -> Section:
    runs = [
        replace(each, name=f"runs: {each.name}", quantity=each.quantity * scenario.runs)
        for each in run_cost(parameters, scenario.work, prices)
    ]
    predictions = [
        replace(each, name=f"predictions: {each.name}")
        for each in prediction_cost(parameters, scenario.predictions, scenario.work, prices)
    ]
    return Section("dropserve", (*monthly_cost(parameters, prices), *runs, *predictions))


def _pipelines(parameters: Mapping[str, str], scenario: Scenario, prices: Prices) -> Section:
    hours = scenario.runs * PROCESSING_JOBS * PROCESSING_MINUTES / 60
    note = f"{PROCESSING_JOBS} of {PROCESSING_MINUTES} minutes a run assumed"
    return Section(
        "SageMaker Pipelines",
        (
            _endpoint(read_facts(parameters).parameters["EndpointInstanceType"], prices),
            _training(parameters, scenario, prices),
            component("processing jobs", f"sagemaker-processing/{PROCESSING_TYPE}", hours, prices, note),
            _endpoint_data(scenario, prices),
        ),
    )


def _notebook(parameters: Mapping[str, str], scenario: Scenario, prices: Prices) -> Section:
    return Section(
        "a notebook, left on",
        (
            component("notebook instance", "sagemaker-notebook/ml.t3.medium", HOURS_A_MONTH, prices),
            _training(parameters, scenario, prices),
            _endpoint(REFERENCE_ENDPOINT, prices),
            _endpoint_data(scenario, prices),
        ),
    )


def _always_on(scenario: Scenario, prices: Prices) -> Section:
    note = "trains too: no hour is added for that"
    return Section(
        f"always on: {REFERENCE_ENDPOINT} and {REFERENCE_MACHINE}",
        (
            _endpoint(REFERENCE_ENDPOINT, prices),
            component("EC2 instance", f"ec2/{REFERENCE_MACHINE}", HOURS_A_MONTH, prices, note),
            _endpoint_data(scenario, prices),
        ),
    )


def _serverless(parameters: Mapping[str, str], scenario: Scenario, prices: Prices) -> Section:
    seconds = scenario.predictions * PREDICTION_S
    note = f"{PREDICTION_S:g} s each assumed"
    return Section(
        f"a serverless endpoint of {SERVERLESS_MEMORY.removesuffix('GB')} GB",
        (
            component(
                "time of the endpoint", f"sagemaker-serverless/{SERVERLESS_MEMORY}", seconds, prices, note
            ),
            _training(parameters, scenario, prices),
            _endpoint_data(scenario, prices),
        ),
    )


def _endpoint(instance_type: str, prices: Prices) -> Component:
    price_name = f"sagemaker-hosting/{instance_type}"
    return component(f"endpoint: 1 x {instance_type}", price_name, HOURS_A_MONTH, prices, "not autoscaled")


def _training(parameters: Mapping[str, str], scenario: Scenario, prices: Prices) -> Component:
    """As dropserve's on SageMaker: the same photos on the same machine."""
    once = training_cost(read_facts(parameters), replace(scenario.work, backend="sagemaker"), prices)
    return replace(once, quantity=once.quantity * scenario.runs)


def _endpoint_data(scenario: Scenario, prices: Prices) -> Component:
    gigabytes = scenario.predictions * scenario.work.photo_bytes / 1e9
    return component("photos to the endpoint", "sagemaker-hosting/data", gigabytes, prices)
