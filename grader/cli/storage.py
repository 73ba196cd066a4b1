"""``copy-store``, ``backup`` and ``restore``: a course's results move to another database, or into a file and back."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from grader.cli.common import CourseOption, JsonOption, StateOption, StoreOption, command, out, print_json


@command
def copy_store(
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="URL", help="the database to copy (default: the file in the state folder)"),
    ] = None,
    database: StoreOption = None,
    course: CourseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy submissions, results and marks into the course's database, which must be empty.

    It is the one that --store, AUTOGRADE_STORE_DB or autograde.yml names. What is copied stays as it is. Files of
    submissions are in the state folder, and stay there. Nobody should collect or grade meanwhile.
    """
    from grader.course import load_course
    from grader.errors import UsageError
    from grader.store import Store, open_store

    loaded = load_course(course)
    target, origin = open_store(loaded, database=database), Store(loaded.state, source or "")
    if target.database == origin.database:
        raise UsageError(
            "there is no other database to copy to",
            fix="name one with --store, or as `store.database` in autograde.yml",
        )
    counts = origin.copy_to(target)
    if as_json:
        print_json(counts)
    else:
        out.print(
            f"{counts['submissions']} submissions, {counts['attempts']} attempts and {counts['marks']} marks copied",
            markup=False,
        )


@command
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="where the backup goes, such as backups/monday.tar")],
    with_secret: Annotated[
        bool,
        typer.Option(
            "--with-secret", help="include the course's secret: whoever has the file can then draw held-out data"
        ),
    ] = False,
    course: CourseOption = None,
    state: StateOption = None,
    database: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write submissions, results and decisions to one file. Grading and the web service may continue meanwhile.

    Sessions and tokens are not included. PostgreSQL needs pg_dump.
    """
    from grader.course import load_course
    from grader.store import open_store
    from grader.store.backup import write_backup

    loaded = load_course(course)
    done = write_backup(open_store(loaded, state, database), file, course=loaded.name, secret=with_secret)
    if as_json:
        print_json({"file": str(file), **asdict(done)})
    else:
        kept = "with the course's secret" if done.secret else "without the course's secret; keep that elsewhere"
        out.print(f"{done.blobs} files and the database ({done.engine}) in {file}, {kept}", markup=False)


@command
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="a file that `autograde backup` wrote")],
    course: CourseOption = None,
    state: StateOption = None,
    database: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Restore a backup into an empty state folder and, for PostgreSQL, an empty database. Everybody has to sign in again."""
    import os

    from grader.course import load_course
    from grader.store.backup import read_backup
    from grader.store.opening import DATABASE_VARIABLE

    loaded = load_course(course)
    if database is None and state is None:
        database = os.environ.get(DATABASE_VARIABLE) or loaded.store.database
    done = read_backup(file, state or loaded.state, database or "")
    if as_json:
        print_json({"state": str(state or loaded.state), **asdict(done)})
    else:
        out.print(f"{done.course}, as of {done.made_at}: {done.blobs} files and the database are back", markup=False)
        if not done.secret and not ((state or loaded.state) / "secret").exists():
            out.print("the course's secret was not in it: put it into the state folder before you grade")
