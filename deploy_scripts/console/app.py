"""The console as an ASGI application: the guard, the pages, the files beside them."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from deploy_scripts.console.context import Console
from deploy_scripts.console.page import NotThereError, call_of, error_answer
from deploy_scripts.console.pages import PAGES
from deploy_scripts.console.security import STATIC_PREFIX, Gate, Guard
from deploy_scripts.errors import CliError

_STATIC = Path(__file__).with_name("static")


def make_app(console: Console, gate: Gate) -> Starlette:
    """The console behind its gate."""
    routes: list[Route | Mount] = [route for page in PAGES for route in page.routes]
    routes.append(Mount(STATIC_PREFIX.rstrip("/"), StaticFiles(directory=_STATIC), name="static"))
    app = Starlette(
        routes=routes,
        middleware=[Middleware(Guard, gate=gate)],
        exception_handlers={HTTPException: _no_such_page, ClientDisconnect: _gone},
    )
    app.state.console = console
    return app


async def _no_such_page(request: Request, error: Exception) -> Response:
    """Raised by the router alone: a path, or a method of it, that no page has."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    if status == 405:
        return error_answer(
            call_of(request), CliError("The page does not take this method.", "Use its forms."), status
        )
    return error_answer(call_of(request), NotThereError("The console has no such page.", "Choose one above."))


async def _gone(request: Request, error: Exception) -> Response:
    """A browser that left while it sent something, as by a reload: nobody reads this answer."""
    return Response(status_code=400)
