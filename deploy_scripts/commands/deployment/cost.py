"""`dropserve cost`: what a deployment costs on AWS, by component, and beside other ways."""

from dataclasses import asdict
from typing import Annotated, Any, Literal

import typer

from contracts.training_job import NUMBERS
from deploy_scripts.aws import connect
from deploy_scripts.costs.comparison import Scenario, compare
from deploy_scripts.costs.component import Component, DatedPrices, Section, amount_text, price_text
from deploy_scripts.costs.price_list import LivePrices, query_for
from deploy_scripts.costs.sections import cost_sections
from deploy_scripts.costs.template_facts import check_values
from deploy_scripts.costs.usage import Usage
from deploy_scripts.errors import CliError
from deploy_scripts.options import DebugOption, JsonOption, SettingsOption, StageOption
from deploy_scripts.screen import Screen, cell, make_table
from deploy_scripts.settings.endpoint_type import ENDPOINT_TYPE, check_endpoint_type
from deploy_scripts.settings.parameters import parse_parameters
from deploy_scripts.settings.stage import choose_stage
from functions.common.prices import REFERENCE_REGION

_USUAL = Usage()


def cost(  # noqa: PLR0913, PLR0917 - one parameter an option; typer passes them by name
    photos: Annotated[int, typer.Option(min=1, help="Photos of a run.")] = _USUAL.photos,
    photo_kilobytes: Annotated[float, typer.Option(min=1, help="An average photo's file.")] = 150,
    image_size: Annotated[
        int, typer.Option(help="Side in pixels that training works with.")
    ] = _USUAL.image_size,
    backend: Annotated[Literal["sagemaker", "ec2"] | None, typer.Option(help="Where to train.")] = None,
    endpoint_type: Annotated[str | None, typer.Option(help="Such as ml.m5.large.")] = None,
    instances: Annotated[int | None, typer.Option(min=1, help="Instances that always stand.")] = None,
    parameter: Annotated[
        list[str] | None, typer.Option(help="A parameter as of `dropserve deploy`. May be repeated.")
    ] = None,
    comparing: Annotated[
        bool, typer.Option("--compare", help="A month of dropserve beside other ways to do the same.")
    ] = False,
    live: Annotated[bool, typer.Option("--live", help="Ask AWS for today's prices.")] = False,
    profile: Annotated[str | None, typer.Option(help="AWS profile (--live).")] = None,
    region: Annotated[
        str | None, typer.Option(help=f"AWS region that is paid for (default {REFERENCE_REGION}).")
    ] = None,
    settings: SettingsOption = None,
    stage: StageOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,  # read by main() itself
) -> None:
    """Estimate what a deployment costs on AWS: a run, an idle month, a million predictions."""
    chosen = choose_stage(settings, stage, {"target": "aws", "profile": profile, "region": region})
    paid_in = chosen.target.region or REFERENCE_REGION
    parameters = {**chosen.parameters, **parse_parameters(parameter or [])}
    if endpoint_type:
        parameters[ENDPOINT_TYPE] = endpoint_type
    if ENDPOINT_TYPE in parameters:
        check_endpoint_type(parameters[ENDPOINT_TYPE])
    if instances:
        parameters["MinInstances"] = str(instances)
    check_values(parameters)
    if fault := NUMBERS["image-size"].fault(image_size):
        raise CliError(f"--image-size {fault}.", "Write --image-size 224.")
    work = Usage(photos, round(photo_kilobytes * 1000), image_size, backend)
    prices = LivePrices(connect(chosen.target).pricing, paid_in) if live else DatedPrices(paid_in)
    if comparing:
        sections = compare(parameters, Scenario(work), prices)
    else:
        sections = cost_sections(parameters, work, prices)
    screen = Screen(as_json=as_json)
    if as_json:
        screen.put_json({"region": paid_in, "live": live, "sections": [_document(each) for each in sections]})
        return
    if comparing:
        screen.say("A month: a run a week, 100,000 predictions. What each way lacks: docs/costs.md")
    for section in sections:
        _show(screen, section, live=live)
    _say_dates(screen, sections, live=live, region=paid_in)


def _document(section: Section) -> dict[str, Any]:
    return {
        "name": section.name,
        "total_usd": section.total_usd,
        "is_complete": not section.unknown,
        "components": [
            {
                "name": each.name,
                "quantity": each.quantity,
                "usd": each.usd,
                "price": asdict(each.price) if each.price else None,
                "page": each.page,
                "note": each.note,
            }
            for each in section.components
        ],
    }


def _show(screen: Screen, section: Section, *, live: bool) -> None:
    table = make_table(section.name, "quantity", "price", "USD", "of", "")
    for each in section.components:
        if not each.quantity:
            continue
        table.add_row(
            cell(each.name),
            cell(amount_text(each.quantity)),
            cell(price_text(each.price) if each.price else "not known"),
            cell(None if each.usd is None else _usd(each.usd)),
            cell(f"{each.price.date} {each.price.region}" if each.price else None),
            cell(each.note),
        )
    but = f", without {_names(section.unknown)}" if section.unknown else ""
    screen.show(table)
    screen.say(f"Together ${_usd(section.total_usd)}{but}", style="bold")
    for each in section.unknown:
        ask = "" if live or query_for(each.price_name) is None else "ask with --live, or "
        screen.say(f"  {each.name}: not known here; {ask}see {each.page}")
    screen.say("")


def _say_dates(screen: Screen, sections: list[Section], *, live: bool, region: str) -> None:
    used = {each.price for section in sections for each in section.components if each.price and each.quantity}
    dates = sorted(price.date for price in used)
    asked = "Asked of the AWS Price List API where it tells them" if live else "The copy that is shipped"
    screen.say(f"Prices: {asked}, of {dates[0]} to {dates[-1]}; list prices, without free tiers and taxes.")
    if others := sorted({price.region for price in used} - {region}):
        screen.say(f"Where {region}'s own price is not known, that of {', '.join(others)} stands in for it.")
    if not live:
        screen.say("Today's: `dropserve cost --live`. Each price's source: `dropserve cost --json`")


def _names(components: list[Component]) -> str:
    return ", ".join(each.name for each in components)


def _usd(amount: float) -> str:
    return f"{amount:,.2f}" if amount >= 1 else f"{amount:.4f}"
