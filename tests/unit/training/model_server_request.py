"""Sends requests through SageMaker's own handler, as the serving container's model server does.

Run with the artefact's `code` folder as PYTHONPATH: `python model_server_request.py MODEL_DIR PHOTO...`.
A PHOTO is `content type=path`. Prints one JSON line a photo: status, content type, body.
"""

import json
import sys
from pathlib import Path

from sagemaker_pytorch_serving_container.handler_service import HandlerService


class RequestProcessor:
    """Of the model server: the headers of a request, and the status of its answer."""

    def __init__(self, content_type: str) -> None:
        self.headers = {"Content-Type": content_type, "Accept": "*/*"}
        self.status = 200

    def get_request_properties(self) -> dict[str, str]:
        return self.headers

    def report_status(self, code: int, reason_phrase: str | None = None) -> None:
        self.status = int(code)

    def add_response_property(self, key: str, value: str) -> None:
        self.headers[f"response {key}"] = value


class Context:
    """`ts.context.Context` as far as the handler uses it: one object a worker, a processor a request."""

    def __init__(self, model_dir: str) -> None:
        self.system_properties = {"model_dir": model_dir, "gpu_id": None}
        self.request_processor = [RequestProcessor("")]

    def set_response_status(self, code: int = 200, phrase: str = "", idx: int = 0) -> None:
        self.request_processor[idx].report_status(code, reason_phrase=phrase)

    def set_response_content_type(self, idx: int, value: str) -> None:
        self.request_processor[idx].add_response_property("content-type", value)


def main(model_dir: str, photos: list[str]) -> None:
    service, context = HandlerService(), Context(model_dir)
    service.initialize(context)
    for photo in photos:
        content_type, _, path = photo.partition("=")
        context.request_processor = [RequestProcessor(content_type)]
        (body,) = service.handle([{"body": bytearray(Path(path).read_bytes())}], context)
        processor = context.request_processor[0]
        answer_type = processor.headers.get("response content-type")
        print(json.dumps({"status": processor.status, "type": answer_type, "body": body}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
