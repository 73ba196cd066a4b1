"""Who calls, and whether they may: every route passes here before it is called."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, cast
from urllib.parse import quote, urlsplit

from fastapi import Depends, HTTPException, Request
from starlette.concurrency import run_in_threadpool

from grader.course import Assignment
from grader.errors import AutogradeError, StoreAway
from grader.server.access import RULES, UNSAFE, Rule
from grader.server.directory import Person
from grader.server.service import Service
from grader.server.web_data import Session, Token
from grader.store import Submission

COOKIE = "autograde_session"
#: What one person may do in a minute; far more than anybody does by hand.
_CHANGES_A_MINUTE, _READS_A_MINUTE = 60, 1200
_MAX_FILES, _MAX_FIELDS, _MAX_FIELD = 500, 50, 64 * 1024


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls. ``person`` is whose pages are shown: for staff who look at a student's, that student."""

    real: Person
    person: Person
    session: Session | None = None
    token: Token | None = None

    @property
    def acting(self) -> bool:
        """Whether staff look at a student's pages, read-only."""
        return self.real.id != self.person.id

    @property
    def csrf(self) -> str:
        """What forms of this session carry."""
        return self.session.csrf if self.session else ""


class SignInNeeded(Exception):
    """A browser asks for a page before it has signed in; ``to`` is where it wanted to go."""

    def __init__(self, to: str) -> None:
        super().__init__(to)
        self.to = to


def service_of(request: Request) -> Service:
    """The running service."""
    return cast("Service", request.app.state.service)


def caller_of(request: Request) -> Caller:
    """Who calls a route that is not public; for one that is, only where somebody is signed in."""
    return cast("Caller", request.state.caller)


def submission_of(request: Request) -> Submission:
    """The submission that a route is about, which the caller may see."""
    return cast("Submission", request.state.submission)


def assignment_of(request: Request) -> Assignment:
    """The assignment that a route is about, which the caller may see."""
    return cast("Assignment", request.state.assignment)


ServiceDep = Annotated[Service, Depends(service_of)]
CallerDep = Annotated[Caller, Depends(caller_of)]
SubmissionDep = Annotated[Submission, Depends(submission_of)]
AssignmentDep = Annotated[Assignment, Depends(assignment_of)]


def is_api(request: Request) -> bool:
    """Whether a program asks, which is answered in JSON."""
    return request.url.path.startswith("/api/")


def address_of(request: Request) -> str:
    """The caller's address; what a proxy says of it counts only where `server.proxies` names the proxy."""
    host = request.client.host if request.client else ""
    if host in service_of(request).course.server.proxies:
        # The last one is what our own proxy saw; whatever comes before it, anybody may have written.
        host = request.headers.get("x-forwarded-for", host).rpartition(",")[2].strip() or host
    return host


async def authorise(request: Request) -> AsyncIterator[None]:
    """Hold a call to the table of access, before its route is called.

    Raises:
        SignInNeeded: it is a page, and nobody is signed in.
        HTTPException: 401, 403, 404 or 429, as the case may be. What somebody may not see does not exist for them.
    """
    try:
        await _check(request)
        yield
    finally:
        # Files that were uploaded are closed, and so removed, whatever became of the call.
        form = getattr(request, "_form", None)
        if form is not None:
            await form.close()


async def _check(request: Request) -> None:
    rule = RULES.get((request.method.replace("HEAD", "GET"), request.scope["route"].path))
    if rule is None:
        raise HTTPException(403, "no rule says who may do this")
    request.state.caller = caller = await run_in_threadpool(_identify, request, rule)
    unsafe = request.method in UNSAFE
    if unsafe and not (caller and caller.token):
        _same_site(request)
    if rule.public:
        return
    if caller is None:
        if is_api(request) or unsafe:
            raise HTTPException(401, "sign in first", headers={"WWW-Authenticate": "Bearer"})
        raise SignInNeeded(_wanted(request))
    _may(request, rule, caller)
    _slow_down(request, caller)
    if unsafe and rule.form and caller.session is not None:
        await _check_form(request, caller)
    await run_in_threadpool(_find, request, caller)


