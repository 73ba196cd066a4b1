"""What the store costs: CPU time a recorded attempt, and of a leaderboard of 10,000 attempts of 1,000 students.

``python tests/bench/store.py [--students N] [--attempts N] [--records N]`` prints JSON: CPU time of this process, and
wall time where a server works as well. SQLite is always measured, PostgreSQL where it is installed: on a server of the
script's own.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert

sys.path.insert(0, str(Path(__file__).parents[2]))

from grader.course import load_course
from grader.records import CheckResult, Metric, Report, Verdict
from grader.reports import publish_leaderboard
from grader.store import Store, recording, tables
from tests.support.builder import Homework, build_course
from tests.support.postgres import missing, server

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
CHECKS = 20
#: How many submissions a coordinator claims at a time: one for each of its slots.
SLOTS = 2


def write_class(root: Path, students: int) -> Path:
    """A course with one assignment and a roster of so many."""
    roster = "\n".join(f"    - {{id: s{number:04}, name: Student {number}}}" for number in range(students))
    text = f"""\
course: {{name: Bench, timezone: UTC}}
late_policy: {{penalty_per_day: 0.1}}
roster:
  students:
{roster}
assignments:
  tiny:
    title: Tiny
    due: 2026-12-01T00:00
    files: [tiny.py]
    leaderboard: [{{metric: accuracy}}]
"""
    return build_course(root, text, Homework("tiny", {"tiny.py": '"""A solution."""\n'}))


def report(digest: str, number: int, version: str = "v1") -> Report:
    """The size of a real one: twenty checks with a message each, three metrics."""
    score = float(number % 101)
    return Report(
        assignment="tiny",
        verdict=Verdict.PARTIAL,
        score=score,
        max_score=100.0,
        checks=tuple(
            CheckResult(id=f"test_{at}", title=f"Check {at}", verdict=Verdict.PARTIAL, score=score / CHECKS,
                        max_score=100 / CHECKS, message="It is smaller than expected, by a factor. " * 3, seconds=0.1)
            for at in range(CHECKS)
        ),
        metrics={name: Metric(name=name, value=score / 100) for name in ("accuracy", "loss", "parameters")},
        seed=number, profile="cpu", grader_version=version, submission_digest=digest, seconds=1.0,
    )  # fmt: skip


class Clock:
    """Wall and CPU time, in seconds, since it was made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def each(self, count: int = 1) -> dict[str, float]:
        """Milliseconds for each of ``count``."""
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        return {"cpu_ms": round(1e3 * cpu / count, 3), "wall_ms": round(1e3 * wall / count, 3)}


def fill(store: Store, students: int, numbers: range) -> None:
    """Submissions with an attempt each, as rows at once: handing in and recording so many takes minutes."""
    submissions, files, attempts, checks, metrics = ([] for _ in range(5))  # type: list[list[dict[str, Any]]]
    for number in numbers:
        at, digest = BEGIN + timedelta(minutes=number), f"{number:064x}"
        one = report(digest, number)
        submissions.append(
            {"id": number + 1, "assignment": "tiny", "owner": f"s{number % students:04}", "received_at": at,
             "digest": digest, "source": "", "has_work": True}
        )  # fmt: skip
        files.append({"submission_id": number + 1, "path": "tiny.py", "sha256": digest, "size": 10})
        attempts.append(
            {"id": number + 1, "submission_id": number + 1, "grader_version": "v1", "ordinal": 1, "profile": "cpu",
             "seed": "1", "verdict": one.verdict.value, "score": one.score, "max_score": one.max_score,
             "report": one.model_dump_json(), "started_at": at, "finished_at": at, "counts": True}
        )  # fmt: skip
        checks += [{"attempt_id": number + 1, **row} for row in recording._check_rows(one)]
        metrics += [{"attempt_id": number + 1, **row} for row in recording._metric_rows(one)]
    with store._database.writing() as connection:
        for table, rows in (
            (tables.submissions, submissions),
            (tables.files, files),
            (tables.attempts, attempts),
            (tables.checks, checks),
            (tables.metrics, metrics),
        ):
            for at_row in range(0, len(rows), 1000):
                connection.execute(insert(table), rows[at_row : at_row + 1000])


def measure(root: Path, store: Store, students: int, attempts: int, records: int) -> dict[str, Any]:
    """Figures of one engine: ``records`` are handed in and graded one by one, the other attempts are filled in."""
    found: dict[str, Any] = {}
    course = load_course(root)
    assignment = course.assignment("tiny")
    clock = Clock()
    for number in range(records):
        at = BEGIN + timedelta(minutes=number)
        files = {"tiny.py": f"# {number}\n".encode()}
        store.put_submission("tiny", f"s{number % students:04}", files, received_at=at)
    found["hand in"] = clock.each(records)
    submissions = store.submissions("tiny")
    wanted = [submission.id for submission in submissions]
    reports = [report(item.digest, number) for number, item in enumerate(submissions)]
    with store.grading_lock("tiny"), store.claims("v1") as claims:
        store.record(submissions[0], reports[0], once=True)
        clock = Clock()
        for at in range(1, records, SLOTS):
            claims.take(wanted[at:], SLOTS)
        found["claim"] = clock.each(records)
        clock = Clock()
        for submission, one in zip(submissions[1:], reports[1:], strict=True):
            store.record(submission, one, once=True, claims=claims)
        found["record in a batch"] = clock.each(records)
    clock = Clock()
    for submission in submissions[:100]:
        store.record(submission, report(submission.digest, 1, "v2"), once=True)
    found["record alone"] = clock.each(100)
    fill(store, students, range(records + 100, attempts + 100))
    clock = Clock()
    waiting = store.pending("tiny", "v1")
    found["pending"] = clock.each() | {"left": len(waiting)}
    for by in ("owner", "student"):
        clock = Clock()
        rows = store.standing(course, assignment, by=by)
        found[f"standing by {by}"] = clock.each() | {"rows": len(rows)}
    clock = Clock()
    publish_leaderboard(course, assignment, store, root / "board")
    found["leaderboard"] = clock.each()
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=1000)
    parser.add_argument("--attempts", type=int, default=10_000)
    parser.add_argument("--records", type=int, default=500, help="how many are recorded one by one; 100 or more")
    options = parser.parse_args()
    sizes = (options.students, options.attempts, options.records)
    results: dict[str, Any] = {}
    with contextlib.ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="store-bench-")))
        course = write_class(root / "course", options.students).parent
        results["sqlite"] = measure(course, Store(root / "sqlite"), *sizes)
        results["sqlite"]["bytes"] = (root / "sqlite" / "store.db").stat().st_size
        if reason := missing():
            sys.stderr.write(f"{reason}\n")
        else:
            running = stack.enter_context(server())
            results["postgresql"] = measure(course, Store(root / "postgresql", running.url()), *sizes)
            ((size,),) = running.execute("SELECT pg_database_size('test_1')")
            results["postgresql"]["bytes"] = size
    sys.stdout.write(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
