"""What a page is made of: views, actions, uploads, feeds, each of a plain function that runs in a thread."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import anyio.to_thread
from botocore.exceptions import ConnectionError as CloudConnectionError
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from deploy_scripts.console.context import Console
from deploy_scripts.console.live import Feed, stream
from deploy_scripts.console.rendering import render
from deploy_scripts.errors import CliError, explain

# Of a form; uploads have their own way.
_MOST_FORM_BYTES = 256 * 1024
_MOST_FIELDS = 200
# Of the disk, whatever is uploaded.
_ROOM_LEFT_BYTES = 1024**3


class NotThereError(CliError):
    """There is no such thing: answered with 404."""


@dataclass(frozen=True)
class Call:
    """One request of a browser. `path`, `query` and `form` are its parameters, cleaned by nobody yet."""

    console: Console
    path: Mapping[str, str]
    query: Mapping[str, str]
    form: Mapping[str, str] = field(default_factory=dict)
    # Whether htmx asks, for a part of the page that is shown already.
    wants_part: bool = False
    here: str = "/"

    def html(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """A template of templates/; its blocks extend `frame.html`, a part does not."""
        return HTMLResponse(self.text(template, **values), status_code=status)

    def text(self, template: str, **values: Any) -> str:
        """The same as text, for a feed's event."""
        return render(template, console=self.console, here=self.here, **values)

    def go_to(self, path: str) -> Response:
        """Have the browser open another page of the console, as after an action."""
        if self.wants_part:
            return Response(headers={"HX-Redirect": path})
        return RedirectResponse(path, status_code=303)


@dataclass(frozen=True)
class Page:
    """An entry of the navigation with its routes; `path` is where it leads."""

    title: str
    path: str
    routes: Sequence[Route]
    in_navigation: bool = True


def view(path: str, show: Callable[[Call], Response]) -> Route:
    """GET: shows something and changes nothing."""

    async def endpoint(request: Request) -> Response:
        return await _answer(call_of(request), show)

    return Route(path, endpoint, methods=["GET"], name=_name(show))


def action(path: str, act: Callable[[Call], Response]) -> Route:
    """POST of a form: does something, then shows a part or goes to a page."""

    async def endpoint(request: Request) -> Response:
        try:
            form = await _read_form(request)
        except CliError as error:
            return error_answer(call_of(request), error)
        return await _answer(call_of(request, form), act)

    return Route(path, endpoint, methods=["POST"], name=_name(act))


def upload(path: str, most_bytes: int, act: Callable[[Call, Path], Response]) -> Route:
    """PUT: the body is a file, as it is. `act` may move it away; else it is removed after the answer."""

    async def endpoint(request: Request) -> Response:
        call = call_of(request)
        file: Path | None = None
        try:
            folder = await anyio.to_thread.run_sync(lambda: call.console.folder)
            file = folder / f"receiving-{secrets.token_hex(8)}"
            await _receive(request, file, most_bytes)
            received = file
            return await _answer(call, lambda call: act(call, received))
        except (CliError, OSError) as error:
            return error_answer(call, error)
        finally:
            if file is not None:
                file.unlink(missing_ok=True)

    return Route(path, endpoint, methods=["PUT"], name=_name(act))


def feed(path: str, follow: Callable[[Call], Feed]) -> Route:
    """GET of Server-Sent Events: what `follow` gives is read again and again while the page is open."""

    async def endpoint(request: Request) -> Response:
        call = call_of(request)
        is_local = call.console.target.name == "local"

        def start(call: Call) -> Response:
            return stream(follow(call), is_local=is_local, on_error=lambda error: error_text(call, error))

        return await _answer(call, start)

    return Route(path, endpoint, methods=["GET"], name=_name(follow))


def error_answer(call: Call, error: Exception, status: int | None = None) -> Response:
    """What went wrong and what to do, as a page or as a part; never a trace."""
    if status is None:
        status = 404 if isinstance(error, NotThereError) else 422 if isinstance(error, CliError) else 502
    if call.wants_part:
        return HTMLResponse(error_text(call, error), status_code=status)
    return call.html("error_page.html", status=status, error=_explained(call, error))


def error_text(call: Call, error: Exception) -> str:
    return call.text("error.html", error=_explained(call, error))


def _explained(call: Call, error: Exception) -> CliError:
    if isinstance(error, CloudConnectionError):
        call.console.reopen()
    return explain(error)


async def _answer(call: Call, function: Callable[[Call], Response]) -> Response:
    """AWS is asked in a thread: a slow answer keeps nobody else waiting."""

    def answer() -> Response:
        try:
            return function(call)
        except Exception as error:  # noqa: BLE001 - a person gets a sentence, whatever it was
            return error_answer(call, error)

    return await anyio.to_thread.run_sync(answer, abandon_on_cancel=True)


def call_of(request: Request, form: Mapping[str, str] | None = None) -> Call:
    return Call(
        console=request.app.state.console,
        path=request.path_params,
        query=request.query_params,
        form=form or {},
        wants_part=request.headers.get("hx-request") == "true",
        here=request.url.path,
    )


async def _read_form(request: Request) -> dict[str, str]:
    """The fields of a urlencoded form; of a repeated one the last. Raises CliError for any other body."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_FORM_BYTES:
            raise CliError(f"The form is larger than {_MOST_FORM_BYTES} bytes.", "Shorten what it holds.")
    if body and kind != "application/x-www-form-urlencoded":
        raise CliError(
            f"A form of the type {kind or 'nothing'} is not read.", "Send it by the console's page."
        )
    try:
        return dict(
            parse_qsl(
                body.decode(),
                keep_blank_values=True,
                max_num_fields=_MOST_FIELDS,
                strict_parsing=bool(body),
                errors="strict",
            )
        )
    except ValueError as error:
        raise CliError("The form cannot be understood.", "Load the page again and send it anew.") from error


async def _receive(request: Request, file: Path, most_bytes: int) -> None:
    """The body, as a file. Raises CliError when it is larger than allowed, or than there is room for."""
    room = shutil.disk_usage(file.parent).free - _ROOM_LEFT_BYTES
    bound = min(most_bytes, max(room, 0))
    too_much = CliError(
        f"The file is larger than the {bound:,} bytes that can be taken.",
        "Make room on the disk, or name the file's path instead."
        if bound < most_bytes
        else "Drop a smaller one.",
    )
    announced = request.headers.get("content-length", "0")
    if announced.isascii() and announced.isdigit() and int(announced) > bound:
        raise too_much
    count = 0
    with file.open("xb") as target:
        async for chunk in request.stream():
            count += len(chunk)
            if count > bound:
                raise too_much
            target.write(chunk)


def _name(function: Callable[..., Any]) -> str:
    return f"{function.__module__.rpartition('.')[2]}.{function.__name__}"
