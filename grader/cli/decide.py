"""``extend``, ``override``, ``slip-days`` and ``attempts``: what people decide. Each decision is kept, and none is edited."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from grader.cli.common import (
    CourseOption,
    JsonOption,
    NameArgument,
    StateOption,
    StoreOption,
    command,
    out,
    print_json,
    print_rows,
)
from grader.text import counted

if TYPE_CHECKING:
    from pathlib import Path

    from grader.policies import Decision
    from grader.store import Ledger

OwnerArgument = Annotated[str, typer.Argument(metavar="OWNER", help="the student or team, by id")]
ByOption = Annotated[
    str | None, typer.Option("--by", metavar="NAME", help="who decides (default: the user who runs the command)")
]
TakeBackOption = Annotated[bool, typer.Option("--take-back", help="cancel earlier decisions; they stay on record")]
ROLE = "operator"


def open_ledger(course: Path | None, state: Path | None, database: str | None) -> Ledger:
    """The decisions of the course that the options name."""
    from grader.course import load_course
    from grader.store import Ledger, open_store

    loaded = load_course(course)
    return Ledger(loaded, open_store(loaded, state, database))


def who(by: str | None) -> str:
    """Who decides: the name that was given, or the user's."""
    from grader.store.ledger import operator_name

    return by or operator_name()


@command
def extend(
    name: NameArgument,
    owner: OwnerArgument,
    until: Annotated[
        str | None,
        typer.Option(
            "--until", metavar="TIME", help="the later due date, such as 2026-12-06T23:59; a date alone means 23:59"
        ),
    ] = None,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="the reason; it is stored with the decision")
    ] = "",
    take_back: TakeBackOption = False,
    by: ByOption = None,
    course: CourseOption = None,
    state: StateOption = None,
    database: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a student or team a later due date. The latest one counts, and replaces the one in autograde.yml."""
    from grader.course import read_due
    from grader.errors import UsageError

    if (until is None) != take_back:
        raise UsageError("an extension needs a time, unless it is taken back", fix="give --until TIME or --take-back")
    ledger = open_ledger(course, state, database)
    try:
        due = None if until is None else read_due(until, ledger.course.timezone)
    except ValueError as error:
        raise UsageError(f"--until {until!r} is not a time", fix="write it like 2026-12-06T23:59") from error
    made = ledger.extend(name, owner, due, author=who(by), comment=reason, now=datetime.now(UTC), role=ROLE)
    _say(ledger, made, as_json=as_json)


@command
def override(
    name: NameArgument,
    owner: OwnerArgument,
    comment: Annotated[str, typer.Option("--comment", metavar="TEXT", help="the reason; the student sees it")],
    points: Annotated[
        float | None, typer.Option("--points", help="the points that count, regardless of grading and lateness")
    ] = None,
    excuse: Annotated[bool, typer.Option("--excuse", help="exclude the assignment from the course grade")] = False,
    take_back: TakeBackOption = False,
    by: ByOption = None,
    course: CourseOption = None,
    state: StateOption = None,
    database: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set a student's or team's points by hand. The latest override counts; all of them stay on record."""
    from grader.errors import UsageError

    if (points is not None) + excuse + take_back != 1:
        raise UsageError(
            "an override sets points, excuses, or is taken back", fix="give --points, --excuse or --take-back"
        )
    ledger = open_ledger(course, state, database)
    now = datetime.now(UTC)
    made = ledger.override(name, owner, points, author=who(by), comment=comment, now=now, excused=excuse, role=ROLE)
    _say(ledger, made, as_json=as_json)