def _identify(request: Request, rule: Rule) -> Caller | None:
    service = service_of(request)
    kind, _, secret = request.headers.get("authorization", "").partition(" ")
    if kind.casefold() == "bearer" and secret and not rule.public:
        token = service.data.token(secret.strip())
        person = service.directory.get(token.person) if token else None
        if token is None or person is None:
            raise HTTPException(
                401, "this token is not valid", headers={"WWW-Authenticate": 'Bearer error="invalid_token"'}
            )
        return Caller(person, person, token=token)
    cookie = request.cookies.get(COOKIE)
    session = service.data.session(cookie) if cookie else None
    person = service.directory.get(session.person) if session else None
    if session is None or person is None:
        return None
    shown = service.directory.get(session.acting_for) if session.acting_for and person.staff else None
    return Caller(person, shown or person, session=session)


def _may(request: Request, rule: Rule, caller: Caller) -> None:
    if caller.token is not None:
        if not rule.scope:
            raise HTTPException(403, "this is done in a browser, not with a token")
        if rule.scope not in caller.token.scopes:
            raise HTTPException(403, f"this token lacks the scope {rule.scope!r}")
    if caller.acting and request.method in UNSAFE and not rule.while_acting:
        raise HTTPException(403, "you look at a student's pages, where you can change nothing")
    if caller.person.role not in rule.roles and not (caller.acting and caller.real.role in rule.roles):
        raise HTTPException(403, "this is not for you")


def _slow_down(request: Request, caller: Caller) -> None:
    most = _CHANGES_A_MINUTE if request.method in UNSAFE else _READS_A_MINUTE
    limiter, kind = service_of(request).limiter, "change" if request.method in UNSAFE else "read"
    too_many(limiter.hit(f"{kind} {caller.real.id}", most, 60.0))


def too_many(wait_s: float) -> None:
    """Raise HTTPException 429 where somebody is to wait for ``wait_s`` seconds."""
    if wait_s > 0:
        seconds = int(wait_s) + 1
        raise HTTPException(429, f"too many at a time; try again in {seconds} s", headers={"Retry-After": str(seconds)})


def _same_site(request: Request) -> None:
    """Refuse an unsafe call that another site's page makes its visitor's browser send."""
    site = request.headers.get("sec-fetch-site")
    if site in ("cross-site", "same-site"):
        raise HTTPException(403, "this form was sent from another site")
    origin = request.headers.get("origin")
    if origin:
        public = urlsplit(service_of(request).course.server.url).netloc
        if urlsplit(origin).netloc not in {request.url.netloc, public} - {""}:
            raise HTTPException(403, "this form was sent from another site")


async def _check_form(request: Request, caller: Caller) -> None:
    import hmac

    given = request.headers.get("x-csrf-token")
    if given is None:
        form = await request.form(max_files=_MAX_FILES, max_fields=_MAX_FIELDS, max_part_size=_MAX_FIELD)
        field = form.get("csrf")
        given = field if isinstance(field, str) else ""
    if not hmac.compare_digest(given.encode(), caller.csrf.encode()):
        raise HTTPException(403, "this form is of an earlier session; load the page again")


def _find(request: Request, caller: Caller) -> None:
    """Look up what the path names; what the caller may not see is not there."""
    service, names = service_of(request), request.path_params
    visible = {item.name: item for item in service.assignments(caller.person)}
    name = names.get("assignment")
    if "submission_id" in names:
        try:
            submission = service.store.submission(int(names["submission_id"]))
        except StoreAway:
            raise
        except (AutogradeError, ValueError, OverflowError):
            raise HTTPException(404, "there is no such submission") from None
        if not caller.person.staff and not service.owns(caller.person, submission):
            raise HTTPException(404, "there is no such submission")
        request.state.submission, name = submission, submission.assignment
    if name is not None:
        if name not in visible:
            raise HTTPException(404, "there is no such assignment")
        request.state.assignment = visible[name]


def _wanted(request: Request) -> str:
    query = f"?{request.url.query}" if request.url.query else ""
    return quote(request.url.path + query, safe="/?=&%")
