"""Workflow and functions go by one rule: what is applied holds while the deployment has not changed."""

import json
from typing import Any

import jsonata
import pytest

from functions.common.applied_capacity import in_force
from state_machines.common.applied_capacity import IN_FORCE

DEPLOYED = {"min_instances": 1, "max_instances": 6, "target_invocations_per_instance": 600}
APPLIED = {"min_instances": 2, "max_instances": 9, "target_invocations_per_instance": 1500}


@pytest.mark.parametrize("changed", [{}, {"min_instances": 3}, {"max_instances": 4, "min_instances": 1}])
def test_both_take_the_same(changed: dict[str, int]) -> None:
    record: dict[str, Any] = {
        "values": {**APPLIED, "reserved_concurrency": 20, "provisioned_concurrency": 1},
        "instead_of": {**DEPLOYED, "reserved_concurrency": 6, "provisioned_concurrency": 3},
    }
    deployed = {**DEPLOYED, **changed}

    assert evaluated(record, {**deployed, "poll_s": 15}) == {**in_force(deployed, record), "poll_s": 15}


def evaluated(record: dict[str, Any], settings: dict[str, Any]) -> Any:
    expression = jsonata.Jsonata(IN_FORCE)
    expression.register_lambda("parse", json.loads)
    expression.assign("states", {"result": {"Parameter": {"Value": json.dumps(record)}}})
    expression.assign("settings", settings)
    return expression.evaluate(None)
