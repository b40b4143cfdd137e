"""One photo to its line of the result: read, checked, asked about at the live endpoint.

Reading, checking and asking are the inference function's own.
"""

import heapq
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, NamedTuple

from contracts.limits import DEFAULT_TOP_K
from contracts.scoring import PHOTOS_AT_ONCE
from functions.common.errors import DropserveError, bounded_reason
from functions.common.observability import logger
from functions.common.s3_uris import S3Uri
from functions.inference.endpoint import EndpointClient, Scores
from functions.inference.errors import EndpointGoneError, ModelBusyError
from functions.inference.events.responses import problem_of
from functions.inference.fetching.deadlines import Deadline
from functions.inference.images import ModelInput, prepare_image
from functions.inference.live_release import LivePointer, Release
from functions.score_photos.batches import Batch, Photo

# A batch is patient: the endpoint's own retries are over after a second.
BUSY_PAUSE_S = 3.0
PHOTO_LIMIT_S = 60.0

# A line of the result, as schemas/photo_score.schema.json has it.
Line = dict[str, Any]


class PhotoScorer(NamedTuple):
    """`read_image` gives the bytes of an S3 object."""

    read_image: Callable[[S3Uri, Deadline], bytes]
    live_pointer: LivePointer
    endpoint: EndpointClient
    max_image_pixels: int
    # One after the other: several large pictures, decoded, would not fit in memory.
    decoding: threading.Lock

    def score(self, batch: Batch, photos: list[Photo], deadline: Deadline) -> list[Line]:
        """One line a photo, in their order; several are at the endpoint at once."""
        if not photos:
            return []
        with ThreadPoolExecutor(PHOTOS_AT_ONCE, thread_name_prefix="photo") as threads:
            return list(threads.map(lambda photo: self._line(batch.bucket, photo, deadline), photos))

    def _line(self, bucket: str, photo: Photo, deadline: Deadline) -> Line:
        try:
            release, scores = self._answer(S3Uri(bucket, photo.key), deadline.within(PHOTO_LIMIT_S))
        except DropserveError as error:
            problem = problem_of(error)
            # What is the photo's own fault stays so.
            passes = problem.status.value >= 500
            return failure(photo, problem.code, str(error), again=passes)
        except Exception as error:  # noqa: BLE001 - one photo must not cost the others their answers
            # The kind only: an unforeseen error's text may hold anything.
            logger.error("photo not scored", extra={"error_kind": type(error).__name__})
            return failure(photo, "internal_error", type(error).__name__, again=True)
        return _success(photo, release, scores)

    def _answer(self, uri: S3Uri, deadline: Deadline) -> tuple[Release, Scores]:
        data = self.read_image(uri, deadline)
        with self.decoding:
            image = prepare_image(data, max_pixels=self.max_image_pixels)
        return self._ask(image, deadline)

    def _ask(self, image: ModelInput, deadline: Deadline) -> tuple[Release, Scores]:
        """Of the live release, never of a canary: a table of two models would be none."""
        self.live_pointer.current()
        release = self.live_pointer.without_canary()
        while True:
            try:
                return release, self.endpoint.invoke(release.endpoint_name, image, deadline)
            except EndpointGoneError:
                # The cached pointer may name a release that was replaced and taken down meanwhile.
                self.live_pointer.reread()
                other = self.live_pointer.without_canary()
                if other.endpoint_name == release.endpoint_name:
                    raise
                release = other
            except ModelBusyError:
                pause_s = random.uniform(0, BUSY_PAUSE_S)  # noqa: S311 - no secret is made of it
                if pause_s > deadline.left_s("waiting for the model"):
                    raise
                time.sleep(pause_s)


def failure(photo: Photo, code: str, reason: str, *, again: bool) -> Line:
    """The line of a photo without an answer; `again`: another try may give one."""
    return {**_of(photo), "error": code, "reason": bounded_reason(reason), "again": again}


def _success(photo: Photo, release: Release, scores: Scores) -> Line:
    pairs = zip(scores.probabilities, scores.classes, strict=True)
    best = heapq.nlargest(DEFAULT_TOP_K, pairs, key=lambda pair: pair[0])
    line: Line = {
        **_of(photo),
        "release": release.release,
        "run_id": release.run_id,
        "predictions": [{"label": label, "probability": probability} for probability, label in best],
    }
    if scores.unknown:
        line |= {"unknown": scores.unknown.unknown, "unknown_score": scores.unknown.score}
    return line


def _of(photo: Photo) -> Line:
    return {"key": photo.key, "etag": photo.etag, "at": datetime.now(UTC).isoformat(timespec="milliseconds")}
