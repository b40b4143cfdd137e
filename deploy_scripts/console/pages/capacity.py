"""Capacity and cost: what is asked, what answers it, what it costs, and what a review recommends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from starlette.responses import Response

from deploy_scripts.cloudformation.stack import read_parameters
from deploy_scripts.console.context import Console
from deploy_scripts.console.page import Call, NotThereError, Page, action, feed, view
from deploy_scripts.console.pages.overview import live_of
from deploy_scripts.console.parts.jobs import Job, jobs_of
from deploy_scripts.console.parts.minute_bars import Bars, minute_bars
from deploy_scripts.console.parts.reviewing import JobFeed
from deploy_scripts.costs.component import DatedPrices, Section, amount_text, price_text
from deploy_scripts.costs.sections import cost_sections
from deploy_scripts.costs.template_facts import known_parameters
from deploy_scripts.costs.usage import Usage
from deploy_scripts.errors import CliError
from deploy_scripts.operations.function_calls import review_capacity
from deploy_scripts.operations.releases.capacity_reviews import (
    RATES,
    SETTINGS,
    read_day_of_traffic,
    read_last_review,
)
from deploy_scripts.operations.releases.live import Live, endpoint_size, read_concurrency
from functions.capacity_review.metrics import MOST_DAYS, USUAL_DAYS

Change = Literal["apply", "reset"]
_CHANGES: tuple[Change, ...] = get_args(Change)
_JOB = "capacity"
_TRAFFIC_AGE_S = 60.0
_REVIEW_AGE_S = 15.0
_PARAMETERS_AGE_S = 60.0


@dataclass(frozen=True)
class Traffic:
    """A day: bars of requests and of what was throttled of them."""

    requests: Bars
    throttled: Bars
    total: int
    throttled_total: int
    most_concurrency: int


@dataclass(frozen=True)
class Row:
    """A line of the review: what is set or expected today, beside what is recommended."""

    label: str
    today: str
    recommended: str


@dataclass(frozen=True)
class Cost:
    """By component, with the dates of the oldest and the newest price."""

    sections: Sequence[Section]
    region: str
    oldest: str
    newest: str


def show_capacity(call: Call) -> Response:
    console = call.console
    live = live_of(console)
    job = jobs_of(console).find(_JOB)
    review = console.recent("capacity review", lambda: read_last_review(console.deployment), _REVIEW_AGE_S)
    return call.html(
        "capacity.html",
        live=live,
        traffic=console.recent("day of traffic", lambda: _traffic(console), _TRAFFIC_AGE_S),
        standing=console.recent("standing capacity", lambda: _standing(console, live), console.slow_s),
        review=review,
        rows=_rows(review) if review else [],
        cost=_cost(console, live),
        job=job.progress if job else None,
        amount_text=amount_text,
        price_text=price_text,
        usual_days=USUAL_DAYS,
        most_days=MOST_DAYS,
    )


def review_now(call: Call) -> Response:
    """Look at the traffic anew; changes nothing."""
    days = call.form.get("days", str(USUAL_DAYS))
    if not (days.isascii() and days.isdigit() and len(days) < 4 and 1 <= int(days) <= MOST_DAYS):
        raise CliError(f"{days!r} is no number of days.", f"Give one from 1 to {MOST_DAYS}.")
    console = call.console
    jobs_of(console).start(_JOB, lambda job: _review(job, console, int(days), None))
    return call.go_to("/capacity")


def ask_before(call: Call) -> Response:
    console, change = call.console, _change_of(call)
    review = console.recent("capacity review", lambda: read_last_review(console.deployment), _REVIEW_AGE_S)
    days = review["days"] if review else USUAL_DAYS
    return call.html(
        "capacity_confirm.html",
        change=change,
        review=review,
        rows=_rows(review) if review else [],
        days=days,
    )


def act(call: Call) -> Response:
    """Set what is recommended, or go back to the deployment's own parameters."""
    console, change = call.console, _change_of(call)
    review = console.recent("capacity review", lambda: read_last_review(console.deployment), _REVIEW_AGE_S)
    days = int(review["days"]) if review else USUAL_DAYS
    jobs_of(console).start(_JOB, lambda job: _review(job, console, days, change))
    return call.go_to("/capacity")


