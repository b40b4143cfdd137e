"""Teardown: a release, training instances, the deploy lock. What is not there is passed over."""

from contracts.workflow import DEPLOY_LOCK_ID, NO_ENDPOINT, NOBODY, RUN_TAG, SCALING_TARGET, VARIANT
from state_machines.language.flow import Stage, best_effort, in_order
from state_machines.language.sdk import Choice, State, jsonata
from state_machines.language.tasks import call, retry, text, update_item

# SageMaker refuses to delete an endpoint that is being created or updated: wait for it, 15 minutes at most.
_UNTIL_SETTLED = retry(["SageMaker.SageMakerException"], attempts=20, interval_s=5, max_delay_s=60)
# What is not there comes under the same error name as throttling: do not insist.
_ATTEMPTS = 1
# A timeout has no Cause.
_CAUSE = "$states.errorOutput.Cause"
_NOT_THERE = f"$exists({_CAUSE}) and $contains({_CAUSE}, '{NO_ENDPOINT}')"


def scaling_resource(endpoint: str) -> str:
    """The id of the scalable target of the endpoint that the expression `endpoint` names."""
    return jsonata(f"'endpoint/' & {endpoint} & '/variant/{VARIANT}'")


def teardown_release(which: str, name: str) -> Stage:
    """Remove the release that the expression `name` names: scaling target, endpoint, configuration, model.

    The scaling target goes first: autoscaling would go on changing an endpoint that is being deleted.
    """
    delete_configuration = call(
        f"Delete {which} configuration",
        "aws-sdk:sagemaker:deleteEndpointConfig",
        {"EndpointConfigName": jsonata(name)},
        attempts=_ATTEMPTS,
        on_error=None,
    )
    gone = Choice(f"{which.capitalize()} endpoint gone?")
    describe = call(
        f"Describe {which} endpoint",
        "aws-sdk:sagemaker:describeEndpoint",
        {"EndpointName": jsonata(name)},
        attempts=_ATTEMPTS,
        on_error=gone,
        error_assign={"endpoint_gone": jsonata(_NOT_THERE)},
    )
    deregister = call(
        f"Deregister {which} scaling",
        "aws-sdk:applicationautoscaling:deregisterScalableTarget",
        {**SCALING_TARGET, "ResourceId": scaling_resource(name)},
        on_error=None,
    )
    delete_endpoint = call(
        f"Delete {which} endpoint",
        "aws-sdk:sagemaker:deleteEndpoint",
        {"EndpointName": jsonata(name)},
        retries=[_UNTIL_SETTLED],
        on_error=None,
    )
    delete_model = call(
        f"Delete {which} model",
        "aws-sdk:sagemaker:deleteModel",
        {"ModelName": jsonata(name)},
        attempts=_ATTEMPTS,
        on_error=None,
    )
    # Whatever else hides the endpoint, it may be there, and is paid for.
    gone.when("$endpoint_gone = true", delete_configuration)
    gone.next(deregister)
    rest = (deregister, delete_endpoint, delete_configuration, delete_model)
    return in_order(describe, *(best_effort(each) for each in rest))


def teardown_candidate() -> Stage:
    """Remove what this run has begun to create; before that there is nothing to look for."""
    begun = Choice("Release begun?")
    candidate = teardown_release("candidate", "$release_name")
    begun.when("$release_begun", candidate.start)
    return Stage(begun, (begun.next, *candidate.exits))


def terminate_training() -> Stage:
    """Terminate the instances of this run that still train, found by their tag."""
    describe = call(
        "Describe training instances",
        "aws-sdk:ec2:describeInstances",
        {
            "Filters": [
                {"Name": f"tag:{RUN_TAG}", "Values": [jsonata("$run.id")]},
                {"Name": "instance-state-name", "Values": ["pending", "running"]},
            ]
        },
        # The brackets make a list also of one and of none.
        assign={"training_instance_ids": jsonata("[$states.result.Reservations.Instances.InstanceId]")},
        on_error=None,
    )
    running = Choice("Instances running?")
    terminate = call(
        "Terminate training instances",
        "aws-sdk:ec2:terminateInstances",
        {"InstanceIds": jsonata("$training_instance_ids")},
        on_error=None,
    )
    ending = best_effort(terminate)
    running.when("$count($training_instance_ids) > 0", terminate)
    found = in_order(best_effort(describe, {"training_instance_ids": []}), running)
    return Stage(found.start, (*found.exits, *ending.exits))


def release_deploy_lock() -> Stage:
    """A run that holds the deploy lock releases it."""
    release: State = update_item(
        "Release deploy lock",
        DEPLOY_LOCK_ID,
        {"holder": {"S": NOBODY}},
        condition="#holder = :me",
        condition_values={":me": text("$run.execution_arn")},
        on_error=None,
    )
    released = best_effort(release)
    holds = Choice("Deploy lock held?")
    holds.when("$lock_acquired", release)
    return Stage(holds, (holds.next, *released.exits))
