"""The acceptance test: read the sample, ask the endpoint for each photo, compare."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from contracts.limits import DEFAULT_TOP_K
from functions.accept_model.agreement import AcceptanceError, Answer, compare_all
from functions.accept_model.inference_function import InferenceFunction
from functions.common.documents import parse_document
from functions.common.observability import logger
from functions.common.s3_uris import S3Uri, parse_s3_uri


def accept_model(
    request: Mapping[str, Any], *, inference: InferenceFunction, at_once: int, s3: Any
) -> dict[str, Any]:
    """The figures of the endpoint that `request` (run, acceptance_uri, endpoint_name) names.

    `at_once` photos are asked for at the same time. Raises AcceptanceError, which has the figures, when the
    endpoint does not answer as training's graph did, and DocumentError when the sample cannot be read.
    """
    uri = parse_s3_uri(request["acceptance_uri"])
    text = s3.get_object(Bucket=uri.bucket, Key=uri.key)["Body"].read()
    sample = parse_document("acceptance", text, where=str(uri))
    folder = uri.key.rpartition("/")[0]
    photos = [S3Uri(uri.bucket, f"{folder}/{photo['file']}") for photo in sample["photos"]]

    def ask(photo: S3Uri) -> Answer:
        return inference.ask(photo, request["endpoint_name"], DEFAULT_TOP_K)

    with ThreadPoolExecutor(at_once) as pool:
        # The first failure cancels what has not begun.
        answers = list(pool.map(ask, photos))
    agreement = compare_all(sample, answers)
    for odd in agreement.odd:
        figures = {
            "expected": odd.expected,
            "answered": odd.answered,
            "difference": odd.difference,
            "unknown": odd.unknown_fault,
        }
        logger.warning("a photo is answered otherwise", extra={"photo": odd.photo, **figures})
    if not agreement.accepted:
        raise AcceptanceError(agreement.describe())
    return {
        "photos": len(photos),
        "agreed": agreement.agreed,
        "largest_difference": agreement.largest_difference,
        "summary": agreement.describe(),
    }