def follow_review(call: Call) -> JobFeed:
    return JobFeed(call, _JOB)


def _review(job: Job, console: Console, days: int, change: Change | None) -> str:
    steps = {None: "Reviewing the traffic", "apply": "Applying what is recommended", "reset": "Resetting"}
    job.step(steps[change])
    document = review_capacity(
        console.deployment, days=days, apply=change == "apply", reset=change == "reset"
    )
    console.forget()
    applied = document["applied"]
    if applied is not None and not applied["done"]:
        raise CliError(f"Nothing was applied: {applied['reason']}.", "Review the traffic again.")
    if applied is not None:
        job.say(f"{'Reset' if change == 'reset' else 'Applied'}. {applied['reason']}")
    return "/capacity"


def _change_of(call: Call) -> Change:
    for change in _CHANGES:
        if call.path["change"] == change:
            return change
    raise NotThereError("There is no such action.", "Choose one on the page Capacity.")


def _traffic(console: Console) -> Traffic:
    day = read_day_of_traffic(console.deployment)
    most = max(day.requests)
    return Traffic(
        requests=minute_bars(day.requests, most),
        throttled=minute_bars(day.throttled, most),
        total=round(sum(day.requests)),
        throttled_total=round(sum(day.throttled)),
        most_concurrency=round(max(day.most_concurrency)),
    )


def _standing(console: Console, live: Live | None) -> dict[str, Any]:
    size = endpoint_size(console.deployment, live.endpoint_name) if live and not live.paused_at else None
    return {"size": size, "concurrency": read_concurrency(console.deployment)}


def _rows(review: Mapping[str, Any]) -> list[Row]:
    """As `dropserve capacity` shows them."""
    today, recommended = review["today"], review["recommended"]
    wanted = recommended["settings"] if recommended else {}
    rows = [
        Row(label, _text(today["settings"].get(name)), _text(wanted.get(name)))
        for name, label in SETTINGS.items()
    ]
    if not recommended:
        return rows
    before, after = today["forecast"], recommended["forecast"]
    rows += [Row(label, f"{before[name]:.3%}", f"{after[name]:.3%}") for name, label in RATES.items()]
    rows.append(Row("instances on average", _text(before["mean_instances"]), _text(after["mean_instances"])))
    rows += [
        Row(f"a month: {name}", _usd(before["usd"].get(name)), _usd(after["usd"][name]))
        for name in after["usd"]
    ]
    rows.append(Row("a month", _usd(before["monthly_usd"]), _usd(after["monthly_usd"])))
    return rows


def _cost(console: Console, live: Live | None) -> Cost:
    deployed = console.recent(
        "parameters", lambda: read_parameters(console.deployment.aws), _PARAMETERS_AGE_S
    )
    region = console.deployment.aws.region
    serves = live is not None and not live.paused_at
    sections = cost_sections(known_parameters(deployed), Usage(), DatedPrices(region), serves=serves)
    dates = sorted(each.price.date for section in sections for each in section.components if each.price)
    return Cost(sections, region, dates[0], dates[-1])


def _text(value: float | None) -> str:
    return "-" if value is None else f"{value:,.6g}"


def _usd(value: float | None) -> str:
    return "not known" if value is None else f"${value:,.2f}"


PAGE = Page(
    "Capacity",
    "/capacity",
    (
        view("/capacity", show_capacity),
        action("/capacity", review_now),
        feed("/capacity/feed", follow_review),
        view("/capacity/{change}", ask_before),
        action("/capacity/{change}", act),
    ),
)
