"""`dropserve drift`: whether the photos of the last days are like those of the training."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from contracts.bucket import DRIFT_PAGE
from deploy_scripts.aws import Target
from deploy_scripts.errors import CliError
from deploy_scripts.operations.deployment import Deployment, open_deployment
from deploy_scripts.operations.function_calls import approve_retraining, review_drift
from deploy_scripts.operations.s3_documents import read_json
from deploy_scripts.options import JsonOption, with_target
from deploy_scripts.screen import Screen, cell, make_table
from functions.drift_review.places import SHOWN_DAYS, newest_reviews

_NAMES = ("unknown", "confidence", "unknown_score")


@with_target
def drift(  # noqa: PLR0913, PLR0917 - one parameter an option; typer passes them by name
    target: Target,
    days: Annotated[int, typer.Option(min=1, max=SHOWN_DAYS, help="So many reviews.")] = 14,
    today: Annotated[bool, typer.Option("--today", help="Review the day so far, first.")] = False,
    page: Annotated[Path | None, typer.Option(help="Write the page with the charts.")] = None,
    approve: Annotated[
        str | None, typer.Option(help="Start the training that a message asks about, by its text.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the daily reviews: each day's answers beside those for photos held out of the training."""
    screen = Screen(as_json=as_json)
    deployment = open_deployment(target)
    if approve is not None:
        _approve(screen, deployment, approve)
        return
    if today:
        review_drift(deployment, f"{datetime.now(UTC):%Y-%m-%d}")
    places = newest_reviews(deployment.bucket, days=days, s3=deployment.aws.s3)
    reviews = [_read(deployment, str(place)) for place in places]
    if page is not None:
        _write_page(deployment, page, any_review=bool(reviews))
    if as_json:
        screen.put_json(reviews)
        return
    _show(screen, reviews)
    if page is not None:
        screen.done(f"Wrote {page}")


def _read(deployment: Deployment, uri: str) -> dict[str, Any]:
    """Without the schema's check, which needs Powertools; the function that wrote it has checked it."""
    review = read_json(deployment, uri)
    if not {"day", "answers", "drifted", "statistics"} <= review.keys():
        raise CliError(f"{uri} is no review of drift.", "Something else wrote it: remove it.")
    return review


def _approve(screen: Screen, deployment: Deployment, text: str) -> None:
    done = approve_retraining(deployment, text)
    if not done["started"]:
        raise CliError(f"No training was started: {done['reason']}.", "See `dropserve runs`.")
    if screen.as_json:
        screen.put_json(done)
    screen.done("Started a training; follow it: `dropserve watch`")


def _show(screen: Screen, reviews: Sequence[Mapping[str, Any]]) -> None:
    if not reviews:
        screen.say("No day was reviewed yet. The day so far: `dropserve drift --today`")
        return
    table = make_table("day", "answers", "unknown", "confidence", "unknown score", "what")
    for review in reviews:
        found = {each["name"]: each for each in review["statistics"]}
        shown = [cell(_shown(found.get(name))) for name in _NAMES]
        table.add_row(cell(review["day"]), cell(f"{review['answers']:,}"), *shown, cell(_what(review)))
    screen.show(table)


def _shown(statistic: Mapping[str, Any] | None) -> str:
    if statistic is None:
        return ""
    mark = " !" if statistic["drifted"] else ""
    if statistic["name"] == "unknown":
        return f"{statistic['day'][1] / sum(statistic['day']):.1%}{mark}"
    return f"{statistic['effect']:+.2f}{mark}"


def _what(review: Mapping[str, Any]) -> str:
    if review["drifted"] is None:
        return str(review["reason"])
    started = review["retraining"] and review["retraining"]["started"]
    said = "drift" if review["drifted"] else "no drift"
    return f"{said}, a training was started" if started else said


def _write_page(deployment: Deployment, page: Path, *, any_review: bool) -> None:
    if not any_review:
        raise CliError("There is no page before the first review.", "See `dropserve drift --today`.")
    deployment.aws.s3.download_file(deployment.bucket, DRIFT_PAGE, str(page))
