"""Releases: what is live, what was, and the ways back; a switch is watched on the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from starlette.responses import Response

from deploy_scripts.cloudformation.stack import read_parameters
from deploy_scripts.console.context import Console
from deploy_scripts.console.page import Call, NotThereError, Page, action, feed, view
from deploy_scripts.console.pages.overview import live_of
from deploy_scripts.console.pages.runs import ledger_of
from deploy_scripts.console.parts.change import ChangeStates, ChangeView
from deploy_scripts.console.parts.minute_bars import Bars, minute_bars
from deploy_scripts.costs.month import idle_month_usd
from deploy_scripts.errors import CliError
from deploy_scripts.operations.releases.changes import (
    Change,
    begin_action,
    begin_rollback,
    find_way_back,
)
from deploy_scripts.operations.releases.history import Release, read_releases
from deploy_scripts.operations.releases.live import Live
from deploy_scripts.operations.releases.traffic import read_track_traffic
from deploy_scripts.operations.runs.ledger import LedgerItem

# Metrics come by the minute, and each reading of them costs.
_TRAFFIC_AGE_S = 15.0
_RUNNING = "running"
Action = Literal["pause", "resume", "rollback"]
_ACTIONS: tuple[Action, ...] = get_args(Action)


@dataclass(frozen=True)
class Traffic:
    """Of the last hour: calls of the model by the live release, and by a canary."""

    live: Bars
    canary: Bars
    calls: Mapping[str, int]
    failures: Mapping[str, int]


@dataclass(frozen=True)
class Listing:
    """`changing`: whether a rollback, a pause or a resume is under way."""

    live: Live | None
    releases: Sequence[Release]
    changing: bool
    previous: Release | None
    watched: Release | None
    traffic: Traffic | None = None


@dataclass(frozen=True)
class Question:
    """What a person is asked before an action; `command` does the same."""

    action: str
    title: str
    button: str
    sentences: Sequence[str]
    command: Sequence[str]
    live_run_id: str
    to: str = ""


def show_releases(call: Call) -> Response:
    feed_query = f"?run={_asked_run(call)}" if _asked_run(call) else ""
    return call.html(
        "releases.html", listing=_listing(call.console), changes=_changes(call)(), feed_query=feed_query
    )


@dataclass
class ReleasesFeed:
    """The list, its traffic, and what is under way."""

    call: Call
    ended: bool = False
    _read_changes: Callable[[], Sequence[ChangeView]] = field(init=False)

    def __post_init__(self) -> None:
        self._read_changes = _changes(self.call)

    def read(self) -> Mapping[str, str]:
        listing, changes = _listing(self.call.console), self._read_changes()
        return {
            "releases": self.call.text("releases_part.html", listing=listing),
            "changes": self.call.text("releases_changes.html", changes=changes),
            # For a screen reader: the state, and not each second of it.
            "said": self.call.text("releases_said.html", changes=changes),
        }


def ask_before(call: Call) -> Response:
    return call.html("releases_confirm.html", question=_question(call, _action_of(call)))


def act(call: Call) -> Response:
    """Begin the action, unless what is live is not what the person saw."""
    name, console = _action_of(call), call.console
    console.forget()
    live = live_of(console)
    if call.form.get("live", "") != (live.run_id if live else ""):
        raise CliError("What is live has changed since the page was loaded.", "Look at the releases again.")
    change = _begin(console, name, call.form.get("to", ""))
    console.forget()
    return call.go_to(f"/releases?run={change.item.run.run_id}")


def _action_of(call: Call) -> Action:
    for name in _ACTIONS:
        if call.path["action"] == name:
            return name
    raise NotThereError("There is no such action.", "Choose one on the page Releases.")


def _begin(console: Console, name: Action, to: str) -> Change:
    if name == "rollback":
        return begin_rollback(console.deployment, find_way_back(console.deployment, to))
    return begin_action(console.deployment, name)


def _listing(console: Console) -> Listing:
    live = live_of(console)
    releases = console.recent("releases", lambda: read_releases(console.deployment), console.slow_s)
    by_run = {each.run_id: each for each in releases}
    return Listing(
        live=live,
        releases=releases,
        changing=any(item.run.source in _ACTIONS for item in _running(console)),
        previous=by_run.get(live.previous_run_id or "") if live else None,
        watched=next((each for each in releases if each.state in {"watched", "canary"}), None),
        traffic=console.recent("track traffic", lambda: _traffic(console), _TRAFFIC_AGE_S) if live else None,
    )


def _traffic(console: Console) -> Traffic:
    found = read_track_traffic(console.deployment)
    most = max(*found["live"].calls, *found["canary"].calls)
    return Traffic(
        live=minute_bars(found["live"].calls, most),
        canary=minute_bars(found["canary"].calls, most),
        calls={track: round(sum(each.calls)) for track, each in found.items()},
        failures={track: round(sum(each.failures)) for track, each in found.items()},
    )


def _running(console: Console) -> list[LedgerItem]:
    return [item for item in ledger_of(console) if item.run.status == _RUNNING]


def _asked_run(call: Call) -> str:
    """The run that the address names; only one that there is."""
    wanted = call.query.get("run", "")
    return wanted if any(item.run.run_id == wanted for item in ledger_of(call.console)) else ""


def _changes(call: Call) -> Callable[[], Sequence[ChangeView]]:
    """Reads the changes that are under way, and the one that the address names: of which states each is."""
    console, asked = call.console, _asked_run(call)
    followed: dict[str, ChangeStates] = {}

    def read() -> Sequence[ChangeView]:
        serving = {each.run_id for each in _listing(console).releases if each.state in {"watched", "canary"}}
        found = []
        for item in ledger_of(console):
            run = item.run
            is_change = run.source in _ACTIONS or run.run_id in serving
            if run.run_id == asked or (run.status == _RUNNING and is_change):
                states = followed.setdefault(run.run_id, ChangeStates(console.deployment, item.execution_arn))
                found.append(states.view_of(run))
        return found

    return read


def _question(call: Call, name: Action) -> Question:
    console = call.console
    live = live_of(console)
    if name == "rollback":
        return _rollback_question(console, live, call.query.get("to") or None)
    if live is None:
        raise CliError("No release is live.", "Drop a dataset: `dropserve drop photos.zip`.")
    parameters, region = read_parameters(console.deployment.aws), console.deployment.aws.region
    serving, paused = (idle_month_usd(parameters, region, serves=serves) for serves in (True, False))
    sentences: tuple[str, ...]
    if name == "pause":
        sentences = (
            "The endpoint and what else is paid by the hour go; the model stays.",
            "Until it is resumed each question is answered with 503, `paused`.",
            f"An idle month then costs ${paused:,.2f} in the place of ${serving:,.2f}, by list prices.",
        )
        return Question(name, "Pause the deployment?", "Pause", sentences, (name,), live.run_id)
    sentences = (
        "The endpoint of the paused release starts again: about 7 minutes on AWS.",
        f"An idle month then costs ${serving:,.2f} in the place of ${paused:,.2f}, by list prices.",
    )
    return Question(name, "Resume the deployment?", "Resume", sentences, (name,), live.run_id)


def _rollback_question(console: Console, live: Live | None, to: str | None) -> Question:
    way = find_way_back(console.deployment, to)
    run = way.to.run
    what = f"{run.dataset}, test accuracy {run.accuracy:.3f}" if run.accuracy is not None else run.dataset
    sentences = [f"Run {run.run_id} ({what}) is to be live again."]
    if way.watched:
        watched = way.watched.run.run_id
        sentences.append(f"The release of run {watched} is watched still: it is taken back at the next look.")
    else:
        sentences += [
            f"Run {live.run_id} is live now." if live else "Nothing is live now.",
            "Nothing is trained: its model gets an endpoint, passes the acceptance test, then takes over. "
            "If that fails, all stays as it is. On AWS an endpoint takes about 7 minutes.",
        ]
    command = ("rollback", "--to", run.run_id[:8])
    live_run_id = live.run_id if live else ""
    return Question("rollback", "Roll back?", "Roll back", sentences, command, live_run_id, run.run_id)


PAGE = Page(
    "Releases",
    "/releases",
    (
        view("/releases", show_releases),
        feed("/releases/feed", ReleasesFeed),
        view("/releases/{action}", ask_before),
        action("/releases/{action}", act),
    ),
)
