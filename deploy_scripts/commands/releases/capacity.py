"""`dropserve capacity`: what the traffic asks for, beside what is set; applied when asked for."""

from typing import Annotated, Any

import typer

from deploy_scripts.aws import Target
from deploy_scripts.errors import CliError
from deploy_scripts.operations.deployment import open_deployment
from deploy_scripts.operations.function_calls import review_capacity
from deploy_scripts.operations.releases.capacity_reviews import RATES, SETTINGS
from deploy_scripts.options import JsonOption, with_target
from deploy_scripts.screen import Screen, cell, make_table
from functions.capacity_review.metrics import MOST_DAYS


@with_target
def capacity(
    target: Target,
    apply: Annotated[bool, typer.Option("--apply", help="Set what is recommended, and keep it.")] = False,
    reset: Annotated[
        bool, typer.Option("--reset", help="Go back to the deployment's own parameters.")
    ] = False,
    days: Annotated[int, typer.Option(min=1, max=MOST_DAYS, help="Days of traffic to look at.")] = 14,
    as_json: JsonOption = False,
) -> None:
    """Review the traffic: recommend concurrency and instances, with their cost and what they refuse."""
    if apply and reset:
        raise CliError("--apply and --reset exclude each other.", "Choose one.")
    screen = Screen(as_json=as_json)
    document = review_capacity(open_deployment(target), days=days, apply=apply, reset=reset)
    if as_json:
        screen.put_json(document)
    else:
        _show(screen, document)
    applied = document["applied"]
    if applied is not None and not applied["done"]:
        raise CliError(f"Nothing was applied: {applied['reason']}.", "Ask again: `dropserve capacity`.")
    if applied is not None:
        screen.done(
            f"{'Reset' if reset else 'Applied'}{': ' if applied['reason'] else ''}{applied['reason']}"
        )


def _show(screen: Screen, document: dict[str, Any]) -> None:
    traffic, today, recommended = document["traffic"], document["today"], document["recommended"]
    screen.say(
        f"{traffic['requests']:,} requests in {traffic['hours']:g} hours, "
        f"{traffic['throttled']:,} throttled; {traffic['busiest_minute']:,} in the busiest minute; "
        f"{traffic['duration_s']:g} s each; at most {traffic['most_concurrency']} at once"
    )
    table = make_table("", "today", "recommended")
    wanted = recommended["settings"] if recommended else {}
    for name, label in SETTINGS.items():
        table.add_row(cell(label), cell(today["settings"][name]), cell(wanted.get(name)))
    if recommended:
        _add_forecasts(table, today["forecast"], recommended["forecast"])
    screen.show(table)
    if not recommended:
        screen.say(f"Nothing is recommended: {document['reason']}")
        return
    for note in recommended["notes"]:
        screen.say(f"Note: {note}")


def _add_forecasts(table: Any, today: dict[str, Any], recommended: dict[str, Any]) -> None:
    for name, label in RATES.items():
        table.add_row(cell(label), cell(f"{today[name]:.3%}"), cell(f"{recommended[name]:.3%}"))
    table.add_row(
        cell("instances on average"), cell(today["mean_instances"]), cell(recommended["mean_instances"])
    )
    for name in recommended["usd"]:
        before, after = _usd(today["usd"].get(name)), _usd(recommended["usd"][name])
        table.add_row(cell(f"a month: {name}"), cell(before), cell(after))
    table.add_row(cell("a month"), cell(_usd(today["monthly_usd"])), cell(_usd(recommended["monthly_usd"])))


def _usd(value: float | None) -> str:
    return "not known" if value is None else f"${value:,.2f}"
