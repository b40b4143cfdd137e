"""Lambda entry point of the inference function."""

import os
import time
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.logging import correlation_paths

from functions.common.observability import logger, metrics, tracer
from functions.inference.capture import PhotoCapture
from functions.inference.clients import capture_client, image_client, pointer_client, runtime_client
from functions.inference.endpoint import READ_TIMEOUTS_S, EndpointClient
from functions.inference.events.http_events import in_form_of, sender_of
from functions.inference.events.requests import parse_request
from functions.inference.events.responses import answer, batch_answer
from functions.inference.fetching.deadlines import Deadline
from functions.inference.fetching.fetcher import ImageFetcher
from functions.inference.fetching.s3_images import read_s3_image
from functions.inference.live_release import LivePointer
from functions.inference.observations import note_latency, note_request, note_results
from functions.inference.prediction import Predictor, Result
from functions.inference.settings import Settings, read_settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# Kept back to write the answer, the metrics and the log before Lambda ends the process.
ANSWER_RESERVE_S = 0.5


@logger.inject_lambda_context(
    log_event=False, clear_state=True, correlation_id_path=correlation_paths.API_GATEWAY_HTTP
)
@metrics.log_metrics(capture_cold_start_metric=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: Any, context: "LambdaContext") -> dict[str, Any]:
    """{"url": ...} -> {"statusCode", "headers", "body"}; schemas/inference.openapi.json has every form."""
    started = time.perf_counter()
    deadline = Deadline.after(context.get_remaining_time_in_millis() / 1000 - ANSWER_RESERVE_S)
    if sender_of(event) is None or not logger.get_correlation_id():
        logger.set_correlation_id(context.aws_request_id)
    results, is_batch = _results(event, deadline)
    note_results(results)
    note_latency(time.perf_counter() - started)
    request_id = context.aws_request_id
    said = batch_answer(results, request_id) if is_batch else answer(results[0], request_id)
    return in_form_of(event, said)


def _results(event: Any, deadline: Deadline) -> tuple[list[Result], bool]:
    """One result an image, and whether the caller sent a list of images."""
    try:
        request = parse_request(event, data_bucket=_settings().data_bucket)
        note_request(request)
        return _predictor().predict(request, deadline), request.is_batch
    except Exception as error:  # noqa: BLE001  (every failure gets an answer, none a stack trace)
        return [error], False


@cache
def _settings() -> Settings:
    return read_settings(os.environ)


@cache
def _predictor() -> Predictor:
    settings = _settings()
    return Predictor(
        fetcher=ImageFetcher(settings.hosts, settings.max_image_bytes, settings.contact),
        read_s3_image=partial(read_s3_image, max_bytes=settings.max_image_bytes, s3=image_client),
        live_pointer=LivePointer(
            settings.live_pointer_parameter, cache_s=settings.pointer_cache_s, ssm=pointer_client
        ),
        endpoint=EndpointClient(runtime_client),
        fetch_timeout_s=settings.fetch_timeout_s,
        max_image_pixels=settings.max_image_pixels,
        low_confidence=settings.low_confidence,
        capture=PhotoCapture(
            settings.data_bucket,
            settings.capture_share,
            settings.captures_a_day,
            settings.max_image_pixels,
            capture_client,
        ),
        counts_drift=settings.counts_drift,
    )


if "AWS_LAMBDA_INITIALIZATION_TYPE" in os.environ:
    # Lambda starts a worker on a whole core; the first request may have less of one.
    _predictor()
    pointer_client()
    runtime_client(READ_TIMEOUTS_S[1])
