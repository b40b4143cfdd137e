"""`dropserve janitor`: what runs have left behind, what it costs, and on request its end."""

from typing import Annotated

import typer

from deploy_scripts.aws import Target
from deploy_scripts.operations.deployment import open_deployment
from deploy_scripts.operations.releases.leftovers import find_leftovers, remove
from deploy_scripts.options import JsonOption, with_target
from deploy_scripts.screen import Screen, cell, make_table


@with_target
def janitor(
    target: Target,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Remove all of it.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List what no live release and no running run needs, with its monthly cost; --yes removes it."""
    screen = Screen(as_json=as_json)
    deployment = open_deployment(target)
    found = find_leftovers(deployment)
    if as_json:
        screen.put_json([each.to_json() for each in found])
    elif found:
        table = make_table("kind", "name", "USD a month", "what")
        for each in found:
            usd = "?" if each.usd_a_month is None else f"{each.usd_a_month:.2f}"
            table.add_row(cell(each.kind), cell(each.name), cell(usd), cell(each.detail))
        screen.show(table)
    if not found:
        screen.say("Nothing is left behind.")
        return
    if not yes:
        total = sum(each.usd_a_month or 0.0 for each in found)
        screen.say(f"About USD {total:.2f} a month. Remove it: `dropserve janitor --yes`")
        return
    for each in found:
        remove(deployment, each, screen.say)
    screen.done("Clean")
