"""What the workflow takes and writes: its input, the ledger, the live pointer, names in AWS."""

from __future__ import annotations

import re
from typing import Any, Literal

from contracts.bucket import RUN_ID

# The fields of an execution's input: which drop, what S3 told of it, and the token that is a part of the
# run's id (a drop that comes with the same one again is a duplicate),
DROP_FIELDS = ("source", "idempotency_token", "bucket", "key", "version_id", "sequencer", "event_time")
# the token of every drop that S3 tells of: one run a version of an object,
DROP_TOKEN = "one-run-a-version"  # noqa: S105 - no secret
# and what a person may change about one run.
OVERRIDES = (
    "backend",
    "instance_type",
    "instance_count",
    "hyperparameters",
    "min_accuracy",
    "max_cost_usd",
    "force",
)

# What an execution may be started for in the place of a drop; its input has `action`, and may say by
# `source` that nobody asked for it by hand. A rollback names the run to go back to, as `to`.
ROLLBACK = "rollback"
ACTIONS = ("pause", "resume", ROLLBACK)

# What a model has to be, beside the live one on the same test photos, to go live.
PromotionRule = Literal["better", "not_worse", "significantly_better"]

# How a run ends that was judged and is not released.
NotPromoted = Literal["champion_kept", "rejected"]
# A run's status in the ledger; `replaced` and `rolled_back` were live before, the last three are of actions.
Status = (
    Literal[
        "running",
        "live",
        "replaced",
        "rolled_back",
        "superseded",
        "blocked",
        "failed",
        "duplicate",
        "paused",
        "resumed",
        "restored",
    ]
    | NotPromoted
)

# How a run is recorded whose model is live, or was: a rollback can make it so again.
WERE_LIVE: tuple[Status, ...] = ("live", "replaced", "rolled_back")

# A release that is watched is looked at once a PollSeconds, and at most so often: an execution's history has
# 25,000 events.
MOST_LOOKS = 30

# The ledger's one item that is no run: who deploys now (NOBODY, or an execution), and which drop was released
# last.
DEPLOY_LOCK_ID = "deploy-lock"
NOBODY = "nobody"

# The tag, with the run's id, of everything that a run creates.
RUN_TAG = "dropserve:run"

# SageMaker's log group of an endpoint is this and the endpoint's name:
# https://docs.aws.amazon.com/sagemaker/latest/dg/logging-cloudwatch.html
ENDPOINT_LOGS = "/aws/sagemaker/Endpoints/"

# An endpoint's only variant: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProductionVariant.html
VARIANT = "AllTraffic"
SCALING_TARGET = {
    "ServiceNamespace": "sagemaker",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}

SCALE_OUT_COOLDOWN_S = 60
SCALE_IN_COOLDOWN_S = 300

# What SageMaker says of an endpoint that is not there, under the error code of any request that it refuses:
# https://github.com/aws/amazon-sagemaker-examples/issues/2402
NO_ENDPOINT = "Could not find endpoint"
# What it says of a model, configuration or endpoint whose name is taken:
# https://github.com/astronomer/astronomer-providers/issues/1055
NAME_TAKEN = "Cannot create already existing"

# The fields of the live pointer, an SSM parameter; the workflow writes `exposed_at` and `previous`
# beside them, `paused_at` while the release has no endpoint, and `canary` while a candidate gets a share of
# the requests.
LIVE_POINTER_FIELDS: dict[str, type | tuple[type, ...]] = {
    "release": str,
    "endpoint_name": str,
    "run_id": str,
    "model_data_uri": str,
    "accuracy": (int, float),
}


def release_of(stack: str, run_id: str) -> str:
    """What a run calls its model, endpoint config and endpoint; its training jobs' names begin so."""
    return f"{stack}-{run_id}"


def is_release(stack: str, name: str) -> bool:
    """Whether a model, endpoint config or endpoint is named as this deployment names its releases."""
    return re.fullmatch(release_of(re.escape(stack), RUN_ID), name) is not None


def scaling_resource(endpoint: str) -> str:
    """Application Auto Scaling's id of an endpoint's variant; `{}` for a name that comes later."""
    return f"endpoint/{endpoint}/variant/{VARIANT}"


def scaling_policy(target: Any) -> dict[str, Any]:
    """PutScalingPolicy's policy: target tracking of the invocations of an instance in a minute."""
    return {
        "PolicyName": "invocations-per-instance",
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": target,
            "PredefinedMetricSpecification": {
                "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
            },
            "ScaleOutCooldown": SCALE_OUT_COOLDOWN_S,
            "ScaleInCooldown": SCALE_IN_COOLDOWN_S,
        },
    }


def live_pointer_name(stack: str) -> str:
    """The SSM parameter that says which release of the deployment is live; the first release makes it."""
    return f"/{stack}/live"


def approval_secret_name(stack: str) -> str:
    """The SSM parameter with the secret that approvals are signed with; the first one makes it."""
    return f"/{stack}/approval-secret"


def applied_capacity_name(stack: str) -> str:
    """The SSM parameter that says what a capacity review has applied; the first one that applies makes it."""
    return f"/{stack}/capacity"
