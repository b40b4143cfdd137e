"""`dropserve demo`: the whole thing with real photos, from nothing to answers."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from botocore.exceptions import ClientError

from contracts.bucket import AUDIT, AUDIT_PAGE, METRICS, MODEL_CARD, REPORT
from deploy_scripts.aws import connect
from deploy_scripts.commands.checks.audit import say_counts
from deploy_scripts.commands.local_cloud.up import start
from deploy_scripts.commands.runs.drop import upload_with_bar
from deploy_scripts.demo_data import PhotoSet, demo_photos, second_photos
from deploy_scripts.errors import is_error
from deploy_scripts.operations.audits import audit_of_run
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.drops.upload import read_dataset
from deploy_scripts.operations.predictions import predict_url, upload_photo
from deploy_scripts.operations.releases.live import read_live
from deploy_scripts.operations.runs.ledger import LedgerItem, Run, find_item
from deploy_scripts.operations.runs.starts import wait_for_drop
from deploy_scripts.operations.runs.watching import require_live, watch_run
from deploy_scripts.operations.s3_documents import download_run_files
from deploy_scripts.options import JsonOption, with_stage
from deploy_scripts.packaging.archives import sha256_of
from deploy_scripts.project import reports_folder
from deploy_scripts.screen import Screen, cell, make_table
from deploy_scripts.settings.stage import Stage
from deploy_scripts.stack_deployment import choices_of
from deploy_scripts.stack_deployment import deploy as deploy_stack

REPORTS = [REPORT, MODEL_CARD, AUDIT_PAGE, METRICS, AUDIT]


@dataclass(frozen=True)
class PhotoAnswer:
    """What the model said about a photo that training never saw; `url` is without its signature."""

    url: str
    label: str
    probability: float
    expected: str


@with_stage
def demo(
    stage: Stage,
    second: Annotated[bool, typer.Option("--second", help="Another set of photos, other classes.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Drop real photos, train, audit, deploy, and ask for predictions; ends only when the model is live."""
    screen = Screen(as_json=as_json)
    clock = _PhaseClock()
    with clock.phase("photos"):
        photos = second_photos() if second else demo_photos()
        screen.done(f"{photos.photo_count} real food photos of {len(photos.held_out)} classes are ready")
    if stage.target.name == "local":
        with clock.phase("up"):
            start(screen)
    with clock.phase("deploy"):
        aws = connect(stage.target)
        with screen.moving("Deploying") as say:
            deployment = Deployment(aws, deploy_stack(aws, choices_of(stage), say=say, warn=screen.say))
        screen.done("dropserve is deployed")
    with clock.phase("run"):
        run = _live_run_of(screen, deployment, photos) or _drop_and_watch(screen, deployment, photos)
    require_live(deployment, run)
    with clock.phase("predict"):
        answers = [_ask(deployment, label, photo) for label, photo in photos.held_out]
    with clock.phase("reports"):
        counts = audit_of_run(deployment, run.run_id)["counts"]
        reports = download_run_files(deployment, run.run_id, REPORTS, to=reports_folder() / run.run_id)
    document = _document(deployment, run, answers, counts, clock.seconds)
    if as_json:
        screen.put_json(document)
    else:
        _show(screen, document, answers, reports)


def _drop_and_watch(screen: Screen, deployment: Deployment, photos: PhotoSet) -> Run:
    dropped = upload_with_bar(screen, deployment, read_dataset(photos.zip_file, photos.name))
    return watch_run(screen, deployment, wait_for_drop(deployment, dropped.key, dropped.version_id))


def _live_run_of(screen: Screen, deployment: Deployment, photos: PhotoSet) -> Run | None:
    """The live run, when it was trained on these very photos: to train again would give the same model."""
    live = read_live(deployment)
    if live is None:
        return None
    item = find_item(deployment, live.run_id)
    if _dropped_sha256(deployment, item) != sha256_of(photos.zip_file):
        return None
    screen.done(f"A model of these very photos is live already: run {item.run.run_id}")
    screen.say("  (train it anew all the same: `dropserve run --force --watch`)")
    return item.run


def _dropped_sha256(deployment: Deployment, item: LedgerItem) -> str | None:
    version: Any = {"VersionId": item.version_id} if item.version_id else {}
    try:
        head = deployment.aws.s3.head_object(Bucket=item.bucket, Key=item.key, **version)
    except ClientError as error:
        if is_error(error, "404", "NoSuchKey"):
            return None
        raise
    return head["Metadata"].get("sha256")


def _ask(deployment: Deployment, expected: str, photo: Path) -> PhotoAnswer:
    url = upload_photo(deployment, photo, f"demo/{expected}-{photo.name}")
    label, probability = predict_url(deployment, url).labels[0]
    return PhotoAnswer(url.partition("?")[0], label, probability, expected)


def _document(
    deployment: Deployment,
    run: Run,
    answers: list[PhotoAnswer],
    counts: dict[str, int],
    seconds: dict[str, float],
) -> dict[str, Any]:
    live = read_live(deployment)
    return {
        "run_id": run.run_id,
        "status": run.status,
        "accuracy": run.accuracy,
        "endpoint": live.endpoint_name if live else None,
        "predictions": [asdict(answer) for answer in answers],
        "audit": counts,
        "seconds": seconds,
    }


def _show(screen: Screen, document: dict[str, Any], answers: list[PhotoAnswer], reports: list[Path]) -> None:
    table = make_table("photo that training never saw", "label", "probability", "")
    for answer in answers:
        mark = "right" if answer.label == answer.expected else f"wrong: {answer.expected}"
        table.add_row(cell(answer.url), cell(answer.label), cell(f"{answer.probability:.3f}"), cell(mark))
    screen.show(table)
    screen.say(f"Test accuracy: {document['accuracy']:.3f}", style="bold")
    screen.say(say_counts(document["audit"]))
    for report in reports:
        if report.suffix == ".html":
            screen.say(f"Report: {report}")
    took = ", ".join(f"{phase} {seconds:.1f} s" for phase, seconds in document["seconds"].items())
    screen.say(f"Took: {took}")
    screen.say("Go on: `dropserve predict FILE`, `dropserve drop photos.zip --watch`, `dropserve status`")
    screen.say("See it in the browser: `dropserve console`")
    screen.say("Stop:  `dropserve down`")


class _PhaseClock:
    """Seconds by phase; the phases do not overlap."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - began, 2)
