"""score_photos: a batch of photos of a scoring job -> their lines in S3, and how many there are."""

import os
import threading
from functools import cache, partial
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from contracts.scoring import BATCH_LOST
from functions.common.clients import client
from functions.common.observability import logger, tracer
from functions.inference.clients import image_client, pointer_client, runtime_client
from functions.inference.endpoint import EndpointClient
from functions.inference.fetching.deadlines import Deadline
from functions.inference.fetching.s3_images import read_s3_image
from functions.inference.live_release import LivePointer
from functions.score_photos.batches import Batch, Photo, read_batch
from functions.score_photos.parts import Parts
from functions.score_photos.scoring import Line, PhotoScorer, failure
from functions.score_photos.settings import Settings, read_settings

# Kept back to write the part before Lambda ends the function.
WRITE_RESERVE_S = 20.0


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """{"photos", "failed"}: how many, of this batch. Raises SettingsError, BatchError, botocore's errors."""
    batch = read_batch(event)
    deadline = Deadline.after(context.get_remaining_time_in_millis() / 1000 - WRITE_RESERVE_S)
    make = partial(_lost, batch) if batch.lost else lambda photos: _scorer().score(batch, photos, deadline)
    lines = Parts(_settings().data_bucket, client("s3")).complete(batch, make)
    failed = [line["error"] for line in lines.values() if "error" in line]
    logger.info("scored", extra={"job": batch.job, "photos": len(lines), "failed": len(failed)})
    return {"photos": len(lines), "failed": len(failed)}


def _lost(batch: Batch, photos: list[Photo]) -> list[Line]:
    return [failure(photo, BATCH_LOST, batch.lost, again=True) for photo in photos]


@cache
def _settings() -> Settings:
    return read_settings(os.environ)


@cache
def _scorer() -> PhotoScorer:
    settings = _settings()
    return PhotoScorer(
        read_image=partial(read_s3_image, max_bytes=settings.max_image_bytes, s3=image_client),
        live_pointer=LivePointer(
            settings.live_pointer_parameter, cache_s=settings.pointer_cache_s, ssm=pointer_client
        ),
        endpoint=EndpointClient(runtime_client),
        max_image_pixels=settings.max_image_pixels,
        decoding=threading.Lock(),
    )
