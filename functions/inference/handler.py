"""Lambda entry point of the inference function."""

import os
import time
import traceback
from functools import cache
from typing import Any

from aws_lambda_powertools import single_metric
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.parameters import SSMProvider
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.common.clients import client
from functions.common.errors import DropserveError
from functions.common.observability import logger, metrics, tracer
from functions.inference.clients import pointer_client, runtime_client
from functions.inference.deadlines import Deadline
from functions.inference.endpoint import READ_TIMEOUTS_S, Endpoint
from functions.inference.events import UrlRequest, is_http_event, parse_request
from functions.inference.fetching import ImageFetcher
from functions.inference.live_release import LivePointer
from functions.inference.prediction import Predictor
from functions.inference.responses import failure, problem_of, success
from functions.inference.run_images import read_run_image
from functions.inference.settings import Settings, read_settings

# Kept back to write the answer, the metrics and the log before Lambda ends the process.
ANSWER_RESERVE_S = 0.5


@logger.inject_lambda_context(
    log_event=False, clear_state=True, correlation_id_path=correlation_paths.API_GATEWAY_HTTP
)
@metrics.log_metrics(capture_cold_start_metric=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: Any, context: LambdaContext) -> dict[str, Any]:
    """{"url": ...} -> {"statusCode", "headers", "body"}; see events.py and responses.py for every form."""
    started = time.perf_counter()
    deadline = Deadline.after(context.get_remaining_time_in_millis() / 1000 - ANSWER_RESERVE_S)
    if not is_http_event(event):
        logger.set_correlation_id(context.aws_request_id)
    try:
        answer = _answer(event, deadline)
        response = success(answer, request_id=context.aws_request_id)
        _record_outcome("ok")
        logger.info("answered", extra={"release": answer["model"]["release"]})
    except Exception as error:  # noqa: BLE001  (every failure gets an answer, none a stack trace)
        response = failure(error, request_id=context.aws_request_id)
        _record_failure(error)
    elapsed_ms = (time.perf_counter() - started) * 1000
    metrics.add_metric(name="RequestLatency", unit=MetricUnit.Milliseconds, value=elapsed_ms)
    return response


def _answer(event: Any, deadline: Deadline) -> dict[str, Any]:
    settings = _settings()
    request = parse_request(event, data_bucket=settings.data_bucket)
    if isinstance(request, UrlRequest):
        logger.append_keys(image_host=request.url.host)
        tracer.put_annotation("image_host", request.url.host)
    answer = _predictor().predict(request, deadline)
    tracer.put_annotation("release", answer["model"]["release"])
    return answer


@cache
def _settings() -> Settings:
    return read_settings(os.environ)


@cache
def _predictor() -> Predictor:
    settings = _settings()
    return Predictor(
        fetcher=ImageFetcher(settings.allowed_private_hosts, settings.max_image_bytes),
        read_run_image=lambda uri: read_run_image(uri, max_bytes=settings.max_image_bytes, s3=client("s3")),
        live_pointer=LivePointer(
            settings.live_pointer_parameter,
            cache_s=settings.pointer_cache_s,
            provider=SSMProvider(boto3_client=pointer_client()),
        ),
        endpoint=Endpoint(runtime_client),
        fetch_timeout_s=settings.fetch_timeout_s,
        max_image_pixels=settings.max_image_pixels,
    )


def _record_failure(error: Exception) -> None:
    problem = problem_of(error)
    _record_outcome(problem.code)
    fields: dict[str, Any] = {"code": problem.code, "status": problem.status.value}
    if isinstance(error, DropserveError):
        logger.warning("refused", extra={**fields, "detail": str(error)})
    else:
        # Frames and kind only: the text of an unforeseen error may quote a signed URL.
        frames = traceback.format_tb(error.__traceback__)
        logger.error("failed", extra={**fields, "error_kind": type(error).__name__, "frames": frames})


def _record_outcome(code: str) -> None:
    """One count by outcome; a metric of its own, so that the latencies stay undivided."""
    tracer.put_annotation("outcome", code)
    with single_metric(name="Outcome", unit=MetricUnit.Count, value=1) as metric:
        metric.add_dimension(name="service", value=os.environ.get("POWERTOOLS_SERVICE_NAME", "inference"))
        metric.add_dimension(name="outcome", value=code)


if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "provisioned-concurrency":
    # Before the first request, which then waits for no client to be made.
    _predictor()
    runtime_client(READ_TIMEOUTS_S[1])
