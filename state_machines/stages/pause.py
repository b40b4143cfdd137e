"""Pause: the live release keeps model, configuration and artefacts, but no endpoint. Resume: it gets one.

Both are executions of this state machine, so that none of them meets a run that deploys, and what is stopped
half way is cleaned up. Whatever ends half way while the pointer says paused ends as paused, since a paused
deployment is not paid for; a drop that is released ends a pause as well.
"""

from dataclasses import replace

from contracts.bucket import ACCEPTANCE, RUNS
from contracts.workflow import LIVE_POINTER_FIELDS, NO_ENDPOINT, SCALING_TARGET
from state_machines.common.applied_capacity import read_applied_capacity
from state_machines.common.deploy_lock import acquire_deploy_lock
from state_machines.common.endpoint import (
    CONCURRENCY_NOTE,
    DESCRIBED,
    accept_model,
    autoscale,
    await_endpoint,
    create_log_group,
    set_concurrency,
    start_endpoint,
)
from state_machines.common.live_pointer import read_pointer, switch_pointer
from state_machines.common.outcome import Finish, outcome, read_failure
from state_machines.common.polling import OUT_OF_POLLS, out_of_polls, poll
from state_machines.common.teardown import scaling_resource
from state_machines.language.flow import best_effort, in_order
from state_machines.language.sdk import Choice, Pass, State, Task, Wait, jsonata
from state_machines.language.tasks import call

_ENDED = "$exists($input.ended_execution)"
_PAUSED = "$exists($previous.paused_at)"
_MISSING = f"$contains($error.Cause & '', '{NO_ENDPOINT}')"
_SAMPLE_URI = f"'s3://' & $run.bucket & '/{RUNS}' & $previous.run_id & '/{ACCEPTANCE}'"
# What does not change of the pointer.
_KEPT = ", ".join(f"'{name}': $previous.{name}" for name in (*LIVE_POINTER_FIELDS, "exposed_at", "previous"))


def pause_or_resume(finish: Finish) -> State:
    """What an execution does that brings no drop; it leads to the states of `finish`."""
    down = take_endpoint_down(finish)
    name = {"release_name": jsonata("$previous.endpoint_name")}
    known = Choice("Anything live?", assign=name)
    nothing = outcome("rejected", "'no model is live: drop a dataset'")
    known.when("$exists($previous.endpoint_name) = false", finish.release_lock, nothing)
    # An execution that was stopped before it paused, or after it resumed, has left nothing half done.
    stopped = outcome("failed", "$input.ended_execution.reason")
    known.when(f"{_ENDED} and {_PAUSED}", down, {**stopped, **name})
    known.when(_ENDED, finish.release_lock, stopped)
    known.when("$input.action = 'resume'", resume(finish, down), name)
    known.next(pause(finish, down))
    lock = acquire_deploy_lock(finish, " to pause", brings_drop=False)
    read = read_pointer("Read release to pause", then=known, on_error=finish.failed)
    return in_order(lock, read).start


def pause(finish: Finish, down: State) -> State:
    """The pointer first, so that callers are told; then the endpoint, once nobody asks it any more."""
    since = f"{_PAUSED} ? $previous.paused_at : $states.context.State.EnteredTime"
    mark = switch_pointer(
        "Mark as paused",
        f"{{{_KEPT}, 'paused_at': {since}}}",
        finish,
        after=" before pause",
        assign=outcome("paused", "'the endpoint is gone: dropserve resume, or a drop, brings one back'"),
    )
    in_order(mark, Wait("Drain endpoint to pause", seconds=jsonata("$settings.drain_s"))).exits[0](down)
    return mark


def take_endpoint_down(finish: Finish) -> State:
    """Delete the endpoint `$release_name` until it is gone, then the concurrency; `$outcome` is said then."""
    start = Pass("Take endpoint down", assign={"polls": 0})
    gone = Choice("Endpoint gone?")
    describe = _describe(" to pause", on_error=gone)
    wait = poll("endpoint to go", then=describe)
    gone.when(_MISSING, finish.idle)
    gone.when(OUT_OF_POLLS, finish.failed, out_of_polls("end of the endpoint"))
    going = Choice("Endpoint going?")
    going.when(OUT_OF_POLLS, finish.failed, out_of_polls("end of the endpoint"))
    going.when("$endpoint.status = 'Deleting'", wait)
    # Autoscaling would go on changing an endpoint that is being deleted.
    deregister = call(
        "Deregister scaling to pause",
        "aws-sdk:applicationautoscaling:deregisterScalableTarget",
        {**SCALING_TARGET, "ResourceId": scaling_resource("$release_name")},
        on_error=None,
    )
    # Whatever else hides the endpoint, it may be there, and is paid for.
    gone.next(deregister)
    in_order(start, describe, going, best_effort(deregister), best_effort(_delete(" to pause")), wait)
    return start


def resume(finish: Finish, down: State) -> State:
    """The endpoint again, from the configuration that was kept; tried like a new one before it serves."""
    # Of a deployment that was not paused, the endpoint may serve.
    before = Choice("Paused before resume?")
    before.when(_PAUSED, down)
    before.next(finish.release_lock)
    failed, unsettled = read_failure("Read resume failure", before), out_of_polls("endpoint to settle")
    ending = replace(finish, failed=failed)
    standing = Choice("Endpoint standing?")
    missing = Choice("Endpoint missing?")
    describe = _describe(" to resume", on_error=missing)
    wait = poll("endpoint to settle", then=describe)
    again = " again"
    created = in_order(create_log_group(again), start_endpoint(ending, again), await_endpoint(ending, again))
    missing.when(_MISSING, created.start)
    missing.when(OUT_OF_POLLS, failed, unsettled)
    missing.next(wait)
    in_order(describe, standing)
    standing.when(OUT_OF_POLLS, failed, unsettled)
    delete = _delete(" to resume")
    standing.when("$endpoint.status = 'Failed'", delete)
    in_order(best_effort(delete), wait)
    rest = in_order(
        read_applied_capacity(ending, again),
        autoscale(ending, again),
        set_concurrency(ending, again),
        accept_model(f"Accept model{again}", on_error=ending.failed, sample_uri=_SAMPLE_URI),
        _mark_as_resumed(ending),
        finish.release_lock,
    )
    standing.when("$endpoint.status = 'InService'", rest.start)
    standing.next(wait)
    for leave in created.exits:
        leave(rest.start)
    return describe


def _mark_as_resumed(finish: Finish) -> State:
    reason = f"'the endpoint serves again; ' & $acceptance.summary & {CONCURRENCY_NOTE}"
    return switch_pointer(
        "Mark as resumed",
        f"{{{_KEPT}}}",
        finish,
        after=" after resume",
        assign=outcome("resumed", reason, release="$release_name"),
    )


def _describe(when: str, *, on_error: State) -> Task:
    return call(
        f"Describe endpoint{when}",
        "aws-sdk:sagemaker:describeEndpoint",
        {"EndpointName": jsonata("$release_name")},
        assign=DESCRIBED,
        # What is not there comes under the same error name as throttling; asked again it is either way.
        attempts=1,
        on_error=on_error,
    )


def _delete(when: str) -> Task:
    return call(
        f"Delete endpoint{when}",
        "aws-sdk:sagemaker:deleteEndpoint",
        {"EndpointName": jsonata("$release_name")},
        on_error=None,
    )
