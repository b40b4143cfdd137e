"""`dropserve doctor ZIP|FOLDER|RUN`: what is probably wrong with photos and labels, before it is paid for."""

from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import typer

from deploy_scripts.aws import Target
from deploy_scripts.operations.deployment import open_deployment
from deploy_scripts.operations.drops.doctor import (
    DoctorFindings,
    examine_on_this_machine,
    read_run_findings,
    write_files,
)
from deploy_scripts.options import JsonOption, with_target
from deploy_scripts.screen import Screen, cell, make_table

# Of each kind; the page has more, and review.csv all.
_SHOWN = 5


@with_target
def doctor(
    target: Target,
    dataset: Annotated[str, typer.Argument(help="A zip or folder of photos, or a run's id.")],
    to: Annotated[Path, typer.Option(help="Folder for doctor.html and review.csv.")] = Path(),
    as_json: JsonOption = False,
) -> None:
    """Look for wrong labels, photos twice, and poor photos, on this machine; or show what a run has found.

    Correct review.csv, and hand it back: `dropserve drop ZIP --review review.csv`.
    """
    screen = Screen(as_json=as_json)
    findings = _find(screen, target, dataset)
    if as_json:
        screen.put_json(findings.document)
        return
    _show(screen, findings.document)
    for file in write_files(findings, to):
        screen.say(f"Written: {file}")


def _find(screen: Screen, target: Target, dataset: str) -> DoctorFindings:
    path = Path(dataset).expanduser()
    if not path.exists():
        return read_run_findings(open_deployment(target), dataset)
    with screen.moving("Looking at the photos") as step:
        return examine_on_this_machine(path, lambda done, total: step(f"{done} of {total}"))


def _show(screen: Screen, document: dict[str, Any]) -> None:
    from training.doctor.kinds import CLASS_KINDS, PHOTO_KINDS  # noqa: PLC0415 - of training, without torch

    kinds, counts = {**PHOTO_KINDS, **CLASS_KINDS}, document["counts"]
    photos = sum(document["photos"].values())
    screen.say(f"{photos} photos of {len(document['classes'])} classes")
    for kind, found in groupby(
        [*document["photo_findings"], *document["class_findings"]], key=lambda finding: finding["kind"]
    ):
        screen.mark("!", "yellow", f"{kinds[kind].title}: {counts[kind]}. {kinds[kind].advice}")
        table = make_table("", "photo or class", "label", "why")
        for finding in list(found)[:_SHOWN]:
            what = finding.get("photo") or ", ".join(finding["classes"])
            table.add_row(cell(" "), cell(what), cell(finding.get("label")), cell(finding["why"]))
        screen.show(table)
    if not any(counts.values()):
        screen.done("Nothing seems to be wrong with the photos and their labels")
