"""The application: routes, what guards them, and how errors look to people and to programs."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException as StarletteError

from grader import __version__
from grader.errors import StoreError
from grader.server import (
    account,
    api,
    device_flow,
    live_events,
    oidc,
    sign_in,
    staff_api,
    staff_class,
    staff_home,
    staff_student,
    staff_work,
    standing_pages,
    student_pages,
)
from grader.server.access import check_complete
from grader.server.context import SignInNeeded, authorise, is_api
from grader.server.middleware import Guard
from grader.server.service import Service
from grader.server.views import POLICY, page

log = logging.getLogger("autograde.server")
_STATIC = Path(__file__).parent / "static"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_SPARE_BYTES = 1 << 20


def create_app(service: Service) -> FastAPI:
    """The application over a service.

    Raises UsageError where a route has no row in the table of access.
    """
    app = FastAPI(
        title="Autograde",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=[Depends(authorise)],
    )
    app.state.service, app.state.open_pages = service, Counter()
    for part in (
        sign_in,
        oidc,
        student_pages,
        standing_pages,
        live_events,
        account,
        device_flow,
        api,
        staff_home,
        staff_api,
        staff_class,
        staff_student,
        staff_work,
    ):
        part.add_routes(app)
    app.get("/static/{name}", include_in_schema=False)(static)
    app.get("/health", include_in_schema=False)(health)
    app.get("/robots.txt", include_in_schema=False)(robots)
    check_complete(app)
    app.add_exception_handler(SignInNeeded, _as_handler(_to_sign_in))
    app.add_exception_handler(StarletteError, _as_handler(_refused))
    app.add_exception_handler(RequestValidationError, _as_handler(_malformed))
    app.add_exception_handler(StoreError, _as_handler(_store_failed))
    app.add_middleware(
        Guard,
        policy=POLICY,
        upload_bytes=lambda: (service.course.server.upload_mb << 20) + _SPARE_BYTES,
        secure=lambda: service.course.server.url.startswith("https:"),
        counts=service.requests,
    )
    return app


def static(name: str) -> Response:
    """A style or a script of ours."""
    content = _static_files().get(name)
    if content is None:
        raise HTTPException(404, "there is no such file")
    return Response(content, media_type=_TYPES[Path(name).suffix], headers={"Cache-Control": "max-age=600"})


def health(request: Request) -> Response:
    """Whether the service and its store answer, and whether anything grades; nothing else is said to strangers."""
    service: Service = request.app.state.service
    service.store.recent(most=1)
    return JSONResponse({"status": "ok", "grading": not service.trouble()})


def robots() -> Response:
    """Nothing here is for search engines."""
    return PlainTextResponse("User-agent: *\nDisallow: /\n")


@cache
def _static_files() -> dict[str, bytes]:
    from grader.reports import pages

    style = (pages.FOLDER / "style.css").read_bytes()
    own = {path.name: path.read_bytes() for path in _STATIC.iterdir() if path.suffix in _TYPES}
    return own | {"style.css": style, "sort.js": (pages.FOLDER / "sort.js").read_bytes()}


def _to_sign_in(request: Request, error: SignInNeeded) -> Response:
    del request
    return RedirectResponse(f"/sign-in?to={error.to}", 303)


def _refused(request: Request, error: HTTPException) -> Response:
    headers = dict(error.headers or {})
    if is_api(request) or "text/html" not in request.headers.get("accept", ""):
        return JSONResponse({"detail": error.detail}, error.status_code, headers)
    answer = page(
        request, "refused.html.j2", status=error.status_code, code=error.status_code, detail=str(error.detail)
    )
    answer.headers.update(headers)
    return answer


def _malformed(request: Request, error: RequestValidationError) -> Response:
    # Without what was sent: it may be a secret in the wrong field.
    details = [{"where": list(item["loc"]), "what": item["msg"]} for item in error.errors()]
    if is_api(request) or "text/html" not in request.headers.get("accept", ""):
        return JSONResponse({"detail": details}, 422)
    return page(request, "refused.html.j2", status=422, code=422, detail="the form is not complete")


def _store_failed(request: Request, error: StoreError) -> Response:
    log.error("the store failed: %s", error)
    refused = HTTPException(
        503,
        "The results cannot be reached at the moment. Try again soon. The same files are one submission, however often you "
        "hand them in.",
        {"Retry-After": "5"},
    )
    return _refused(request, refused)


def _as_handler(
    function: Callable[[Request, Any], Response],
) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def handle(request: Request, error: Exception) -> Response:
        from starlette.concurrency import run_in_threadpool

        return await run_in_threadpool(function, request, error)

    return handle
