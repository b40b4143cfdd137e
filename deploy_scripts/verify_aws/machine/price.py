"""What Step Functions itself costs: state transitions of the straight run and of the longest one."""

from deploy_scripts.costs.usage import STATES_A_POLL
from deploy_scripts.verify_aws.check import Result, Subject
from deploy_scripts.verify_aws.machine.history import straight_run, transitions
from functions.common.prices import REFERENCE_REGION, find_price

# https://aws.amazon.com/step-functions/pricing/, read on 2026-11-29
FREE_A_MONTH = 4000
# A straight run that needs more has become another thing: think about it, then change it here.
MOST_TRANSITIONS = 100


def check(subject: Subject) -> Result:
    """A straight run costs a fraction of a cent."""
    count = transitions(straight_run(subject))
    # Training and the endpoint's start are waited for: the template's PollSeconds decide how often is looked.
    poll_s = float(subject.main["Parameters"]["PollSeconds"]["Default"])
    # An endpoint takes 5 minutes or so to come into service.
    waiting = STATES_A_POLL * round(5 * 60 / poll_s)
    price = find_price("step-functions/transition", REFERENCE_REGION)
    assert price  # noqa: S101 - for mypy: prices.json has it
    cost_usd = (count + waiting) * price.usd
    counted = (
        f"{count} transitions and {waiting} of 5 minutes' waiting, USD {cost_usd:.4f} a run; "
        f"{FREE_A_MONTH // (count + waiting)} runs a month are free"
    )
    problems = (
        (f"a straight run has {count} transitions, more than {MOST_TRANSITIONS}",)
        if count > MOST_TRANSITIONS
        else ()
    )
    return Result(counted, problems)
