"""Who may call what: one row for each route of the application. A route without a row does not start.

A row names the roles that may call the route; which scope a token must have (none: browsers alone); and whether the
route is about one submission, which then must be the caller's own, their team's, or be looked at by staff.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from grader.course.server_config import Role
from grader.errors import UsageError

if TYPE_CHECKING:
    from fastapi import FastAPI

Scope = Literal["", "read", "submit", "staff"]
#: What a token may be made for, and in which words a person is asked.
SCOPES: dict[str, str] = {
    "read": "see your assignments, submissions, reports and the leaderboard",
    "submit": "hand in and withdraw for you",
    "staff": "do what your role as staff may",
}
UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True, slots=True)
class Rule:
    """What a route asks of its caller."""

    roles: frozenset[Role]
    """Empty: anybody, signed in or not."""
    scope: Scope = ""
    form: bool = True
    """Whether an unsafe call from a browser carries the session's token. Only signing in has no session yet."""
    while_acting: bool = False
    """Whether staff may call it while they look at a student's pages, although it changes something."""

    @property
    def public(self) -> bool:
        """Whether nobody is asked who they are."""
        return not self.roles


PUBLIC = Rule(frozenset())
SIGN_IN = Rule(frozenset(), form=False)
EVERYBODY = Rule(frozenset({"student", "grader", "instructor", "admin"}))
LEAVE = Rule(EVERYBODY.roles, while_acting=True)
READERS = Rule(EVERYBODY.roles, scope="read")
STUDENTS = Rule(frozenset({"student"}), scope="submit")
GRADERS = Rule(frozenset({"grader", "instructor", "admin"}), scope="staff")
INSTRUCTORS = Rule(frozenset({"instructor", "admin"}), scope="staff")
ADMINS = Rule(frozenset({"admin"}), scope="staff")

