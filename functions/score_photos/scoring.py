"""One photo to its line of the result: read, checked, asked about at the live endpoint.

Reading, checking and asking are the inference function's own.
"""

import heapq
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, NamedTuple

from contracts.limits import DEFAULT_TOP_K, MAX_PAYLOAD_BYTES
from contracts.scoring import CALLS_AT_ONCE, CALLS_BEGUN, PHOTOS_A_CALL, PHOTOS_AT_ONCE
from functions.common.errors import DropserveError, bounded_reason
from functions.common.observability import logger
from functions.common.s3_uris import S3Uri
from functions.inference.endpoint import EndpointClient, Scores
from functions.inference.errors import EndpointGoneError, ImageRefusedError, ModelBusyError
from functions.inference.events.responses import problem_of
from functions.inference.fetching.deadlines import Deadline
from functions.inference.images import ModelInput, prepare_image
from functions.inference.live_release import LivePointer, Release
from functions.score_photos.batches import Batch, Photo

# A batch is patient: the endpoint's own retries are over after a second.
BUSY_PAUSE_S = 3.0
PHOTO_LIMIT_S = 60.0

# Of base64, a third more than the bytes; the rest is for what stands around it.
MAX_CALL_BYTES = MAX_PAYLOAD_BYTES // 4 * 3 - 65_536

# A photo's answer, or why it has none.
Outcome = tuple[Release, Scores] | Exception
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
        """One line a photo, in their order; while some are at the endpoint, the next are read and checked."""
        lines: list[Line] = []
        begun: deque[Future[list[Line]]] = deque()
        with (
            ThreadPoolExecutor(PHOTOS_AT_ONCE, thread_name_prefix="photo") as readers,
            ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="call") as askers,
        ):
            for at in range(0, len(photos), PHOTOS_A_CALL):
                # No more are begun: photos that wait take memory.
                if len(begun) == CALLS_BEGUN:
                    lines += begun.popleft().result()
                together = photos[at : at + PHOTOS_A_CALL]
                limit = deadline.within(PHOTO_LIMIT_S)
                inputs = [readers.submit(self._input, batch.bucket, photo, limit) for photo in together]
                begun.append(askers.submit(self._lines, together, inputs, deadline))
            return lines + [line for call in begun for line in call.result()]

    def _input(self, bucket: str, photo: Photo, deadline: Deadline) -> ModelInput | Exception:
        try:
            data = self.read_image(S3Uri(bucket, photo.key), deadline)
            with self.decoding:
                # The endpoint decodes each photo anyway.
                return prepare_image(data, max_pixels=self.max_image_pixels, decode_all=False)
        except Exception as error:  # noqa: BLE001 - one photo must not cost the others their answers
            return error

    def _lines(
        self, photos: list[Photo], reads: list["Future[ModelInput | Exception]"], deadline: Deadline
    ) -> list[Line]:
        """Those of photos that are asked about together, as far as they fit into a request."""
        inputs = [read.result() for read in reads]
        images = [each for each in inputs if not isinstance(each, Exception)]
        limit = deadline.within(PHOTO_LIMIT_S)
        outcomes_of_images = [each for group in _groups(images) for each in self._answers(group, limit)]
        answers = map(self._told, images, outcomes_of_images)
        outcomes = [each if isinstance(each, Exception) else next(answers) for each in inputs]
        return [_line(photo, outcome) for photo, outcome in zip(photos, outcomes, strict=True)]

    def _answers(self, images: list[ModelInput], deadline: Deadline) -> list[Outcome]:
        try:
            release, scores = self._ask(images, deadline)
        except ImageRefusedError as error:
            if len(images) == 1:
                return [error]
            # Something about one of them: it must not cost the others their answers.
            return [outcome for image in images for outcome in self._answers([image], deadline)]
        except Exception as error:  # noqa: BLE001 - it is told photo by photo
            return [error] * len(images)
        return [each if isinstance(each, Exception) else (release, each) for each in scores]

    def _told(self, image: ModelInput, outcome: Outcome) -> Outcome:
        """What is wrong with a photo that the model refuses, where decoding it tells."""
        if isinstance(outcome, ImageRefusedError):
            try:
                with self.decoding:
                    prepare_image(image.body, max_pixels=self.max_image_pixels)
            except DropserveError as error:
                return error
        return outcome

    def _ask(
        self, images: list[ModelInput], deadline: Deadline
    ) -> tuple[Release, Sequence[Scores | Exception]]:
        """Of the live release, never of a canary: a table of two models would be none."""
        self.live_pointer.current()
        release = self.live_pointer.without_canary()
        while True:
            try:
                if len(images) == 1:
                    return release, [self.endpoint.invoke(release.endpoint_name, images[0], deadline)]
                return release, self.endpoint.invoke_many(release.endpoint_name, images, deadline)
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


def _groups(images: list[ModelInput]) -> Iterator[list[ModelInput]]:
    """In their order, each as large as a request takes in base64."""
    group: list[ModelInput] = []
    size = 0
    for image in images:
        if group and size + len(image.body) > MAX_CALL_BYTES:
            yield group
            group, size = [], 0
        group.append(image)
        size += len(image.body)
    if group:
        yield group


def _line(photo: Photo, outcome: Outcome) -> Line:
    if isinstance(outcome, DropserveError):
        problem = problem_of(outcome)
        # What is the photo's own fault stays so.
        return failure(photo, problem.code, str(outcome), again=problem.status.value >= 500)
    if isinstance(outcome, Exception):
        # The kind only: an unforeseen error's text may hold anything.
        logger.error("photo not scored", extra={"error_kind": type(outcome).__name__})
        return failure(photo, "internal_error", type(outcome).__name__, again=True)
    return _success(photo, *outcome)


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
