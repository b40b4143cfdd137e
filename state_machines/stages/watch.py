"""Watch: a release that serves, wholly or for a share of the requests, is taken back when it does badly.

Badly is what an alarm of the deployment says that began after the release served, what the acceptance test
says of the endpoint's answers, or what a person asks for by `dropserve rollback`. While it is watched, the
release that served before has its endpoint still: one write of the live pointer takes the requests back.
"""

from dataclasses import dataclass

from contracts.workflow import MOST_LOOKS
from state_machines.common.endpoint import accept_model
from state_machines.common.live_pointer import write_pointer
from state_machines.common.outcome import (
    IS_CLEAN_UP,
    ROLLBACK_FAILED,
    Finish,
    ask_about_failure,
    outcome,
    read_failure,
)
from state_machines.language.flow import Stage, best_effort, in_order
from state_machines.language.sdk import Choice, Fail, State, Task, Wait, jsonata
from state_machines.language.tasks import KEEP_ERROR, THIS_RUN, call, catch

# There is something to go back to, and nobody asked for this release by hand.
_COULD_GO_BACK = "$previous_serves and $not($exists($input.action))"


@dataclass(frozen=True)
class RollBack:
    """The states that take a release back: `start` wants `$outcome`, `badly_answered` what `$error` is."""

    start: State
    badly_answered: State
    not_begun: State


def roll_back(finish: Finish) -> RollBack:
    """The pointer first; then, once no request can be on its way to it, the release is torn down."""
    unconfirmed = Choice("Rollback by clean-up?")
    # Nobody cleans up after it: whichever serves now, neither is torn down.
    unconfirmed.when(IS_CLEAN_UP, read_failure("Read rollback failure", finish.release_lock))
    # The clean-up sees what serves, and takes it back.
    why = jsonata("'The way back was not confirmed: ' & $outcome.reason")
    unconfirmed.next(Fail("Release to take back", error=ROLLBACK_FAILED, cause=why))
    back = write_pointer("Roll back", "$previous", on_error=unconfirmed)
    drain = Wait("Drain rolled back endpoint", seconds=jsonata("$settings.drain_s"))
    in_order(back, drain, finish.teardown)
    answers = ask_about_failure(
        "Read wrong answers",
        assign=outcome("rolled_back", "$states.result.Payload.reason"),
        on_error=back,
        error_assign=outcome("rolled_back", "'its answers are not those of the test photos'"),
    )
    answers.next(back)
    return RollBack(back, answers, read_failure("Read canary failure", back))


def canary(back: RollBack) -> Stage:
    """A share of the requests goes to the candidate, for a time."""
    pointer = (
        "$merge([$previous, {'canary': {'release': $release_name, 'endpoint_name': $release_name, "
        "'run_id': $run.id, 'share': $settings.canary_percent / 100}}])"
    )
    start = write_pointer(
        "Start canary",
        pointer,
        on_error=back.not_begun,
        assign=_watched_for("$settings.canary_s"),
    )
    wanted = Choice("Canary first?")
    wanted.when(f"$settings.canary_percent > 0 and $settings.canary_s > 0 and {_COULD_GO_BACK}", start)
    watched = in_order(start, _watch("canary", "$settings.canary_alarms", back))
    return Stage(wanted, (wanted.next, *watched.exits))


def bake(back: RollBack) -> Stage:
    """All requests go to the release; the one before stays for a time."""
    wanted = Choice("Watch release?")
    watched = _watch("release", "$settings.live_alarms", back)
    wanted.when(f"$settings.bake_s > 0 and {_COULD_GO_BACK}", watched.start, _watched_for("$settings.bake_s"))
    return Stage(wanted, (wanted.next, *watched.exits))


def _watched_for(seconds: str) -> dict[str, str]:
    """Assigns since when a release is watched, how often it is looked at, and after how many seconds each."""
    look_s = f"$max([$settings.poll_s, $ceil({seconds} / {MOST_LOOKS})])"
    return {
        "watched_since_ms": jsonata("$toMillis($states.context.State.EnteredTime)"),
        "look_s": jsonata(look_s),
        "looks": jsonata(f"$ceil({seconds} / {look_s})"),
    }


def _watch(which: str, alarms: str, back: RollBack) -> Stage:
    """Look, again and again until the time is over. What cannot be looked at now is, the next time."""
    wait = Wait(f"Wait to watch {which}", seconds=jsonata("$look_s"), assign={"looks": jsonata("$looks - 1")})
    request = _read_rollback_request(which)
    read = _read_alarms(which, alarms)
    test = _test_answers(which, back)
    bad = Choice(f"Roll back {which}?")
    asked = "'rolled back by hand, ' & $rollback_request"
    bad.when("$rollback_request != ''", back.start, outcome("rolled_back", asked))
    rang = "'the alarm ' & $join($alarms, ', ') & ' went off'"
    bad.when("$count($alarms) > 0", back.start, outcome("rolled_back", rang))
    over = Choice(f"Watched {which}?")
    over.when("$looks > 0", wait)
    looked = in_order(
        wait,
        best_effort(request, {"rollback_request": jsonata("''")}),
        best_effort(read, {"alarms": []}),
        bad,
        best_effort(test),
        over,
    )
    return Stage(wait, looked.exits)


def _read_rollback_request(which: str) -> Task:
    """`dropserve rollback` leaves its moment in the run's item."""
    asked = "$states.result.Item.rollback_requested_at.S"
    return call(
        f"Read {which} rollback request",
        "dynamodb:getItem",
        {"TableName": "${LedgerTable}", "Key": {"run_id": {"S": THIS_RUN}}, "ConsistentRead": True},
        assign={"rollback_request": jsonata(f"$exists({asked}) ? {asked} : ''")},
        on_error=None,
    )


def _read_alarms(which: str, names: str) -> Task:
    """Those that went off since the release is watched: an older one is of the release before."""
    fresh = "$states.result.MetricAlarms[$toMillis(StateUpdatedTimestamp) >= $watched_since_ms].AlarmName"
    return call(
        f"Read {which} alarms",
        "aws-sdk:cloudwatch:describeAlarms",
        {"AlarmNames": jsonata(names), "StateValue": "ALARM", "AlarmTypes": ["MetricAlarm"]},
        # The brackets make a list also of one and of none.
        assign={"alarms": jsonata(f"[{fresh}]")},
        on_error=None,
    )


def _test_answers(which: str, back: RollBack) -> Task:
    """The acceptance test once more. That no concurrency is left for it says nothing of the release."""
    test = accept_model(f"Test {which}", on_error=None)
    test.add_catch(catch(back.badly_answered, ["AcceptanceError"], assign=KEEP_ERROR))
    return test
