"""Taking a release down: scaling target, endpoint, configuration, model; what is not there is passed over."""

from typing import Any

from contracts import workflow
from contracts.workflow import SCALING_TARGET
from state_machines.tasks import call, retry

# SageMaker refuses to delete an endpoint that is being created or updated: wait for it, 15 minutes at most.
_UNTIL_SETTLED = retry(["SageMaker.SageMakerException"], attempts=20, interval_s=5, max_delay_s=60)


# What is not there comes under the same error name as throttling: do not insist.
_ATTEMPTS = 1


def take_down(which: str, name: str, then: Any) -> Any:
    """The chain that removes the release whose name is at the path `name`, then goes on to `then`.

    The scaling target goes first: autoscaling would go on changing an endpoint that is being deleted.
    """
    delete_model = call(
        f"Delete {which} model",
        "aws-sdk:sagemaker:deleteModel",
        {"ModelName.$": name},
        attempts=_ATTEMPTS,
        on_error=then,
        error_into=None,
    )
    delete_configuration = call(
        f"Delete {which} configuration",
        "aws-sdk:sagemaker:deleteEndpointConfig",
        {"EndpointConfigName.$": name},
        attempts=_ATTEMPTS,
        on_error=delete_model,
        error_into=None,
    )
    delete_endpoint = call(
        f"Delete {which} endpoint",
        "aws-sdk:sagemaker:deleteEndpoint",
        {"EndpointName.$": name},
        retries=[_UNTIL_SETTLED],
        on_error=delete_configuration,
        error_into=None,
    )
    deregister = call(
        f"Deregister {which} scaling",
        "aws-sdk:applicationautoscaling:deregisterScalableTarget",
        {**SCALING_TARGET, "ResourceId.$": scaling_resource(name)},
        on_error=delete_endpoint,
        error_into=None,
    )
    find = call(
        f"Find {which} endpoint",
        "aws-sdk:sagemaker:describeEndpoint",
        {"EndpointName.$": name},
        attempts=_ATTEMPTS,
        on_error=delete_configuration,
        error_into=None,
    )
    find.next(deregister)
    deregister.next(delete_endpoint)
    delete_endpoint.next(delete_configuration)
    delete_configuration.next(delete_model)
    delete_model.next(then)
    return find


def scaling_resource(name: str) -> str:
    """The intrinsic that names the scalable target of the endpoint whose name is at the path `name`."""
    return f"States.Format('{workflow.scaling_resource('{}')}', {name})"
