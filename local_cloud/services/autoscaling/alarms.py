"""The two CloudWatch alarms that Application Auto Scaling keeps for a target-tracking policy."""

import uuid
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local_cloud.service import AwsError
from local_cloud.services.autoscaling.resources import VariantResource
from local_cloud.services.autoscaling.target_tracking import HIGH_PERIODS, LOW_PERIODS, LOW_SHARE
from local_cloud.services.aws_clients import ClientFactory
from local_cloud.services.sagemaker.names import account_of, region_of

_PERIOD_S = 60


class Alarms:
    """They show in CloudWatch what a policy watches; the scaler itself decides by the endpoint's counters."""

    def __init__(self, clients: ClientFactory) -> None:
        self._clients = clients

    def put(self, resource: VariantResource, policy_arn: str, target_value: float) -> list[dict[str, str]]:
        """Makes both alarms; returns PutScalingPolicy's Alarms.

        Raises AwsError FailedResourceAccessException when CloudWatch refuses.
        """
        _, endpoint_name, _, variant = resource.resource_id.split("/")
        made = []
        for kind, comparison, threshold, periods in (
            ("AlarmHigh", "GreaterThanThreshold", target_value, HIGH_PERIODS),
            ("AlarmLow", "LessThanThreshold", target_value * LOW_SHARE, LOW_PERIODS),
        ):
            identity = uuid.uuid5(uuid.NAMESPACE_URL, f"{policy_arn} {kind}")
            name = f"TargetTracking-{resource.resource_id}-{kind}-{identity}"
            try:
                self._client(resource).put_metric_alarm(
                    AlarmName=name,
                    AlarmDescription="DO NOT EDIT OR DELETE. For TargetTrackingScaling policy " + policy_arn,
                    Namespace="AWS/SageMaker",
                    MetricName="InvocationsPerInstance",
                    Dimensions=[
                        {"Name": "EndpointName", "Value": endpoint_name},
                        {"Name": "VariantName", "Value": variant},
                    ],
                    Statistic="Sum",
                    Period=_PERIOD_S,
                    EvaluationPeriods=periods,
                    Threshold=threshold,
                    ComparisonOperator=comparison,
                    AlarmActions=[policy_arn],
                )
            except (BotoCoreError, ClientError) as error:
                raise AwsError(
                    "FailedResourceAccessException", f"The alarm cannot be made: {error}"
                ) from error
            region, account = region_of(resource.endpoint_arn), account_of(resource.endpoint_arn)
            made.append(
                {"AlarmName": name, "AlarmARN": f"arn:aws:cloudwatch:{region}:{account}:alarm:{name}"}
            )
        return made

    def delete(self, resource: VariantResource, alarms: list[dict[str, str]]) -> None:
        """Deletes the alarms of a policy. Raises AwsError FailedResourceAccessException."""
        try:
            self._client(resource).delete_alarms(AlarmNames=[alarm["AlarmName"] for alarm in alarms])
        except (BotoCoreError, ClientError) as error:
            raise AwsError(
                "FailedResourceAccessException", f"The alarms cannot be deleted: {error}"
            ) from error

    def _client(self, resource: VariantResource) -> Any:
        role = (
            f"arn:aws:iam::{account_of(resource.endpoint_arn)}:role/aws-service-role/"
            "sagemaker.application-autoscaling.amazonaws.com/"
            "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
        )
        return self._clients("cloudwatch", role, region_of(resource.endpoint_arn))
