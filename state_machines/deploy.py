"""Deploy: a new endpoint beside the one that serves, scaled and given concurrency."""

from contracts.workflow import ENDPOINT_LOGS, RUN_TAG, SCALING_TARGET, VARIANT
from state_machines.deploy_lock import acquire_deploy_lock
from state_machines.language.flow import Stage, best_effort, in_order
from state_machines.language.sdk import Choice, State, jsonata
from state_machines.language.tasks import KEEP_ERROR, call, catch, invoke_function
from state_machines.outcome import Finish, own_error
from state_machines.polling import OUT_OF_POLLS, out_of_polls, poll
from state_machines.supersede import check_current_version
from state_machines.teardown import scaling_resource

_TAGS = [{"Key": RUN_TAG, "Value": jsonata("$run.id")}]


def deploy(finish: Finish, *, evaluate_again: State) -> Stage:
    """A candidate in service, named `$release_name`, with the deploy lock held from here on."""
    return in_order(
        acquire_deploy_lock(finish),
        # Once more, with the lock held: training took its time.
        check_current_version(finish, " before deploy"),
        read_live_release(finish, evaluate_again),
        create_endpoint(finish),
        autoscale(finish),
        set_concurrency(finish),
    )


def read_live_release(finish: Finish, evaluate_again: State) -> Stage:
    """Which release serves now, and on how many instances: the new endpoint starts with as many.

    A release that went live after the verdict is a champion that this model was not compared with: evaluate
    again, this time with the lock held.
    """
    minimum = {"instance_count": jsonata("$settings.min_instances"), "release_begun": True}
    live = Choice("Release live?", assign=minimum)
    live.when("$exists($previous.run_id) and $previous.run_id != $verdict.judged_against", evaluate_again)
    read = read_pointer("Read live release", then=live, on_error=finish.failed)
    create = _create_model(finish)
    # The description of an endpoint that failed has no variants.
    count = "$states.result.ProductionVariants[0].CurrentInstanceCount"
    bounded = f"$min([{count}, $settings.max_instances])"
    describe = call(
        "Describe live endpoint",
        "aws-sdk:sagemaker:describeEndpoint",
        {"EndpointName": jsonata("$previous.endpoint_name")},
        assign={
            "instance_count": jsonata(f"$exists({count}) ? {bounded} : $settings.min_instances"),
            "release_begun": True,
        },
        on_error=create,
        error_assign=minimum,
    )
    describe.next(create)
    live.when("$type($previous.endpoint_name) = 'string'", describe)
    live.next(create)
    return Stage(read, (create.next,))


def read_pointer(name: str, *, then: State, on_error: State) -> State:
    """The live release as `$previous`; `{}` before the first release, which makes the parameter."""
    read = call(
        name,
        "aws-sdk:ssm:getParameter",
        {"Name": "${LivePointerParameter}"},
        assign={"previous": jsonata("$parse($states.result.Parameter.Value)")},
        catches=[catch(then, ["Ssm.ParameterNotFoundException"], assign={"previous": {}})],
        on_error=on_error,
    )
    read.next(then)
    return read


def _create_model(finish: Finish) -> State:
    return call(
        "Create model",
        "sagemaker:createModel",
        {
            "ModelName": jsonata("$release_name"),
            "ExecutionRoleArn": "${SageMakerRoleArn}",
            "PrimaryContainer": {
                "Image": jsonata("$plan.serving_image_uri"),
                "ModelDataUrl": jsonata("$model_data_uri"),
            },
            "Tags": _TAGS,
        },
        on_error=finish.failed,
    )


