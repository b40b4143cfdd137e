"""From a request to its results: get each image, prepare it, ask the model."""

import heapq
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from aws_lambda_powertools.metrics import MetricUnit

from functions.common.observability import metrics
from functions.common.s3_uris import S3Uri
from functions.inference.capture import AnsweredPhoto, PhotoCapture
from functions.inference.endpoint import EndpointClient, Scores
from functions.inference.errors import (
    EndpointError,
    EndpointGoneError,
    ImageTooLargeError,
    ModelBusyError,
    ModelTimeoutError,
)
from functions.inference.events.requests import MAX_URLS, Request
from functions.inference.fetching.deadlines import Deadline
from functions.inference.fetching.fetcher import ImageFetcher
from functions.inference.fetching.image_urls import ImageUrl
from functions.inference.images import ModelInput, prepare_image
from functions.inference.live_release import LivePointer, Release
from functions.inference.observations import note_drift, note_model
from functions.inference.timings import run_phase

NO_EXPLANATION = "the live model's server gives no heat maps: deploy, and train the model again"

# One image's body, or why it has none.
Result = dict[str, Any] | Exception


class Predictor(NamedTuple):
    """What answering needs; `read_s3_image` gives the bytes of an S3 object."""

    fetcher: ImageFetcher
    read_s3_image: Callable[[S3Uri, Deadline], bytes]
    live_pointer: LivePointer
    endpoint: EndpointClient
    fetch_timeout_s: float
    max_image_pixels: int
    low_confidence: float
    capture: PhotoCapture
    counts_drift: bool

    def predict(self, request: Request, deadline: Deadline) -> list[Result]:
        """One result an image, in their order: predictions, classes, scores and model; or the error.

        Raises NoLiveModelError, PausedError, PointerUnreadableError.
        """
        # First, because it costs least and may end the request.
        release = self._release(request)
        fetch = partial(self._image_bytes, deadline=deadline.within(self.fetch_timeout_s))
        images = run_phase("Fetch", fetch, request.images, at_once=MAX_URLS)
        for image in images:
            if isinstance(image, bytes):
                metrics.add_metric(name="ImageBytes", unit=MetricUnit.Bytes, value=len(image))
        # One after the other: several large pictures, decoded, would not fit in memory.
        inputs = run_phase("Preprocess", self._prepare, images, at_once=1)
        ask = partial(self._ask, request, release, deadline)
        answers = run_phase("Invoke", ask, inputs, at_once=MAX_URLS)
        self._capture(request, images, inputs, answers, deadline)
        return [each if isinstance(each, Exception) else self._result(request, *each) for each in answers]

    def _capture(
        self,
        request: Request,
        images: list[bytes | Exception],
        inputs: list[ModelInput | Exception],
        answers: list[tuple[Release, Scores] | Exception],
        deadline: Deadline,
    ) -> None:
        """At most one photo of a request: the answer waits for it."""
        for source, sent, asked, answer in zip(request.images, images, inputs, answers, strict=True):
            if isinstance(sent, Exception) or isinstance(asked, Exception) or isinstance(answer, Exception):
                continue
            if self.capture.wants(*answer, self.low_confidence):
                self.capture.keep(AnsweredPhoto(source, sent, asked.body, *answer), deadline)
                return

    def _release(self, request: Request) -> Release:
        candidate = request.candidate
        if candidate:
            return Release(candidate.endpoint_name, candidate.endpoint_name, candidate.run_id, "candidate")
        return self.live_pointer.current()

    def _image_bytes(self, source: ImageUrl | S3Uri | bytes, deadline: Deadline) -> bytes:
        if isinstance(source, S3Uri):
            return self.read_s3_image(source, deadline)
        if isinstance(source, bytes):
            if len(source) > self.fetcher.max_bytes:
                raise ImageTooLargeError(
                    f"the image has {len(source)} bytes; at most {self.fetcher.max_bytes} are taken"
                )
            return source
        return self.fetcher.fetch(source, deadline)

    def _prepare(self, image: bytes) -> ModelInput:
        return prepare_image(image, max_pixels=self.max_image_pixels)

    def _ask(
        self, request: Request, release: Release, deadline: Deadline, image: ModelInput
    ) -> tuple[Release, Scores]:
        try:
            return release, self._invoke(release, image, deadline, explain=request.explain)
        except EndpointGoneError:
            if request.candidate:
                raise
            # The cached pointer may name a release that was replaced and taken down meanwhile.
            other = self.live_pointer.reread()
            if other.endpoint_name == release.endpoint_name:
                other = self.live_pointer.without_canary()
            if other.endpoint_name == release.endpoint_name:
                raise
        except (EndpointError, ModelBusyError):
            if release.track != "canary":
                raise
            # Nobody is to suffer from a trial.
            other = self.live_pointer.without_canary()
        return other, self._invoke(other, image, deadline, explain=request.explain)

    def _invoke(self, release: Release, image: ModelInput, deadline: Deadline, *, explain: bool) -> Scores:
        """The endpoint's scores; how it did becomes a metric of the release's track."""
        began = time.perf_counter()
        try:
            scores = self.endpoint.invoke(release.endpoint_name, image, deadline, explain=explain)
        except (EndpointError, EndpointGoneError, ModelBusyError, ModelTimeoutError):
            note_model(release.track, elapsed_s=time.perf_counter() - began, failed=True)
            raise
        unsure = max(scores.probabilities) < self.low_confidence
        unknown = scores.unknown.unknown if scores.unknown else None
        note_model(release.track, elapsed_s=time.perf_counter() - began, unsure=unsure, unknown=unknown)
        if self.counts_drift:
            note_drift(release, scores)
        return scores

    def _result(self, request: Request, release: Release, scores: Scores) -> Result:
        likely = [
            pair
            for pair in zip(scores.probabilities, scores.classes, strict=True)
            if pair[0] >= request.min_probability
        ]
        best = heapq.nlargest(request.top_k, likely, key=lambda pair: pair[0])
        answer: dict[str, Any] = {
            "predictions": [{"label": label, "probability": probability} for probability, label in best],
            "model": {"release": release.release, "run_id": release.run_id},
        }
        if scores.unknown:
            answer["unknown"] = scores.unknown.unknown
            answer["unknown_score"] = scores.unknown.score
            answer["unknown_threshold"] = scores.unknown.threshold
        if request.explain:
            # A server that is older than the question does not answer it.
            answer["explanation"] = scores.explanation or {"refused": NO_EXPLANATION}
        if request.candidate:
            # The workflow asks, and the answer becomes a part of its state, which has a limit.
            return answer
        return {**answer, "classes": scores.classes, "scores": scores.scores}
