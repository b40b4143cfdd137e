"""Deploy: a new endpoint beside the one that serves, scaled and given concurrency."""

from typing import Any

from contracts.workflow import VARIANT
from state_machines.common.applied_capacity import read_applied_capacity
from state_machines.common.deploy_lock import acquire_deploy_lock
from state_machines.common.endpoint import (
    TAGS,
    autoscale,
    await_endpoint,
    create_log_group,
    create_once,
    set_concurrency,
    start_endpoint,
)
from state_machines.common.live_pointer import read_pointer
from state_machines.common.outcome import Finish
from state_machines.common.settings import KMS_KEY
from state_machines.common.supersede import check_current_version
from state_machines.language.flow import Stage, in_order
from state_machines.language.sdk import Choice, State, Task, jsonata, without_nothing
from state_machines.language.tasks import KEEP_ERROR, call, catch

_SERVERLESS = "$plan.endpoint_kind = 'serverless'"


def begin_deploy(finish: Finish) -> Stage:
    """The deploy lock is held from here on."""
    # Once more, with the lock held: training took its time.
    return in_order(acquire_deploy_lock(finish), check_current_version(finish, " before deploy"))


def deploy(finish: Finish, *, evaluate_again: State) -> Stage:
    """A candidate in service, named `$release_name`."""
    return in_order(
        read_applied_capacity(finish),
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
    # A rollback is not judged.
    other = "$exists($previous.run_id) and $previous.run_id != $verdict.judged_against"
    live.when(f"$not($exists($input.action)) and {other}", evaluate_again)
    read = read_pointer("Read live release", then=live, on_error=finish.failed)
    create = create_once("Model", _create_model(), finish)
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
            # One that somebody deleted, or that failed, is nothing to go back to.
            "previous_serves": jsonata("$states.result.EndpointStatus in ['InService', 'Updating']"),
        },
        on_error=create.start,
        error_assign=minimum,
    )
    describe.next(create.start)
    live.when("$type($previous.endpoint_name) = 'string'", describe)
    live.next(create.start)
    return Stage(read, create.exits)


def _create_model() -> Task:
    return call(
        "Create model",
        "sagemaker:createModel",
        without_nothing(
            {
                "ModelName": jsonata("$release_name"),
                "ExecutionRoleArn": "${SageMakerRoleArn}",
                "PrimaryContainer": {
                    "Image": jsonata("$plan.serving_image_uri"),
                    "ModelDataUrl": jsonata("$model_data_uri"),
                },
                # A serverless endpoint takes neither: https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html
                "EnableNetworkIsolation": jsonata(f"$not({_SERVERLESS})"),
                "VpcConfig": jsonata(f"$not({_SERVERLESS}) ? $plan.vpc_config"),
                "Tags": TAGS,
            }
        ),
        on_error=None,
    )


def create_endpoint(finish: Finish) -> Stage:
    """Configuration, endpoint, and the wait until it is in service.

    Where the account's quota has no room for as many instances as serve now, it starts with the minimum, and
    autoscaling does the rest once the previous endpoint is gone.
    """
    configuration = call(
        "Create endpoint configuration",
        "sagemaker:createEndpointConfig",
        without_nothing(
            {
                "KmsKeyId": KMS_KEY,
                **_configuration(
                    InstanceType=jsonata("$plan.endpoint_instance_type"),
                    InitialInstanceCount=jsonata("$instance_count"),
                ),
            }
        ),
        on_error=None,
    )
    serverless = call(
        "Create serverless configuration",
        "sagemaker:createEndpointConfig",
        _configuration(
            ServerlessConfig={
                "MemorySizeInMB": jsonata("$plan.serverless_memory_mb"),
                "MaxConcurrency": jsonata("$plan.serverless_max_concurrency"),
            }
        ),
        on_error=None,
    )
    minimum = {"instance_count": jsonata("$settings.min_instances")}
    delete_configuration = call(
        "Delete endpoint configuration",
        "aws-sdk:sagemaker:deleteEndpointConfig",
        {"EndpointConfigName": jsonata("$release_name")},
        assign=minimum,
        # Its answer may have been lost; if it is there still, the quota says so once more.
        on_error=configuration,
        error_assign=minimum,
    )
    delete_configuration.next(configuration)
    fewer = Choice("Fewer instances possible?")
    fewer.when(f"$not({_SERVERLESS}) and $instance_count > $settings.min_instances", delete_configuration)
    fewer.next(finish.failed)
    endpoint = start_endpoint(
        finish, catches=[catch(fewer, ["SageMaker.ResourceLimitExceededException"], assign=KEEP_ERROR)]
    )
    kind = Choice("Serverless endpoint?")
    kind.when(_SERVERLESS, serverless)
    kind.next(configuration)
    made = create_once("Endpoint configuration", configuration, finish)
    made_serverless = create_once("Serverless configuration", serverless, finish)
    configured = Stage(kind, (*made.exits, *made_serverless.exits))
    return in_order(create_log_group(), configured, endpoint, await_endpoint(finish))


def _configuration(**capacity: Any) -> dict[str, Any]:
    """An endpoint configuration with one variant of this capacity."""
    variant = {"VariantName": VARIANT, "ModelName": jsonata("$release_name"), **capacity}
    return {"EndpointConfigName": jsonata("$release_name"), "ProductionVariants": [variant], "Tags": TAGS}