#: By method and path, as the route is declared. `{submission_id}` in a path makes it a route about one submission,
#: `{assignment}` one about an assignment that the caller may see.
RULES: dict[tuple[str, str], Rule] = {
    # Signing in and out
    ("GET", "/sign-in"): PUBLIC,
    ("POST", "/sign-in"): SIGN_IN,
    ("GET", "/sign-in/{secret}"): PUBLIC,
    ("POST", "/sign-in/{secret}"): SIGN_IN,
    ("GET", "/oidc/start"): PUBLIC,
    ("GET", "/oidc/callback"): PUBLIC,
    ("POST", "/sign-out"): LEAVE,
    # What everybody may see
    ("GET", "/static/{name}"): PUBLIC,
    ("GET", "/health"): PUBLIC,
    ("GET", "/robots.txt"): PUBLIC,
    # Students, and staff who look at what students see
    ("GET", "/"): EVERYBODY,
    ("GET", "/assignments/{assignment}"): EVERYBODY,
    ("POST", "/assignments/{assignment}/submissions"): Rule(STUDENTS.roles),
    ("GET", "/assignments/{assignment}/leaderboard"): EVERYBODY,
    ("GET", "/submissions/{submission_id}"): EVERYBODY,
    ("GET", "/submissions/{submission_id}/events"): READERS,
    ("GET", "/submissions/{submission_id}/files/{path:path}"): READERS,
    ("POST", "/submissions/{submission_id}/withdraw"): Rule(STUDENTS.roles),
    ("POST", "/submissions/{submission_id}/choose"): Rule(STUDENTS.roles),
    ("GET", "/account"): EVERYBODY,
    ("POST", "/account/leaderboard"): Rule(STUDENTS.roles),
    ("POST", "/account/tokens"): EVERYBODY,
    ("POST", "/account/tokens/{number}/revoke"): EVERYBODY,
    ("POST", "/account/sign-out-everywhere"): EVERYBODY,
    ("GET", "/account/data.zip"): Rule(STUDENTS.roles),
    # A device asks to be let in (RFC 8628)
    ("POST", "/api/v1/device/code"): SIGN_IN,
    ("POST", "/api/v1/device/token"): SIGN_IN,
    ("GET", "/device"): EVERYBODY,
    ("POST", "/device"): EVERYBODY,
    # The API
    ("GET", "/api/v1/openapi.json"): PUBLIC,
    ("GET", "/api/v1/me"): READERS,
    ("GET", "/api/v1/assignments"): READERS,
    ("GET", "/api/v1/assignments/{assignment}"): READERS,
    ("GET", "/api/v1/assignments/{assignment}/leaderboard"): READERS,
    ("GET", "/api/v1/assignments/{assignment}/submissions"): READERS,
    ("POST", "/api/v1/assignments/{assignment}/submissions"): STUDENTS,
    ("GET", "/api/v1/submissions/{submission_id}"): READERS,
    ("GET", "/api/v1/submissions/{submission_id}/report"): READERS,
    ("POST", "/api/v1/submissions/{submission_id}/withdraw"): STUDENTS,
    ("PUT", "/api/v1/me/leaderboard"): STUDENTS,
    ("POST", "/api/v1/submissions/{submission_id}/choose"): STUDENTS,
    ("GET", "/api/v1/staff/audit"): INSTRUCTORS,
    ("GET", "/api/v1/staff/assignments/{assignment}/students"): GRADERS,
    ("PUT", "/api/v1/staff/assignments/{assignment}/published"): INSTRUCTORS,
    ("GET", "/api/v1/staff/students/{student}/assignments/{assignment}"): GRADERS,
    ("PUT", "/api/v1/staff/students/{student}/assignments/{assignment}/extension"): INSTRUCTORS,
    ("PUT", "/api/v1/staff/students/{student}/assignments/{assignment}/override"): INSTRUCTORS,
    ("PUT", "/api/v1/staff/students/{student}/assignments/{assignment}/attempts"): INSTRUCTORS,
    ("POST", "/api/v1/staff/submissions/{submission_id}/comments"): GRADERS,
    ("POST", "/api/v1/staff/submissions/{submission_id}/regrade"): INSTRUCTORS,
    # Staff
    ("GET", "/staff"): GRADERS,
    ("GET", "/staff/queue"): GRADERS,
    ("GET", "/staff/work"): GRADERS,
    ("GET", "/staff/audit"): Rule(INSTRUCTORS.roles),
    ("GET", "/staff/assignments/{assignment}"): GRADERS,
    ("POST", "/staff/assignments/{assignment}/publish"): Rule(INSTRUCTORS.roles),
    ("POST", "/staff/assignments/{assignment}/regrade"): Rule(INSTRUCTORS.roles),
    ("GET", "/staff/students/{student}"): GRADERS,
    ("POST", "/staff/students/{student}/extend"): Rule(INSTRUCTORS.roles),
    ("POST", "/staff/students/{student}/override"): Rule(INSTRUCTORS.roles),
    ("POST", "/staff/students/{student}/attempts"): Rule(INSTRUCTORS.roles),
    ("POST", "/staff/students/{student}/act"): Rule(GRADERS.roles),
    ("GET", "/staff/submissions/{submission_id}"): GRADERS,
    ("POST", "/staff/submissions/{submission_id}/comment"): Rule(GRADERS.roles),
    ("POST", "/staff/submissions/{submission_id}/regrade"): Rule(INSTRUCTORS.roles),
    ("GET", "/metrics"): ADMINS,
}


def routes_of(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Method and path of everything that the application answers; HEAD goes with GET.

    Raises UsageError for what is mounted: it would pass the table by.
    """
    yield from _walk(app.routes, "")


def _walk(routes: Iterable[Any], prefix: str) -> Iterator[tuple[str, str]]:
    for route in routes:
        if not hasattr(route, "endpoint"):
            raise UsageError(
                f"{type(route).__name__} {getattr(route, 'path', '')} is not a plain route",
                fix="add routes with the decorators of grader.server, so that the table of access holds for them",
            )
        for method in sorted(getattr(route, "methods", None) or ()):
            if method != "HEAD":
                yield method, prefix + route.path


def check_complete(app: FastAPI) -> None:
    """Raise UsageError where a route has no row in the table, or a row has no route."""
    found = set(routes_of(app))
    lacking, spare = sorted(found - set(RULES)), sorted(set(RULES) - found)
    if lacking or spare:
        raise UsageError(
            f"routes without a rule: {lacking}; rules without a route: {spare}",
            where="grader.server.access.RULES",
            fix="say in the table who may call each route, and no other",
        )
