"""`dropserve verify`: a deployment of its own, run through and taken away, to confirm what only AWS can."""

import secrets
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated, Any

import typer

from deploy_scripts.account_checks.confirmation import Outcome
from deploy_scripts.account_checks.estimate import LIMIT_H, estimate
from deploy_scripts.account_checks.report import document, save_report
from deploy_scripts.account_checks.running import confirm_all
from deploy_scripts.account_checks.trial import Trial
from deploy_scripts.aws import IMAGES_SUFFIX, Aws, connect
from deploy_scripts.cloudformation.stack import find_status
from deploy_scripts.costs.component import DatedPrices
from deploy_scripts.costs.usage import Usage
from deploy_scripts.errors import CliError
from deploy_scripts.options import JsonOption, with_stage
from deploy_scripts.permissions.photos import write_photos, zip_photos
from deploy_scripts.permissions.scratch_cloud import scratch_folder
from deploy_scripts.project import reports_folder
from deploy_scripts.screen import Screen
from deploy_scripts.settings.stage import Stage

_MARKS = {"ok": ("✓", "green"), "failed": ("✗", "red"), "not run": ("-", "yellow")}


@with_stage
def verify(
    stage: Stage,
    max_cost: Annotated[float, typer.Option(min=0, help="Most that it may cost on AWS, in USD.")] = 1.0,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask (--target aws).")] = False,
    as_json: JsonOption = False,
) -> None:
    """Deploy, drop, ask, stop, change and destroy, to confirm on an account what no document tells.

    It makes a deployment of its own (verify-XXXXXX, or a new name by --stack), always removes it, and writes
    a report. On AWS it says first what it makes and costs. Your own deployment is not touched.
    """
    screen = Screen(as_json=as_json)
    target = stage.target
    # What is verified is destroyed, so no name of dropserve.toml is taken for it.
    if "stack" not in stage.given:
        target = replace(target, stack=f"verify-{secrets.token_hex(3)}")
    aws = connect(target)
    _refuse_existing(aws)
    with scratch_folder() as folder:
        photos = write_photos(folder / "photos")
        files = sorted(photos.glob("*/*.jpg"))
        zip_file = zip_photos(photos, folder / "confirmation.zip")
        work = Usage(photos=len(files), photo_bytes=zip_file.stat().st_size // len(files))
        estimated_usd = _agree(screen, aws, work, max_cost, yes=yes)
        with screen.moving("Verifying") as say, _terminated_as_interrupted():
            trial = Trial(aws, photos, files[0], zip_file, time.monotonic() + LIMIT_H * 3600, say)
            outcomes = confirm_all(trial, done=lambda outcome: _show(screen, outcome))
    found = document(trial, outcomes, estimated_usd)
    page = save_report(found, reports_folder() / aws.stack)
    if as_json:
        screen.put_json(found)
    screen.say(f"Report: {page}, and verify.json beside it")
    _require(trial, outcomes)


def _refuse_existing(aws: Aws) -> None:
    """What is verified is destroyed: it must be nobody's."""
    for stack in (aws, aws.beside(IMAGES_SUFFIX)):
        if find_status(stack) is not None:
            raise CliError(
                f"There is a stack {stack.stack} already, and what is verified is destroyed at the end.",
                "Leave --stack out: a new name is made.",
            )


def _agree(screen: Screen, aws: Aws, work: Usage, max_cost: float, *, yes: bool) -> float:
    """The estimate in USD, once it was shown and agreed to; 0 for the local cloud.

    Raises CliError where it is above `max_cost`, and typer.Abort where the person says no.
    """
    if aws.is_local:
        return 0.0
    sections = estimate({}, work, DatedPrices(aws.region))
    total = sum(each.total_usd for each in sections)
    screen.say(f"This makes a deployment {aws.stack} in {aws.region} and removes it. At most it costs:")
    for section in sections:
        screen.say(f"  {section.name}: ${section.total_usd:.2f}")
        for unknown in section.unknown:
            screen.say(f"    without {unknown.name}, whose price is not known here: {unknown.page}")
    screen.say(f"Together ${total:.2f}; it ends after {LIMIT_H:g} hours at the latest, and is removed then.")
    if total > max_cost:
        raise CliError(
            f"It may cost ${total:.2f}, and --max-cost is ${max_cost:.2f}.",
            f"Allow it: --max-cost {total + 0.005:.2f}. Nothing was made.",
        )
    if not yes and not screen.confirm("Go on?"):
        raise typer.Abort
    return total


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """A runner that cancels a job sends SIGTERM: what was made is removed then, too."""

    def interrupt(_signal: int, _frame: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _show(screen: Screen, outcome: Outcome) -> None:
    mark, style = _MARKS[outcome.status]
    screen.mark(mark, style, f"{outcome.name:<32} {outcome.told}")
    if outcome.open:
        screen.say(f"    not confirmed on the local cloud: {outcome.open}")


def _require(trial: Trial, outcomes: Sequence[Outcome]) -> None:
    """Raises CliError when not everything is gone, or when something failed."""
    if trial.left != []:
        target = trial.aws.target
        given = {"target": target.name, "profile": target.profile, "region": target.region}
        options = " ".join(f"--{name} {value}" for name, value in given.items() if value)
        raise CliError(
            "Not everything that was made is known to be gone.",
            f"Run `dropserve destroy {options} --stack {target.stack} --delete-data`.",
            trial.left or (),
        )
    if failed := [each.name for each in outcomes if each.status == "failed"]:
        raise CliError(f"Not confirmed: {', '.join(failed)}.", "The report says what was seen instead.")
