"""AWS's answers to the function's calls, for a local server: botocore itself is under test too."""

import json
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.unit.inference.fetching.image_host import LocalServer, Reply, send_json

RUN_ID = "0123456789abcdef0123456789abcdef"
RELEASE = f"dropserve-{RUN_ID}"
ANSWER = {
    "classes": ["beagle", "collie", "poodle", "pug"],
    "scores": [1.0, 4.0, 2.0, 3.0],
    "probabilities": [0.0321, 0.6439, 0.0871, 0.2369],
}


def pointer(run_id: str = RUN_ID) -> dict[str, Any]:
    return {
        "release": f"dropserve-{run_id}",
        "endpoint_name": f"dropserve-{run_id}",
        "run_id": run_id,
        "model_data_uri": f"s3://data/runs/{run_id}/training/job-0/output/model.tar.gz",
        "accuracy": 0.91,
        "exposed_at": "2026-11-22T12:00:00Z",
    }


def ssm_parameter(*values: str) -> Reply:
    """SSM's GetParameter, with one value after another; the last one stays."""
    left = list(values)

    def reply(handler: BaseHTTPRequestHandler) -> None:
        value = left.pop(0) if len(left) > 1 else left[0]
        name = "/dropserve/live"
        send_json({"Parameter": {"Name": name, "Type": "String", "Value": value, "Version": 1}})(handler)

    return reply


def aws_error(code: str, message: str, status: int, **fields: Any) -> Reply:
    headers = {"x-amzn-errortype": code}
    return send_json(
        {"__type": code, "Message": message, "message": message, **fields}, status=status, headers=headers
    )


def invocations(release: str = RELEASE) -> str:
    return f"/endpoints/{release}/invocations"


def live_pointer_value(run_id: str = RUN_ID) -> str:
    return json.dumps(pointer(run_id))


def environment(aws: LocalServer) -> dict[str, str]:
    """The worker's environment, with `aws` as its AWS."""
    return {
        "AWS_ENDPOINT_URL": aws.url(""),
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "POWERTOOLS_SERVICE_NAME": "inference",
        "POWERTOOLS_METRICS_NAMESPACE": "dropserve",
        "LIVE_POINTER_PARAMETER": "/dropserve/live",
        "POINTER_CACHE_S": "60",
        "DATA_BUCKET": "data",
        "ALLOWED_PRIVATE_HOSTS": "127.0.0.1",
        "MAX_IMAGE_BYTES": "2000000",
        "MAX_IMAGE_PIXELS": "4000000",
        "FETCH_TIMEOUT_S": "5",
        "LOW_CONFIDENCE": "0.5",
        "CAPTURE_SHARE": "0",
        "CAPTURES_A_DAY": "1",
        "DRIFT_REVIEW": "on",
    }
