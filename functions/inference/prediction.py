"""From a request to an answer: get the image, prepare it, ask the model."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit

from functions.common.observability import metrics
from functions.common.s3_uris import S3Uri
from functions.inference.deadlines import Deadline
from functions.inference.endpoint import Endpoint, Scores
from functions.inference.errors import EndpointGoneError
from functions.inference.events import ReleaseCheck, UrlRequest
from functions.inference.fetching import ImageFetcher
from functions.inference.images import ModelInput, prepare_image
from functions.inference.live_release import LivePointer, Release
from functions.inference.phases import phase


@dataclass(frozen=True)
class Predictor:
    """What answering needs; `read_run_image` gives the bytes of an S3 object."""

    fetcher: ImageFetcher
    read_run_image: Callable[[S3Uri], bytes]
    live_pointer: LivePointer
    endpoint: Endpoint
    fetch_timeout_s: float
    max_image_pixels: int

    def predict(self, request: UrlRequest | ReleaseCheck, deadline: Deadline) -> dict[str, Any]:
        """The answer's body, without its request id: predictions, classes, scores, model.

        Raises the errors of errors.py.
        """
        # First, because it costs least and may end the request.
        release = self._release(request)
        with phase("Fetch"):
            data = self._image_bytes(request, deadline)
        metrics.add_metric(name="ImageBytes", unit=MetricUnit.Bytes, value=len(data))
        with phase("Prepare"):
            image = prepare_image(data, max_pixels=self.max_image_pixels)
        with phase("Invoke"):
            release, scores = self._ask(release, image, deadline, is_live=isinstance(request, UrlRequest))
        return _answer(release, scores, request.top_k)

    def _release(self, request: UrlRequest | ReleaseCheck) -> Release:
        if isinstance(request, ReleaseCheck):
            return Release(request.endpoint_name, request.endpoint_name, request.run_id)
        return self.live_pointer.current()

    def _image_bytes(self, request: UrlRequest | ReleaseCheck, deadline: Deadline) -> bytes:
        if isinstance(request, ReleaseCheck):
            return self.read_run_image(request.image)
        return self.fetcher.fetch(request.url, deadline.within(self.fetch_timeout_s))

    def _ask(
        self, release: Release, image: ModelInput, deadline: Deadline, *, is_live: bool
    ) -> tuple[Release, Scores]:
        try:
            return release, self.endpoint.invoke(release.endpoint_name, image, deadline)
        except EndpointGoneError:
            if not is_live:
                raise
            # The cached pointer may name a release that was replaced and taken down meanwhile.
            newer = self.live_pointer.reread()
            if newer.endpoint_name == release.endpoint_name:
                raise
        return newer, self.endpoint.invoke(newer.endpoint_name, image, deadline)


def _answer(release: Release, scores: Scores, top_k: int) -> dict[str, Any]:
    best = heapq.nlargest(
        top_k, zip(scores.probabilities, scores.classes, strict=True), key=lambda pair: pair[0]
    )
    return {
        "predictions": [{"label": label, "probability": probability} for probability, label in best],
        "classes": scores.classes,
        "scores": scores.scores,
        "model": {"release": release.release, "run_id": release.run_id},
    }
