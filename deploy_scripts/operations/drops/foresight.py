"""What the pipeline will say of a dataset: its inspection and its plan, before anything goes up.

Both by the pipeline's own code, and with the settings that the deployment gave its function.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deploy_scripts.cloudformation.stack import read_parameters
from deploy_scripts.costs.component import DatedPrices
from deploy_scripts.costs.run import run_cost
from deploy_scripts.costs.template_facts import known_parameters
from deploy_scripts.costs.usage import Usage
from deploy_scripts.errors import CliError
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.drops.upload import Dataset
from deploy_scripts.operations.logs.sources import physical_name
from deploy_scripts.operations.releases.live import read_live
from drops.keys import MARKER, PREFIX, read_drop_key
from drops.photo_formats import SIGNATURE_BYTES
from drops.problems import BadDropError, Problem
from functions.inspect_dataset.inspection import Inspection, look_at_files, look_into_zip
from functions.plan_training.machine import Machine, choose_machine
from functions.plan_training.overrides import Overrides
from functions.plan_training.quotas import read_training_quotas
from functions.plan_training.settings import read_settings


@dataclass(frozen=True)
class Inspected:
    """What a dataset holds; `classes` by name with their photos. A problem of severity `error` refuses it."""

    photos: int
    size_bytes: int
    layout: str | None
    classes: Sequence[tuple[str, int]]
    problems: Sequence[Problem]

    @property
    def errors(self) -> list[Problem]:
        return [each for each in self.problems if each.severity == "error"]


@dataclass(frozen=True)
class Planned:
    """The plan as a run would make it now, by list prices; None where a price is not known."""

    machine: Machine
    training_usd: float | None
    workflow_usd: float
    endpoint_usd_per_hour: float | None


def inspect_dataset(dataset: Dataset) -> Inspected:
    """Look at a dataset on this machine as the pipeline will in S3; a bad one raises nothing."""
    inspection = Inspection()
    try:
        # The key that it will have.
        read_drop_key(f"{PREFIX}{dataset.name}{'/' + MARKER if dataset.folder else ''}")
        if dataset.folder is None:
            with dataset.source.open("rb") as file:
                look_into_zip(file, dataset.size_bytes, inspection)
        else:
            _look_into_folder(dataset, inspection)
    except BadDropError as bad:
        inspection.problems.append(bad.problem)
    layout = inspection.layout
    photos = layout.candidates if layout else []
    return Inspected(
        photos=len(photos),
        size_bytes=sum(photo.size_bytes for photo in photos),
        layout=layout.kind if layout and photos else None,
        classes=[(label, splits.total()) for label, splits in layout.counts.items()] if layout else [],
        problems=sorted(inspection.problems, key=lambda problem: problem.severity != "error"),
    )


def require_accepted(dataset: Dataset) -> None:
    """Raises CliError for a dataset that the pipeline would reject: it would be the newest of its name."""
    errors = inspect_dataset(dataset).errors
    if errors:
        raise CliError(
            "The pipeline would reject the dataset with these decisions; nothing was dropped.",
            "Change the decisions, or add photos.",
            [each.message for each in errors],
        )


def _look_into_folder(dataset: Dataset, inspection: Inspection) -> None:
    files = dataset.folder.files if dataset.folder else {}

    def read(name: str, length: int) -> bytes:
        with files[name].open("rb") as file:
            return file.read(length)

    sizes = ((name, file.stat().st_size) for name, file in files.items())
    look_at_files(sizes, read, lambda name: read(name, SIGNATURE_BYTES), inspection)


def plan_dataset(deployment: Deployment, inspected: Inspected) -> Planned:
    """The machine, time and cost that a run of it would have without overrides. Asks AWS, starts nothing."""
    aws = deployment.aws
    function = aws.functions.get_function_configuration(
        FunctionName=physical_name(deployment, "plan_training")
    )
    environment = function.get("Environment", {}).get("Variables", {})
    settings = read_settings({**environment, "AWS_REGION": aws.region})
    machine = choose_machine(
        {"image_count": inspected.photos, "total_bytes": inspected.size_bytes},
        Overrides(),
        settings,
        read_training_quotas(aws.service_quotas),
        tries_champion=read_live(deployment) is not None,
    )
    return Planned(
        machine=machine,
        training_usd=machine.option.cost_usd if machine.option else None,
        workflow_usd=_workflow_usd(deployment, inspected),
        endpoint_usd_per_hour=settings.endpoint.usd_per_hour(settings.region),
    )


def _workflow_usd(deployment: Deployment, inspected: Inspected) -> float:
    """What a run costs beside its training."""
    given = known_parameters(read_parameters(deployment.aws))
    work = Usage(max(1, inspected.photos), round(inspected.size_bytes / max(1, inspected.photos)))
    _, *others = run_cost(given, work, DatedPrices(deployment.aws.region))
    return sum(each.usd or 0.0 for each in others)
