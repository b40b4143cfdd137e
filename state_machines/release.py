"""The third act: a new endpoint beside the one that serves, scaled and given concurrency."""

from typing import Any

from contracts.workflow import RUN_TAG, SCALING_TARGET, VARIANT
from state_machines.endings import Endings, note_error
from state_machines.polling import wait_and_count
from state_machines.states_language import Chain, Choice, ChoiceRule, Pass
from state_machines.take_down import scaling_resource
from state_machines.tasks import call

_TAGS = [{"Key": RUN_TAG, "Value.$": "$.run.id"}]


def read_live_release(endings: Endings, judge_again: Any) -> Chain:
    """Who serves now, and with how many instances: the new endpoint starts at the same count.

    A release that went live after the verdict is a champion that this model was not compared with: judge
    again, this time with the lock held.
    """
    read = call(
        "Read live release",
        "aws-sdk:ssm:getParameter",
        {"Name": "${LivePointerParameter}"},
        select={"live.$": "States.StringToJson($.Parameter.Value)"},
        into="$.previous",
        on_error=endings.failed,
    )
    start_small = Pass(
        "Start with the minimum",
        parameters={"instance_count.$": "$.settings.min_instances"},
        result_path="$.start",
    )
    count = call(
        "Count live instances",
        "aws-sdk:sagemaker:describeEndpoint",
        {"EndpointName.$": "$.previous.live.endpoint_name"},
        into="$.endpoint",
        on_error=start_small,
        error_into=None,
    )
    # The description of an endpoint that failed has no variants.
    known = Choice("Is their number known?")
    count_path = "$.endpoint.ProductionVariants[0].CurrentInstanceCount"
    as_many = Pass("Start with as many", parameters={"instance_count.$": count_path}, result_path="$.start")
    known.add_choice(ChoiceRule.IsPresent(count_path, True), as_many)
    known.default_choice(start_small)
    count.next(known)
    anyone = Choice("Does one serve already?")
    anyone.add_choice(
        ChoiceRule.And(
            [
                ChoiceRule.IsPresent("$.previous.live.endpoint_name", True),
                ChoiceRule.IsString("$.previous.live.endpoint_name", True),
            ]
        ),
        count,
    )
    create = _create_model(endings)
    as_many.next(create)
    newer = Choice("Was it judged against that one?")
    newer.add_choice(
        ChoiceRule.And(
            [
                ChoiceRule.IsPresent("$.previous.live.run_id", True),
                ChoiceRule.Not(
                    ChoiceRule.StringEqualsPath("$.previous.live.run_id", "$.verdict.answer.judged_against")
                ),
            ]
        ),
        judge_again,
    )
    return Chain([read, newer, anyone, start_small, create])


def _create_model(endings: Endings) -> Any:
    return call(
        "Create model",
        "sagemaker:createModel",
        {
            "ModelName.$": "$.release.name",
            "ExecutionRoleArn": "${SageMakerRoleArn}",
            "PrimaryContainer": {
                "Image.$": "$.plan.answer.serving_image_uri",
                "ModelDataUrl.$": "$.training.model_data_uri",
            },
            "Tags": _TAGS,
        },
        on_error=endings.failed,
    )


