"""`dropserve status`: what is live and what stands beside it."""

from typing import Any

from deploy_scripts import local_target
from deploy_scripts.aws import Target
from deploy_scripts.cloudformation.stack import read_parameters
from deploy_scripts.costs.month import idle_month_usd
from deploy_scripts.operations.deployment import Deployment, open_deployment
from deploy_scripts.operations.releases.live import endpoint_size, read_besides, read_concurrency, read_live
from deploy_scripts.options import JsonOption, with_target
from deploy_scripts.screen import Screen, cell, make_table


@with_target
def status(target: Target, as_json: JsonOption = False) -> None:
    """Show the live release, its endpoint and concurrency, and what else stands.

    Fails after that when the local cloud cannot save its state.
    """
    screen = Screen(as_json=as_json)
    document = status_document(open_deployment(target))
    if as_json:
        screen.put_json(document)
    else:
        _show(screen, document)
    if document["local_cloud"] and document["local_cloud"]["save_error"]:
        local_target.wait_until_saved()


def _show(screen: Screen, document: dict[str, Any]) -> None:
    table = make_table("", "")
    for name, value in document.items():
        if isinstance(value, dict):
            for inner, inner_value in value.items():
                table.add_row(cell(f"{name}.{inner}"), cell(_as_text(inner_value)))
        else:
            table.add_row(cell(name), cell(_as_text(value)))
    screen.show(table)


def status_document(deployment: Deployment) -> dict[str, Any]:
    """What `status --json` prints; `release` and what belongs to it are null before the first release.

    `local_cloud` is null on AWS; it tells up to when the state is saved, and why no further if that fails.
    `idle_month_usd` is what a month costs on AWS as it is now, paused or not, by the shipped list prices.
    """
    live = read_live(deployment)
    parameters, region = read_parameters(deployment.aws), deployment.aws.region
    serves = live is not None and not live.paused_at
    nothing = {"endpoint_kind": None, "instance_count": 0}
    size = endpoint_size(deployment, live.endpoint_name) if live else nothing
    return {
        "release": live.release if live else None,
        "run_id": live.run_id if live else None,
        "accuracy": live.accuracy if live else None,
        "exposed_at": live.exposed_at if live else None,
        "paused_at": live.paused_at if live else None,
        "canary_run_id": live.canary_run_id if live else None,
        "canary_share": live.canary_share if live else None,
        "idle_month_usd": idle_month_usd(parameters, region, serves=serves),
        "endpoint": live.endpoint_name if live else None,
        **size,
        "concurrency": read_concurrency(deployment),
        "besides": read_besides(deployment, live),
        "outputs": deployment.outputs,
        "endpoint_url": deployment.aws.endpoint_url,
        "local_cloud": local_target.save_state() if deployment.aws.is_local else None,
    }


def _as_text(value: Any) -> str | None:
    if isinstance(value, list):
        return ", ".join(str(each) for each in value) or None
    return None if value is None else str(value)