def create_endpoint(finish: Finish) -> Stage:
    """Configuration, endpoint, and the wait until it is in service.

    Where the account's quota has no room for as many instances as serve now, it starts with the minimum, and
    autoscaling does the rest once the previous endpoint is gone.
    """
    configuration = call(
        "Create endpoint configuration",
        "sagemaker:createEndpointConfig",
        {
            "EndpointConfigName": jsonata("$release_name"),
            "ProductionVariants": [
                {
                    "VariantName": VARIANT,
                    "ModelName": jsonata("$release_name"),
                    "InstanceType": jsonata("$plan.endpoint_instance_type"),
                    "InitialInstanceCount": jsonata("$instance_count"),
                }
            ],
            "Tags": _TAGS,
        },
        on_error=finish.failed,
    )
    name = jsonata("$release_name")
    delete_configuration = call(
        "Delete endpoint configuration",
        "aws-sdk:sagemaker:deleteEndpointConfig",
        {"EndpointConfigName": name},
        assign={"instance_count": jsonata("$settings.min_instances")},
        on_error=finish.failed,
    )
    delete_configuration.next(configuration)
    fewer = Choice("Fewer instances possible?")
    fewer.when("$instance_count > $settings.min_instances", delete_configuration)
    fewer.next(finish.failed)
    endpoint = call(
        "Create endpoint",
        "sagemaker:createEndpoint",
        {"EndpointName": name, "EndpointConfigName": name, "Tags": _TAGS},
        catches=[catch(fewer, ["SageMaker.ResourceLimitExceededException"], assign=KEEP_ERROR)],
        on_error=finish.failed,
    )
    reason = "$exists($states.result.FailureReason) ? $states.result.FailureReason : ''"
    describe = call(
        "Describe endpoint",
        "aws-sdk:sagemaker:describeEndpoint",
        {"EndpointName": name},
        assign={"endpoint": {"status": jsonata("$states.result.EndpointStatus"), "reason": jsonata(reason)}},
        on_error=finish.failed,
    )
    ready = Choice("Endpoint in service?")
    ready.when("$endpoint.status = 'Failed'", finish.failed, own_error("EndpointFailed", "$endpoint.reason"))
    not_yet = "$endpoint.status != 'InService'"
    ready.when(f"{not_yet} and {OUT_OF_POLLS}", finish.failed, out_of_polls("endpoint"))
    ready.when(not_yet, poll("endpoint", then=describe))
    return in_order(_create_log_group(), configuration, endpoint, describe, ready)


def _create_log_group() -> Stage:
    """SageMaker would make it without an end to its logs."""
    name = {"LogGroupName": jsonata(f"'{ENDPOINT_LOGS}' & $release_name")}
    api = "aws-sdk:cloudwatchlogs"
    create = call("Create endpoint log group", f"{api}:createLogGroup", name, on_error=None)
    days = {**name, "RetentionInDays": 30}
    retain = call("Set log retention", f"{api}:putRetentionPolicy", days, on_error=None)
    return in_order(best_effort(create), best_effort(retain))


def autoscale(finish: Finish) -> Stage:
    """Target, then policy: registered one after the other, since the second fails without the first."""
    target = {**SCALING_TARGET, "ResourceId": scaling_resource("$release_name")}
    register = call(
        "Register scaling target",
        "aws-sdk:applicationautoscaling:registerScalableTarget",
        {
            **target,
            "MinCapacity": jsonata("$settings.min_instances"),
            "MaxCapacity": jsonata("$settings.max_instances"),
        },
        on_error=finish.failed,
    )
    policy = call(
        "Put scaling policy",
        "aws-sdk:applicationautoscaling:putScalingPolicy",
        {
            **target,
            "PolicyName": "invocations-per-instance",
            "PolicyType": "TargetTrackingScaling",
            "TargetTrackingScalingPolicyConfiguration": {
                "TargetValue": jsonata("$settings.target_invocations_per_instance"),
                "PredefinedMetricSpecification": {
                    "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
                },
                "ScaleOutCooldown": 60,
                "ScaleInCooldown": 300,
            },
        },
        on_error=finish.failed,
    )
    return in_order(register, policy)


def set_concurrency(finish: Finish) -> Stage:
    """Reserved and provisioned concurrency of the inference function, where the account has room for it.

    A function does it, step by step: which of the two changes first depends on both.
    """
    step = invoke_function(
        "Set concurrency",
        "${SetConcurrencyFunction}",
        {"run": jsonata("$run")},
        assign={"concurrency": jsonata("$states.result.Payload")},
        on_error=finish.failed,
    )
    ready = Choice("Concurrency ready?")
    what = "provisioned concurrency"
    ready.when(f"$concurrency.ready = false and {OUT_OF_POLLS}", finish.failed, out_of_polls(what))
    ready.when("$concurrency.ready = false", poll(what, then=step))
    return in_order(step, ready)
