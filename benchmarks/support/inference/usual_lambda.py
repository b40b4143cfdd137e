"""Our inference function as Powertools' examples would have it: the shortcuts of a quick start undone.

A parser with models, a tracer that patches every library, Parameters, boto3 clients. It is shipped without
our bytecode and with all of botocore's models. Fetch and images are ours: there is no usual way of those.
"""

import json
import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.parameters import SSMProvider
from aws_lambda_powertools.utilities.parser import BaseModel, parse
from aws_lambda_powertools.utilities.parser.models import APIGatewayProxyEventV2Model
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.inference.fetching.allowed_hosts import HostRules
from functions.inference.fetching.deadlines import Deadline
from functions.inference.fetching.fetcher import ImageFetcher
from functions.inference.fetching.image_urls import parse_image_url
from functions.inference.images import prepare_image

logger = Logger()
tracer = Tracer()
metrics = Metrics()
runtime = boto3.client("sagemaker-runtime")
pointers = SSMProvider(boto3_client=boto3.client("ssm"))
fetcher = ImageFetcher(HostRules(private=frozenset({"localhost"})), int(os.environ["MAX_IMAGE_BYTES"]))


class ImageRequest(BaseModel):
    """What a caller sends."""

    url: str
    top_k: int = 5


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_HTTP)
@metrics.log_metrics(capture_cold_start_metric=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """{"url": ...} -> {"statusCode", "headers", "body"}."""
    if "requestContext" in event:
        event = json.loads(str(parse(event=event, model=APIGatewayProxyEventV2Model).body or ""))
    request = parse(event=event, model=ImageRequest)
    pointer: Any = pointers.get(os.environ["LIVE_POINTER_PARAMETER"], max_age=60, transform="json")
    data = _fetch(request.url)
    image = prepare_image(data, max_pixels=int(os.environ["MAX_IMAGE_PIXELS"]))
    reply = runtime.invoke_endpoint(
        EndpointName=pointer["endpoint_name"],
        ContentType=image.content_type,
        Accept="application/json",
        Body=image.body,
    )
    answer = json.loads(reply["Body"].read())
    likely = sorted(zip(answer["probabilities"], answer["classes"], strict=True), reverse=True)
    metrics.add_metric(name="ImageBytes", unit=MetricUnit.Bytes, value=len(data))
    logger.info("answered")
    predictions = [{"label": label, "probability": share} for share, label in likely[: request.top_k]]
    return {"statusCode": 200, "headers": {}, "body": json.dumps({"predictions": predictions, **answer})}


@tracer.capture_method(capture_response=False)
def _fetch(url: str) -> bytes:
    return fetcher.fetch(parse_image_url(url), Deadline.after(10))