def create_endpoint(endings: Endings) -> Chain:
    """Configuration, endpoint, and the wait until it is in service."""
    configuration = call(
        "Create endpoint configuration",
        "sagemaker:createEndpointConfig",
        {
            "EndpointConfigName.$": "$.release.name",
            "ProductionVariants": [
                {
                    "VariantName": VARIANT,
                    "ModelName.$": "$.release.name",
                    "InstanceType.$": "$.plan.answer.endpoint_instance_type",
                    "InitialInstanceCount.$": "$.start.instance_count",
                }
            ],
            "Tags": _TAGS,
        },
        on_error=endings.failed,
    )
    endpoint = call(
        "Create endpoint",
        "sagemaker:createEndpoint",
        {"EndpointName.$": "$.release.name", "EndpointConfigName.$": "$.release.name", "Tags": _TAGS},
        on_error=endings.failed,
    )
    describe = call(
        "Describe endpoint",
        "aws-sdk:sagemaker:describeEndpoint",
        {"EndpointName.$": "$.release.name"},
        into="$.endpoint",
        on_error=endings.failed,
    )
    broken = note_error("Note endpoint failure", "EndpointFailed", "$.endpoint.FailureReason", endings)
    ready = Choice("Is it in service?")
    ready.add_choice(ChoiceRule.StringEquals("$.endpoint.EndpointStatus", "Failed"), broken)
    ready.add_choice(
        ChoiceRule.Not(ChoiceRule.StringEquals("$.endpoint.EndpointStatus", "InService")),
        wait_and_count("endpoint", describe, endings.failed),
    )
    return Chain([configuration, endpoint, describe, ready])


def autoscale(endings: Endings) -> Chain:
    """Target, then policy: registered one after the other, since the second fails without the first."""
    target = {**SCALING_TARGET, "ResourceId.$": scaling_resource("$.release.name")}
    register = call(
        "Register scaling target",
        "aws-sdk:applicationautoscaling:registerScalableTarget",
        {**target, "MinCapacity.$": "$.settings.min_instances", "MaxCapacity.$": "$.settings.max_instances"},
        on_error=endings.failed,
    )
    policy = call(
        "Put scaling policy",
        "aws-sdk:applicationautoscaling:putScalingPolicy",
        {
            **target,
            "PolicyName": "invocations-per-instance",
            "PolicyType": "TargetTrackingScaling",
            "TargetTrackingScalingPolicyConfiguration": {
                "TargetValue.$": "$.settings.target_invocations_per_instance",
                "PredefinedMetricSpecification": {
                    "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
                },
                "ScaleOutCooldown": 60,
                "ScaleInCooldown": 300,
            },
        },
        on_error=endings.failed,
    )
    return Chain([register, policy])


def set_concurrency(endings: Endings, then: Any) -> Chain:
    """Reserved and provisioned concurrency of the inference function, where the account's limit allows it."""
    limit = call(
        "Read account limit",
        "aws-sdk:lambda:getAccountSettings",
        {},
        select={"concurrent_executions.$": "$.AccountLimit.ConcurrentExecutions"},
        into="$.account",
        on_error=endings.failed,
    )
    roomy = Choice("Is there room for it?")
    roomy.add_choice(
        ChoiceRule.NumericLessThanPath(
            "$.account.concurrent_executions", "$.settings.needed_account_concurrency"
        ),
        then,
    )
    reserve = call(
        "Reserve concurrency",
        "aws-sdk:lambda:putFunctionConcurrency",
        {
            "FunctionName": "${InferenceFunction}",
            "ReservedConcurrentExecutions.$": "$.settings.reserved_concurrency",
        },
        on_error=endings.failed,
    )
    live_alias = {"FunctionName": "${InferenceFunction}", "Qualifier": "live"}
    provision = call(
        "Provision concurrency",
        "aws-sdk:lambda:putProvisionedConcurrencyConfig",
        {**live_alias, "ProvisionedConcurrentExecutions.$": "$.settings.provisioned_concurrency"},
        on_error=endings.failed,
    )
    read = call(
        "Read provisioned concurrency",
        "aws-sdk:lambda:getProvisionedConcurrencyConfig",
        live_alias,
        into="$.provisioned",
        on_error=endings.failed,
    )
    failed = note_error(
        "Note concurrency failure", "ProvisionedConcurrencyFailed", "$.provisioned.StatusReason", endings
    )
    ready = Choice("Is it ready?")
    ready.add_choice(ChoiceRule.StringEquals("$.provisioned.Status", "FAILED"), failed)
    ready.add_choice(
        ChoiceRule.Not(ChoiceRule.StringEquals("$.provisioned.Status", "READY")),
        wait_and_count("provisioned concurrency", read, endings.failed),
    )
    return Chain([limit, roomy, reserve, provision, read, ready, then])
