"""Kill coordinators that share a store on PostgreSQL, and see that each submission has exactly one attempt.

Two coordinators grade one class by `grade_assignment`, with real claims and a real database; only the grading itself is
a stub, so that kills fall on what is shared.
"""

from __future__ import annotations

import functools
import os
import random
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from grader.course import load_course
from grader.grading import Result, grade, grade_assignment
from grader.records import CheckResult, Report, Verdict
from grader.store import digest_files
from grader.store.store import Store
from tests.support.builder import Homework, build_course
from tests.support.forking import forking_context

#: Seconds that a claim outlives its coordinator by at most. Short: a busy machine may well lose one that is at work.
CLAIM_S = 1.0
#: How long a stub grades at most, and how long after its first claim a coordinator may live, in seconds.
GRADING_S, LIFE_S = 0.02, 0.15
#: Submissions that may be graded for each kill. What is handed in is more, so that no machine is so fast that it has none left.
GRADED_A_KILL = 8
BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
COURSE = """\
course: {name: Shared, timezone: UTC}
assignments:
  tiny: {title: Tiny, files: [tiny.py]}
"""


class StubExecutor:
    """Gives every submission a report after a moment, one after the other, as far as there are permits."""

    def __init__(self, version: str, begun: Any, permits: Any) -> None:
        self._version, self._begun, self._permits = version, begun, permits

    def run(self, tasks: Iterable[Any]) -> Iterator[Result[Report]]:
        """A result for each task."""
        for task in tasks:
            self._begun.set()
            self._permits.acquire()
            started = datetime.now(UTC)
            time.sleep(random.uniform(0, GRADING_S))
            yield Result(task.key, self._report(digest_files(task.files)), started, 0.01, 1)

    def close(self) -> None:
        """Nothing to end."""

    def _report(self, digest: str) -> Report:
        check = CheckResult(id="test_one", title="One", verdict=Verdict.ACCEPTED, score=4.0, max_score=4.0)
        return Report(
            assignment="tiny", verdict=Verdict.ACCEPTED, score=4.0, max_score=4.0, checks=(check,), seed=os.getpid(),
            profile="cpu", grader_version=self._version, submission_digest=digest, seconds=0.01,
        )  # fmt: skip


def coordinate(course_file: str, state: str, url: str, begun: Any, permits: Any) -> None:
    """One coordinator: what ``autograde grade`` does, but for the grading."""
    course = load_course(Path(course_file))
    store = Store(Path(state), url)
    store.claims = functools.partial(store.claims, claim_s=CLAIM_S)  # type: ignore[method-assign]
    version = grade.grader_version(course.assignment("tiny"), "cpu")
    grade.open_executor = lambda *_: StubExecutor(version, begun, permits)  # type: ignore[attr-defined]
    grade._LOOK_AGAIN_S = 0.05
    grade_assignment(course, course.assignment("tiny"), store, slots=3)


@dataclass(frozen=True)
class Outcome:
    """How it went. ``wrong`` holds the submissions that have another number of attempts than one."""

    kills: int
    submissions: int
    attempts: int
    graders: int
    wrong: dict[int, int]
    claims_left: int

    @property
    def right(self) -> bool:
        """Every submission has exactly one attempt, and no claim is left."""
        return not self.wrong and not self.claims_left and self.attempts == self.submissions


def run(folder: Path, url: str, kills: int, rng: random.Random) -> Outcome:
    """Have two coordinators grade, kill one of them at random ``kills`` times, and let the last two finish."""
    course = build_course(folder / "course", COURSE, Homework("tiny", {"tiny.py": '"""A solution."""\n'}))
    store = Store(folder / "state", url)
    for number in range(kills * GRADED_A_KILL + 20):
        at = BEGIN + timedelta(minutes=number)
        store.put_submission("tiny", f"s{number:04}", {"tiny.py": f"# {number}\n".encode()}, received_at=at)
    # Forked from a server that has imported this module already: a coordinator is there at once.
    context = forking_context(__name__)
    permits = context.Semaphore(0)

    def allow(number: int) -> None:
        for _ in range(number):
            permits.release()

    def start() -> tuple[Any, Any]:
        begun = context.Event()
        arguments = (str(course), str(folder / "state"), url, begun, permits)
        process = context.Process(target=coordinate, args=arguments, daemon=True)
        process.start()
        return process, begun

    running = [start(), start()]
    killed = 0
    while killed < kills:
        allow(GRADED_A_KILL)
        process, begun = victim = rng.choice(running)
        while not begun.wait(0.1):
            if not process.is_alive():
                raise RuntimeError(f"a coordinator ended by itself, with {process.exitcode}")
        time.sleep(rng.uniform(0, LIFE_S))
        process.kill()
        process.join()
        if process.exitcode != -9:
            raise RuntimeError("nothing was left to grade before the last kill")
        killed += 1
        running[running.index(victim)] = start()
    allow(
        2 * (kills * GRADED_A_KILL + 20)
    )  # a permit may have died with who held it, and a submission is claimed again
    for process, _ in running:
        process.join()
        if process.exitcode:
            raise RuntimeError(f"a coordinator ended with {process.exitcode}")
    return judge(store, kills)


def judge(store: Store, kills: int) -> Outcome:
    """Count what is in the store."""
    attempts = store.attempts("tiny")
    counting = Counter(attempt.submission_id for attempt in attempts if attempt.counts)
    numbers = [submission.id for submission in store.submissions("tiny")]
    with store._database.reading() as connection:
        left = connection.exec_driver_sql("SELECT count(*) FROM claims").scalar_one()
    return Outcome(
        kills=kills,
        submissions=len(numbers),
        attempts=len(attempts),
        graders=len({attempt.seed for attempt in attempts}),
        wrong={number: counting[number] for number in numbers if counting[number] != 1},
        claims_left=left,
    )