@command
def slip_days(
    name: NameArgument,
    owner: Annotated[str, typer.Argument(metavar="STUDENT", help="the student, by id")],
    days: Annotated[int | None, typer.Argument(help="how many days to spend on the assignment", min=0)] = None,
    take_back: TakeBackOption = False,
    by: ByOption = None,
    course: CourseOption = None,
    state: StateOption = None,
    database: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Spend exactly this many of a student's slip days on an assignment, whatever the course would spend by itself."""
    from grader.errors import UsageError

    if (days is None) != take_back:
        raise UsageError("give a number of days, or take the decision back", fix="give DAYS or --take-back")
    ledger = open_ledger(course, state, database)
    made = ledger.spend_slip_days(name, owner, days, author=who(by), now=datetime.now(UTC), role=ROLE)
    _say(ledger, made, as_json=as_json)


attempts = typer.Typer(no_args_is_help=True, help="List submissions, choose which one counts, grant attempts.")


@attempts.command("list")
@command
def list_attempts(
    name: NameArgument,
    owner: OwnerArgument,
    course: CourseOption = None,
    state: StateOption = None,
    database: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """List a student's or team's submissions, which one counts, and how many attempts are left."""
    from grader.reports.formatting import moment

    ledger = open_ledger(course, state, database)
    now = datetime.now(UTC)
    found, left = ledger.attempts(name, owner), ledger.attempts_left(name, owner, now)
    standing = ledger.counted_attempt(name, owner)
    counts = standing.submission.id if standing is not None and standing.submission is not None else None
    if as_json:
        print_json(
            {
                "left": left.left,
                "next_at": left.next_at.isoformat() if left.next_at else None,
                "submissions": [
                    {
                        "id": item.id,
                        "received_at": item.received_at.isoformat(),
                        "counts": item.id == counts,
                        "costs_an_attempt": costs,
                    }
                    for item, costs in found
                ],
            }
        )
        return
    zone = ledger.course.timezone
    rows = []
    for item, costs in found:
        cells = (str(item.id), moment(item.received_at, zone), item.source, "yes" if item.id == counts else "")
        rows.append((*cells, "" if costs else "given back"))
    print_rows(("submission", "received", "upload", "counts", "attempt"), rows)
    if left.left is not None:
        more = f"; the next one comes {moment(left.next_at, zone)}" if left.next_at else ""
        out.print(f"{counted(left.left, 'attempt')} left{more}", markup=False)


@attempts.command("choose")
@command
def choose_attempt(
    name: NameArgument,
    owner: OwnerArgument,
    submission: Annotated[int | None, typer.Argument(metavar="SUBMISSION", help="the number of the submission")] = None,
    take_back: TakeBackOption = False,
    by: ByOption = None,
    course: CourseOption = None,
    state: StateOption = None,
    database: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Choose which submission counts, if the course has `attempts: chosen`."""
    from grader.errors import UsageError

    if (submission is None) != take_back:
        raise UsageError("choose a submission, or take the choice back", fix="give SUBMISSION or --take-back")
    ledger = open_ledger(course, state, database)
    made = ledger.choose(name, owner, submission, author=who(by), now=datetime.now(UTC), role=ROLE)
    _say(ledger, made, as_json=as_json)


@attempts.command("grant")
@command
def grant_attempts(
    name: NameArgument,
    owner: OwnerArgument,
    count: Annotated[
        int | None, typer.Argument(help="attempts beyond the limit; replaces an earlier grant", min=0)
    ] = None,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="the reason; it is stored with the decision")
    ] = "",
    take_back: TakeBackOption = False,
    by: ByOption = None,
    course: CourseOption = None,
    state: StateOption = None,
    database: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a student or team more attempts than the limit allows."""
    from grader.errors import UsageError

    if (count is None) != take_back:
        raise UsageError("grant a number of attempts, or take the grant back", fix="give COUNT or --take-back")
    ledger = open_ledger(course, state, database)
    now = datetime.now(UTC)
    made = ledger.grant_attempts(name, owner, count, author=who(by), comment=reason, now=now, role=ROLE)
    _say(ledger, made, as_json=as_json)


def _say(ledger: Ledger, made: Decision, *, as_json: bool) -> None:
    """Print what was decided, and the number that follows from it."""
    from grader.reports.formatting import moment, points

    row = ledger.counted_attempt(made.assignment, made.owner)
    score = row.final_score if row is not None else None
    if as_json:
        print_json({**_as_json(made), "score": score})
        return
    what = made.kind.value.replace("_", " ")
    if made.withdrawn:
        text = f"{what} taken back"
    elif made.due is not None:
        text = f"due {moment(made.due, ledger.course.timezone)}"
    elif made.submission_id is not None:
        text = f"submission {made.submission_id} counts"
    elif made.excused:
        text = "excused"
    else:
        text = f"{what}: {made.number:g}"
    total = "no score yet" if score is None else points(score)
    out.print(f"{made.assignment}, {made.owner}: {text}; {total}", markup=False)


def _as_json(made: Decision) -> dict[str, Any]:
    return {
        "kind": made.kind.value,
        "assignment": made.assignment,
        "owner": made.owner,
        "due": made.due.isoformat() if made.due else None,
        "number": made.number,
        "submission": made.submission_id,
        "excused": made.excused,
        "withdrawn": made.withdrawn,
        "comment": made.comment,
        "author": made.author,
        "made_at": made.made_at.isoformat(),
    }
