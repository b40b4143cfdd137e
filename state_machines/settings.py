"""What the state machine knows from its deployment: the template replaces each ${Name} by its value."""

from typing import Any

# Braces are States.Format's placeholders, filled in the order of EC2_BOOT_ARGUMENTS. What a run brings comes
# in base64, whose letters no shell takes for anything else.
EC2_USER_DATA = """#!/bin/bash
export DROPSERVE_JOB_NAME="$(base64 -d <<<'{}')"
export DROPSERVE_PLAN_URI="$(base64 -d <<<'{}')"
export DROPSERVE_DEADLINE_S="$(base64 -d <<<'{}')"
export DROPSERVE_TASK_TOKEN="$(base64 -d <<<'{}')"
export DROPSERVE_CODE_URI='${TrainingCodeUri}'
export DROPSERVE_LOG_GROUP='${Ec2LogGroup}' AWS_DEFAULT_REGION='${Region}'
[ -n "$HOME" ] || export HOME=/root
cd "$HOME"
aws s3 cp --only-show-errors '${Ec2BootUri}' ec2_boot.sh && bash ec2_boot.sh
shutdown -h now
"""
EC2_BOOT_ARGUMENTS = [
    f"States.Base64Encode({value})"
    for value in (
        "States.Format('{}-{}', $.release.name, $$.State.RetryCount)",
        "$.plan.answer.plan_uri",
        "States.Format('{}', $.plan.answer.stopping_condition.MaxRuntimeInSeconds)",
        "$$.Task.Token",
    )
]


def _number(name: str) -> str:
    """A deployment parameter as a JSON number: a substitution inside quotes would stay a string."""
    return f"States.StringToJson('${{{name}}}')"


SETTINGS: dict[str, Any] = {
    "poll_s.$": _number("PollSeconds"),
    "poll_limit.$": _number("PollLimit"),
    "drain_s.$": _number("DrainSeconds"),
    "min_instances.$": _number("MinInstances"),
    "max_instances.$": _number("MaxInstances"),
    "target_invocations_per_instance.$": _number("TargetInvocationsPerInstance"),
    "reserved_concurrency.$": _number("ReservedConcurrency"),
    "provisioned_concurrency.$": _number("ProvisionedConcurrency"),
    # Lambda keeps 100 executions unreserved: https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
    "needed_account_concurrency.$": f"States.MathAdd(100, {_number('ReservedConcurrency')})",
    "ec2_user_data": EC2_USER_DATA,
}

# What the function that reads the input does not know; the rule sends its own claim.
INPUT_DEFAULTS: dict[str, Any] = {"bucket": "${DataBucket}", "claim.$": "$$.Execution.Name"}
