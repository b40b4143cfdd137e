"""The endpoint `$release_name`: started, awaited, scaled, its function given concurrency, its answers tested.

A release does so, and so does a resume; `when` tells the states of the two apart.
"""

from collections.abc import Sequence
from typing import Any

from contracts.workflow import ENDPOINT_LOGS, NAME_TAKEN, RUN_TAG, SCALING_TARGET, scaling_policy
from state_machines.common.outcome import Finish, own_error
from state_machines.common.polling import OUT_OF_POLLS, out_of_polls, poll
from state_machines.common.settings import KMS_KEY
from state_machines.common.teardown import scaling_resource
from state_machines.language.flow import Stage, best_effort, in_order
from state_machines.language.sdk import Catch, Choice, State, Task, jsonata, without_nothing
from state_machines.language.tasks import KEEP_ERROR, call, catch, invoke_function

TAGS = [{"Key": RUN_TAG, "Value": jsonata("$run.id")}]
# What is assigned of DescribeEndpoint's answer.
_REASON = "$exists($states.result.FailureReason) ? $states.result.FailureReason : ''"
DESCRIBED: dict[str, Any] = {
    "endpoint": {
        "status": jsonata("$states.result.EndpointStatus"),
        "reason": jsonata(_REASON),
        "serverless": jsonata("$exists($states.result.ProductionVariants[0].CurrentServerlessConfig)"),
    }
}
# What the function that sets the concurrency has to tell, at the end of a reason.
CONCURRENCY_NOTE = "($concurrency.note != '' ? '; ' & $concurrency.note : '')"


def create_log_group(when: str = "") -> Stage:
    """SageMaker would make it without an end to its logs."""
    name = {"LogGroupName": jsonata(f"'{ENDPOINT_LOGS}' & $release_name")}
    api = "aws-sdk:cloudwatchlogs"
    encrypted = without_nothing({**name, "KmsKeyId": KMS_KEY})
    create = call(f"Create endpoint log group{when}", f"{api}:createLogGroup", encrypted, on_error=None)
    days = {**name, "RetentionInDays": 30}
    retain = call(f"Set log retention{when}", f"{api}:putRetentionPolicy", days, on_error=None)
    return in_order(best_effort(create), best_effort(retain))


def create_once(what: str, task: Task, finish: Finish) -> Stage:
    """A Task, made with `on_error` None, that creates something of this run's own name.

    Where the name is taken, an earlier try has made it, and its answer was lost.
    """
    taken = Choice(f"{what} there already?")
    task.add_catch(catch(taken, assign=KEEP_ERROR))
    taken.next(finish.failed)

    def leave(following: State) -> None:
        taken.when(f"$contains($error.Cause & '', '{NAME_TAKEN}')", following)

    return Stage(task, (task.next, leave))


def start_endpoint(finish: Finish, when: str = "", *, catches: Sequence[Catch] = ()) -> Stage:
    """From the configuration of the same name."""
    name = jsonata("$release_name")
    create = call(
        f"Create endpoint{when}",
        "sagemaker:createEndpoint",
        {"EndpointName": name, "EndpointConfigName": name, "Tags": TAGS},
        catches=catches,
        on_error=None,
    )
    return create_once(f"Endpoint{when}", create, finish)


def await_endpoint(finish: Finish, when: str = "") -> Stage:
    """Wait until it is in service."""
    describe = call(
        f"Describe endpoint{when}",
        "aws-sdk:sagemaker:describeEndpoint",
        {"EndpointName": jsonata("$release_name")},
        assign=DESCRIBED,
        on_error=finish.failed,
    )
    ready = Choice(f"Endpoint in service{when}?")
    ready.when("$endpoint.status = 'Failed'", finish.failed, own_error("EndpointFailed", "$endpoint.reason"))
    not_yet = "$endpoint.status != 'InService'"
    ready.when(f"{not_yet} and {OUT_OF_POLLS}", finish.failed, out_of_polls("endpoint"))
    ready.when(not_yet, poll(f"endpoint{when}", then=describe))
    return in_order(describe, ready)


def autoscale(finish: Finish, when: str = "") -> Stage:
    """Target, then policy: registered one after the other, since the second fails without the first.

    A serverless endpoint, of this deployment's parameters or of earlier ones, has no instances to count.
    """
    scaled = Choice(f"Has instances{when}?")
    target = {**SCALING_TARGET, "ResourceId": scaling_resource("$release_name")}
    register = call(
        f"Register scaling target{when}",
        "aws-sdk:applicationautoscaling:registerScalableTarget",
        {
            **target,
            "MinCapacity": jsonata("$settings.min_instances"),
            "MaxCapacity": jsonata("$settings.max_instances"),
        },
        on_error=finish.failed,
    )
    policy = call(
        f"Put scaling policy{when}",
        "aws-sdk:applicationautoscaling:putScalingPolicy",
        {
            **target,
            **scaling_policy(jsonata("$settings.target_invocations_per_instance")),
        },
        on_error=finish.failed,
    )
    scaling = in_order(register, policy)
    scaled.when("$endpoint.serverless = false", register)
    return Stage(scaled, (scaled.next, *scaling.exits))


def set_concurrency(finish: Finish, when: str = "") -> Stage:
    """Reserved and provisioned concurrency of the inference function, where the account has room for it.

    A function does it, step by step: which of the two changes first depends on both.
    """
    step = invoke_function(
        f"Set concurrency{when}",
        "${SetConcurrencyFunction}",
        {"run": jsonata("$run"), "paused": False},
        assign={"concurrency": jsonata("$states.result.Payload")},
        on_error=finish.failed,
    )
    ready = Choice(f"Concurrency ready{when}?")
    what = "provisioned concurrency"
    ready.when(f"$concurrency.ready = false and {OUT_OF_POLLS}", finish.failed, out_of_polls(what))
    ready.when("$concurrency.ready = false", poll(f"{what}{when}", then=step))
    return in_order(step, ready)


def accept_model(name: str, *, on_error: State | None, sample_uri: str = "$verdict.acceptance_uri") -> Task:
    """It must answer test photos, through the inference function, as its graph did in training.

    `sample_uri` is the expression of the address of the sample. `on_error` None leaves the Catch to
    best_effort().
    """
    return invoke_function(
        name,
        "${AcceptModelFunction}",
        {
            "run": jsonata("$run"),
            "acceptance_uri": jsonata(sample_uri),
            "endpoint_name": jsonata("$release_name"),
        },
        assign={"acceptance": jsonata("$states.result.Payload")},
        on_error=on_error,
    )
