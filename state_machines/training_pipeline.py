"""The training pipeline, from a drop in S3 to a live endpoint, in the order in which a run goes through it.

`make setup && .venv/bin/python -m state_machines.render` writes the Amazon States Language beside this file.
"""

from typing import Any

from state_machines.clean_up import clean_up
from state_machines.deploy import deploy
from state_machines.evaluate import evaluate
from state_machines.ingest import ingest
from state_machines.language.flow import in_order
from state_machines.language.sdk import definition
from state_machines.outcome import finish_run
from state_machines.pause import pause_or_resume
from state_machines.release import complete_release, release
from state_machines.train import train

# Training may take two days, the rest of a run an hour.
LIMIT_S = 3 * 86_400


def training_pipeline() -> dict[str, Any]:
    """The state machine's definition, with ${Name} where the template substitutes the deployment's values."""
    # Any stage may end a run: the states that do so are there before the stages.
    finish = finish_run()
    evaluation, completion = evaluate(finish), complete_release()
    idle = pause_or_resume(finish)
    cleaning = clean_up(finish, complete_release=completion.start, pause_or_resume=idle)
    pipeline = in_order(
        ingest(finish, clean_up=cleaning, pause_or_resume=idle),
        train(finish),
        evaluation,
        # A release that went live meanwhile is another champion: back to the evaluation.
        deploy(finish, evaluate_again=evaluation.start),
        release(finish),
        completion,
        finish.release_lock,
    )
    return definition(
        pipeline.start,
        comment="Drop labelled photos; get an audited, autoscaled endpoint.",
        timeout_s=LIMIT_S,
    )
