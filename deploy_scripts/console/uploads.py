"""Files that a page sends as the body of a request, with a bound on their size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy_scripts.console.page import Call, answer_of, call_of, error_answer, name_of
from deploy_scripts.errors import CliError


@dataclass(frozen=True)
class Upload:
    """What was sent; whatever the browser says of it is not believed."""

    content: bytes


def upload(path: str, act: Callable[[Call, Upload], Response], max_bytes: int) -> Route:
    """POST of a file's bytes: `act` gets them once all are there. A larger one is refused before that."""

    async def endpoint(request: Request) -> Response:
        call = call_of(request)
        try:
            sent = Upload(await _read(request, max_bytes))
        except CliError as error:
            return error_answer(call, error)
        return await answer_of(call, lambda call: act(call, sent))

    return Route(path, endpoint, methods=["POST"], name=name_of(act))


async def _read(request: Request, max_bytes: int) -> bytes:
    stated = request.headers.get("content-length", "0")
    body = bytearray()
    if stated.isascii() and stated.isdigit() and int(stated) <= max_bytes:
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                break
        else:
            return bytes(body)
    raise CliError(f"The file is larger than {max_bytes:,} bytes.", "Send a smaller one.")
