"""Any input of an execution is planned for or refused with a sentence, and no fault of it is unexpected."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.training_job import CHOICES, HYPERPARAMETERS
from contracts.workflow import OVERRIDES
from functions.common.observability import metrics
from functions.plan_training import handler as handler_module
from tests.support.fuzzing import json_values, texts

RUN_ID = "0123456789abcdef" * 2
CONTEXT = SimpleNamespace(
    function_name="plan",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:plan",
    aws_request_id="1",
)
# Half of the values are near to what is allowed: all else is refused at the first look.
near_numbers = st.integers(-2, 700) | st.floats(-1, 2) | st.sampled_from([0.5, "5", True, 1e308])
hyperparameter_values = (
    st.sampled_from([*CHOICES["backbone"], "none", "balanced"]) | near_numbers | json_values
)
hyperparameters_given = (
    st.dictionaries(st.sampled_from(HYPERPARAMETERS) | texts, hyperparameter_values, max_size=4) | json_values
)
values_by_name = {
    "hyperparameters": hyperparameters_given,
    "backend": st.sampled_from(["sagemaker", "ec2"]) | json_values,
    "instance_type": st.sampled_from(["ml.c5.xlarge", "c5.xlarge", "ml.", "ml.ml.c5.xlarge"]) | json_values,
    "force": st.booleans() | json_values,
}
executions = st.fixed_dictionaries(
    {},
    optional={
        **{name: values_by_name.get(name, near_numbers | json_values) for name in OVERRIDES},
        "Key": json_values,
    },
)


@pytest.fixture
def deployed(bucket: Any, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """The deployment's bucket, behind a handler that finds no live model."""
    pointer = SimpleNamespace(get_parameter=lambda **_: {"Parameter": {"Value": "{}"}})
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(metrics, "namespace", "dropserve")
    quotas = SimpleNamespace(get_paginator=lambda _: SimpleNamespace(paginate=pages_of_few_quotas))
    clients = {"s3": bucket, "ssm": pointer, "service-quotas": quotas}
    monkeypatch.setattr(handler_module, "client", clients.__getitem__)
    return bucket


def pages_of_few_quotas(**_: Any) -> Any:
    """One instance of ml.c5.xlarge may train, and none of ml.m5.xlarge."""
    values = {"ml.c5.xlarge for training job usage": 1.0, "ml.m5.xlarge for training job usage": 0.0}
    yield {"Quotas": [{"QuotaName": name, "QuotaCode": "L-1", "Value": values[name]} for name in values]}


@given(executions)
def test_any_input_is_planned_or_refused_with_a_sentence(deployed: Any, overrides: dict[str, Any]) -> None:
    event = {
        "run": {"id": RUN_ID, "bucket": "data-bucket", "key": "drops/1.zip", "version_id": "v1"},
        # As Lambda gets it: numbers beyond a float become infinite.
        "overrides": json.loads(json.dumps(overrides)),
        "inspection": {
            "image_count": 400,
            "total_bytes": 400 * 60_000,
            "dataset_uri": "s3://data-bucket/snapshots/1/dataset.zip",
            "layout_sha256": "5" * 64,
            "folder_sha256": None,
            "findings": "",
        },
    }

    plan = handler_module.handler(event, CONTEXT)

    assert plan["reason"].isprintable() or not plan["accepted"]
    assert plan["accepted"] or plan["reason"].startswith(
        ("bad overrides: ", "too expensive: ", "too long: ", "no quota: ")
    )
    assert json.loads(deployed.objects[f"runs/{RUN_ID}/plan.json"]) == json.loads(json.dumps(plan))
