"""What a request leaves behind in log, trace and metrics."""

import traceback
from collections.abc import Iterable
from typing import Any

from aws_lambda_powertools import single_metric
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from contracts.drift import UNKNOWN_METRIC, bin_metric
from functions.common.errors import DropserveError
from functions.common.observability import logger, metrics, tracer
from functions.inference.endpoint import Scores
from functions.inference.events.requests import Request
from functions.inference.events.responses import problem_of
from functions.inference.fetching.image_urls import ImageUrl
from functions.inference.live_release import Release, Track

OK = "ok"
SEVERAL = "several"


def note_request(request: Request) -> None:
    """The images' hosts: never a path or a query, which may hold a signature."""
    hosts = sorted({image.host for image in request.images if isinstance(image, ImageUrl)})
    if hosts:
        logger.append_keys(image_host=",".join(hosts))
        tracer.put_annotation("image_host", hosts[0] if len(hosts) == 1 else SEVERAL)


def note_results(results: Iterable[dict[str, Any] | Exception]) -> None:
    """One outcome an image; the trace has what they have in common."""
    outcomes, releases = set(), set()
    for result in results:
        if isinstance(result, Exception):
            outcomes.add(_note_failure(result))
        else:
            release = result["model"]["release"]
            outcomes.add(_count(OK))
            releases.add(release)
            logger.info("answered", extra={"release": release})
    tracer.put_annotation("outcome", _common(outcomes))
    if releases:
        tracer.put_annotation("release", _common(releases))


def note_latency(elapsed_s: float) -> None:
    """The whole request's time."""
    metrics.add_metric(name="RequestLatency", unit=MetricUnit.Milliseconds, value=elapsed_s * 1000)


def note_model(
    track: Track,
    *,
    elapsed_s: float,
    failed: bool = False,
    unsure: bool | None = None,
    unknown: bool | None = None,
) -> None:
    """One call of the endpoint, by which alarms watch a release, live or canary.

    The shares of failures, of low confidence and of unknown images are averages of 0 and 1. `unsure` is None
    where there is no answer, `unknown` where the model cannot tell.
    The acceptance test's own calls leave nothing.
    """
    if track == "candidate":
        return
    own = EphemeralMetrics()
    own.add_dimension(name="service", value=logger.service)
    own.add_dimension(name="track", value=track)
    own.add_metric(name="ModelFailure", unit=MetricUnit.Count, value=int(failed))
    own.add_metric(name="ModelLatency", unit=MetricUnit.Milliseconds, value=elapsed_s * 1000)
    if unsure is not None:
        own.add_metric(name="LowConfidence", unit=MetricUnit.Count, value=int(unsure))
    if unknown is not None:
        own.add_metric(name="UnknownPhoto", unit=MetricUnit.Count, value=int(unknown))
    own.flush_metrics()


def note_drift(release: Release, scores: Scores) -> None:
    """One answer of the live release, as the review of its drift counts them: docs/drift.md."""
    if release.track == "candidate" or not scores.drift:
        return
    own = EphemeralMetrics()
    own.add_dimension(name="service", value=logger.service)
    own.add_dimension(name="release", value=release.release)
    for statistic, place in scores.drift.items():
        own.add_metric(name=bin_metric(statistic, place), unit=MetricUnit.Count, value=1)
    if scores.unknown:
        own.add_metric(name=UNKNOWN_METRIC, unit=MetricUnit.Count, value=int(scores.unknown.unknown))
    own.flush_metrics()


def _note_failure(error: Exception) -> str:
    problem = problem_of(error)
    fields: dict[str, Any] = {"code": problem.code, "status": problem.status.value}
    if isinstance(error, DropserveError):
        logger.warning("refused", extra={**fields, "detail": str(error)})
    else:
        # Frames and kind only: the text of an unforeseen error may quote a signed URL.
        frames = traceback.format_tb(error.__traceback__)
        logger.error("failed", extra={**fields, "error_kind": type(error).__name__, "frames": frames})
    return _count(problem.code)


def _count(outcome: str) -> str:
    """A metric of its own, by outcome, so that the latencies stay undivided."""
    with single_metric(name="Outcome", unit=MetricUnit.Count, value=1) as metric:
        metric.add_dimension(name="service", value=logger.service)
        metric.add_dimension(name="outcome", value=outcome)
    return outcome


def _common(values: set[str]) -> str:
    return values.pop() if len(values) == 1 else SEVERAL
