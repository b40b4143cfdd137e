"""What the state machine knows from its deployment: the template replaces each ${Name} by its value."""

from typing import Any

from state_machines.language.sdk import jsonata

# What a run brings comes in base64, whose letters no shell takes for anything else, in the place of its name.
EC2_USER_DATA = """#!/bin/bash
export DROPSERVE_JOB_NAME="$(base64 -d <<<'{job_name}')"
export DROPSERVE_PLAN_URI="$(base64 -d <<<'{plan_uri}')"
export DROPSERVE_DEADLINE_S="$(base64 -d <<<'{deadline_s}')"
export DROPSERVE_TASK_TOKEN="$(base64 -d <<<'{task_token}')"
export DROPSERVE_CODE_URI='${TrainingCodeUri}'
export DROPSERVE_LOG_GROUP='${Ec2LogGroup}' AWS_DEFAULT_REGION='${Region}'
[ -n "$HOME" ] || export HOME=/root
cd "$HOME"
aws s3 cp --only-show-errors '${Ec2BootUri}' ec2_boot.sh && bash ec2_boot.sh
shutdown -h now
"""


def _number(name: str) -> str:
    """A deployment parameter as a JSON number: a substitution inside quotes would stay a string."""
    return jsonata(f"$number('${{{name}}}')")


def _names(name: str) -> str:
    """A deployment's list of names, with commas between, as a JSON list."""
    return jsonata(f"[$split('${{{name}}}', ',')[$ != '']]")


# The key of all that is stored; nothing where the deployment has none.
KMS_KEY = jsonata("$settings.kms_key_arn != '' ? $settings.kms_key_arn")

SETTINGS: dict[str, Any] = {
    "kms_key_arn": "${KmsKeyArn}",
    "model_package_group": "${ModelPackageGroupName}",
    "poll_s": _number("PollSeconds"),
    "poll_limit": _number("PollLimit"),
    "drain_s": _number("DrainSeconds"),
    "canary_percent": _number("CanaryPercent"),
    "canary_s": _number("CanarySeconds"),
    "canary_alarms": _names("CanaryAlarms"),
    "bake_s": _number("BakeSeconds"),
    "live_alarms": _names("LiveAlarms"),
    "min_instances": _number("MinInstances"),
    "max_instances": _number("MaxInstances"),
    "target_invocations_per_instance": _number("TargetInvocationsPerInstance"),
    # A list, since asl-validator takes no text of several lines.
    "ec2_user_data": EC2_USER_DATA.splitlines(),
}
