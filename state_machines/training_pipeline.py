"""The training pipeline, from a drop in S3 to a live endpoint, in the order in which a run goes through it.

`make setup && .venv/bin/python -m state_machines.render` writes the Amazon States Language beside this file.
"""

from typing import Any

from contracts.workflow import ROLLBACK
from state_machines.common.outcome import finish_run
from state_machines.language.flow import in_order
from state_machines.language.sdk import Choice, definition
from state_machines.stages.clean_up import clean_up
from state_machines.stages.deploy import begin_deploy, deploy
from state_machines.stages.evaluate import evaluate
from state_machines.stages.ingest import ingest
from state_machines.stages.pause import pause_or_resume
from state_machines.stages.release import complete_release, release
from state_machines.stages.rollback import rollback
from state_machines.stages.train import train
from state_machines.stages.watch import roll_back

# Training may take two days, the rest of a run an hour, or a day where releases are watched that long.
LIMIT_S = 4 * 86_400


def training_pipeline() -> dict[str, Any]:
    """The state machine's definition, with ${Name} where the template substitutes the deployment's values."""
    # Any stage may end a run: the states that do so are there before the stages.
    finish = finish_run()
    back = roll_back(finish)
    evaluation, completion = evaluate(finish), complete_release()
    # A release that went live meanwhile is another champion: back to the evaluation.
    deployment = deploy(finish, evaluate_again=evaluation.start)
    idle = pause_or_resume(finish)
    former = in_order(rollback(finish), deployment.start)
    action = Choice("Rollback?")
    action.when(f"$input.action = '{ROLLBACK}'", former.start)
    action.next(idle)
    cleaning = clean_up(finish, complete_release=completion.start, pause_or_resume=idle, roll_back=back.start)
    pipeline = in_order(
        ingest(finish, clean_up=cleaning, action=action),
        train(finish),
        evaluation,
        begin_deploy(finish),
        deployment,
        release(finish, back),
        completion,
        finish.release_lock,
    )
    return definition(
        pipeline.start,
        comment="Drop labelled photos; get an audited, autoscaled endpoint.",
        timeout_s=LIMIT_S,
    )
