"""The training pipeline, top to bottom: from a drop in S3 to a live endpoint.

`make setup && .venv/bin/python -m state_machines.render` writes the Amazon States Language beside this file.
"""

from typing import Any

from state_machines.arrival import look_again
from state_machines.deploy_lock import take_deploy_lock
from state_machines.endings import Endings
from state_machines.exposure import accept_model, audit_iam, expose, retire_previous
from state_machines.intake import check_input, claim_drop, inspect_dataset, plan_training, read_input
from state_machines.newer_version import give_way_to_newer_version
from state_machines.release import autoscale, create_endpoint, read_live_release, set_concurrency
from state_machines.states_language import Chain, definition
from state_machines.training_stage import judge_model, train

# Training may take two days, the rest of a run an hour.
LIMIT_S = 3 * 86_400


def training_pipeline() -> dict[str, Any]:
    """The state machine's definition, with ${Name} where the template substitutes the deployment's values."""
    endings = Endings()

    exposed = Chain([expose(endings), retire_previous(endings)])
    tried = Chain([accept_model(endings), look_again(endings, exposed, before_release=True)])
    audited = Chain([audit_iam(endings), tried])
    judged = judge_model(endings)
    deployed = Chain(
        [
            read_live_release(endings, judge_again=judged),
            create_endpoint(endings),
            autoscale(endings),
            set_concurrency(endings, audited),
        ]
    )
    judged_and_deployed = Chain([judged, take_deploy_lock(endings, deployed)])
    trained = look_again(endings, judged_and_deployed)
    prepared = Chain([inspect_dataset(endings), plan_training(endings), train(endings, trained)])
    start = Chain(
        [
            read_input(),
            claim_drop(endings),
            check_input(endings),
            give_way_to_newer_version(endings, "Read current version", then=prepared),
        ]
    )
    return definition(
        start, comment="Drop labelled photos; get an audited, autoscaled endpoint.", timeout_s=LIMIT_S
    )
