"""`dropserve verify-permissions`: run the pipeline and compare what each role may do with what it did."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from deploy_scripts.cloudformation.sam_template import read_template
from deploy_scripts.errors import CliError
from deploy_scripts.options import DebugOption, JsonOption
from deploy_scripts.permissions.comparison import Comparison, RoleUse, compare
from deploy_scripts.permissions.exemptions import EXEMPTIONS, read_exemptions
from deploy_scripts.permissions.minimal_policy import minimal_policy
from deploy_scripts.permissions.recording import Recording, load_recording, record
from deploy_scripts.permissions.scratch_cloud import scratch_cloud, scratch_folder
from deploy_scripts.permissions.template_roles import read_roles
from deploy_scripts.permissions.template_values import deployed_values
from deploy_scripts.project import TEMPLATE
from deploy_scripts.screen import Screen, cell, cell_of_lines, make_table


def verify_permissions(
    recording: Annotated[
        Path | None, typer.Option(help="Check the template by this recording, and run nothing.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder for the recording and each role's least policy.")
    ] = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Run every scenario of the pipeline on this machine: what is each role allowed, and what does it use?

    Succeeds when each role uses all that it is allowed, but for what permission_exemptions.yaml exempts,
    and is allowed all that it uses. Takes one to three minutes; the local cloud is not touched.
    """
    screen = Screen(as_json=as_json)
    exemptions = read_exemptions()
    recorded = load_recording(recording) if recording else _run_scenarios(screen)
    roles = read_roles(read_template(TEMPLATE), recorded.values)
    comparison = compare(roles, recorded.calls, exemptions)
    if output:
        _write(output, recorded, comparison)
    if as_json:
        screen.put_json(comparison_document(recorded, comparison))
    else:
        _show(screen, comparison)
        if output:
            screen.say(f"Recording and least policies: {output}")
    if not comparison.is_proved:
        raise CliError(
            "The template's roles are not what the scenarios used: " + "; ".join(_faults(comparison)) + ".",
            f"Change {TEMPLATE.name}, or write the reason into {EXEMPTIONS.name}.",
        )


def comparison_document(recorded: Recording, comparison: Comparison) -> dict[str, Any]:
    """What `verify-permissions --json` prints."""
    return {
        "proved": comparison.is_proved,
        "scenarios": list(recorded.scenarios),
        "roles": [
            {
                "role": use.role.name,
                "used": use.used,
                "unused": [
                    {
                        "policy": each.policy,
                        "action": each.action,
                        "resource": each.resource,
                        "reason": each.reason,
                    }
                    for each in use.unused
                ],
                "lacking": [
                    {
                        "action": call.action,
                        "resource": call.resource,
                        "context": dict(call.context),
                        "calls": call.count,
                    }
                    for call in use.lacking
                ],
                "minimal_policy": minimal_policy(use),
            }
            for use in comparison.roles
        ],
        "needless_reasons": [{"role": each.role, "action": each.action} for each in comparison.needless],
    }


def _run_scenarios(screen: Screen) -> Recording:
    # The scenarios import the whole command line: imported here, so that a check of a recording is quick.
    from deploy_scripts.permissions.scenarios import Scenarios  # noqa: PLC0415

    with scratch_folder() as folder:
        with screen.moving("Deploying") as say, scratch_cloud(folder, say=say) as cloud:
            screen.done("dropserve is deployed in a local cloud of its own")
            values = deployed_values(cloud.deployment)
            scenarios = Scenarios(cloud, folder)
            names = []
            for scenario in [*scenarios.all(), scenarios.teardown()]:
                say(scenario.name)
                scenario.run()
                screen.done(scenario.name)
                names.append(scenario.name)
        return record(values, names, cloud.activity_log)


def _write(folder: Path, recorded: Recording, comparison: Comparison) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    recorded.save(folder / "recording.json")
    for use in comparison.roles:
        text = json.dumps(minimal_policy(use), indent=2)
        (folder / f"{use.role.name}.json").write_text(text + "\n")


def _show(screen: Screen, comparison: Comparison) -> None:
    table = make_table("role", "allowed and used (calls)", "allowed, never used", "used, not allowed")
    for use in comparison.roles:
        used = ", ".join(f"{action} ({calls})" for action, calls in use.used.items())
        lacking = cell_of_lines(f"{call.action} on {call.resource}" for call in use.lacking)
        table.add_row(cell(use.role.name), cell(used), cell_of_lines(_idle_by_reason(use)), lacking)
        table.add_row("", "", "", "")
    screen.show(table)


def _idle_by_reason(use: RoleUse) -> list[str]:
    """`logs:CreateLogStream, logs:PutLogEvents: Lambda itself ...`, one line a reason."""
    by_reason: dict[str, list[str]] = {}
    for idle in use.unused:
        by_reason.setdefault(idle.reason or "NO REASON IS GIVEN", []).append(idle.name)
    return [f"{', '.join(names)}: {reason}" for reason, names in by_reason.items()]


def _faults(comparison: Comparison) -> list[str]:
    """One phrase for each thing to change."""
    faults = []
    for use in comparison.roles:
        name = use.role.name
        faults += [
            f"{name} never uses {each.name} ({each.policy})" for each in use.unused if each.reason is None
        ]
        faults += [f"{name} may not {call.action} on {call.resource}, and does" for call in use.lacking]
    return faults + [
        f"the reason for {each.action} of {each.role} is needless" for each in comparison.needless
    ]
