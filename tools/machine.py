"""Measure what grading an assignment takes of a machine: processor seconds and memory, for one slot.

    python -m tools.machine [NAME]... [--submissions 3]

Each assignment's solution is graded as several submissions of one batch with one slot. The first submission pays for the start:
torch and the hidden suite are imported once. Memory is the largest sum of the processes' proportional set sizes (PSS), looked at
five times a second: pages that processes share are counted once. Read it beside the limit `memory_mb`, which a submission may reach.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import threading
import time
from pathlib import Path
from typing import Self

import psutil

from grader.course import load_course
from grader.grading import grade_assignment
from grader.intake import collect
from grader.store import Store

ROOT = Path(__file__).resolve().parents[1]


def tree() -> list[psutil.Process]:
    """The children of this process, theirs included."""
    return psutil.Process().children(recursive=True)


def processor_seconds() -> float:
    """What the children have used, and those of theirs that have ended."""
    total = 0.0
    for process in tree():
        try:
            used = process.cpu_times()
        except psutil.Error:
            continue
        total += used.user + used.system + used.children_user + used.children_system
    return total


def memory_mb() -> float:
    """What the children hold, shared pages counted once."""
    total = 0
    for process in tree():
        try:
            text = Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii")
        except OSError:
            continue
        total += next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")), 0)
    return total / 1024


class Watch:
    """Looks at the memory until it is told to stop."""

    def __init__(self) -> None:
        self.most = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.2):
            self.most = max(self.most, memory_mb())


def measure(name: str, submissions: int) -> dict[str, float | str]:
    """Grade the solution so many times in one batch, under the profile `cpu`."""
    course = load_course(ROOT)
    assignment = course.assignment(name)
    seen: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        inbox = Path(folder) / "inbox"
        for student in course.roster.students[:submissions]:
            for file, data in assignment.solution_files().items():
                path = inbox / student.id / file
                path.parent.mkdir(parents=True, exist_ok=True)
                # Each its own bytes, or one attempt would do for all.
                path.write_bytes(data + f"\n# {student.id}\n".encode())
        store = Store(Path(folder) / "state")
        collect(course, assignment, inbox, store)
        with Watch() as watch:
            graded = grade_assignment(
                course, assignment, store, profile="cpu", slots=1, on_done=lambda *_: seen.append(processor_seconds())
            )
    scores = {item.attempt.report.score for item in graded}
    return {
        "assignment": name,
        "first_s": round(seen[0], 1),
        "more_s": round((seen[-1] - seen[0]) / max(1, len(seen) - 1), 1),
        "memory_mb": round(watch.most),
        "limit_mb": assignment.profile("cpu").limits.memory_mb,
        "scores": ", ".join(map(str, sorted(scores, key=str))),
    }


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="assignments (default: all)")
    parser.add_argument("--submissions", type=int, default=3)
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    begin = time.monotonic()
    rows = []
    for name in options.names or list(load_course(ROOT).assignments):
        rows.append(measure(name, options.submissions))
        print(json.dumps(rows[-1]), flush=True)
    print(
        "\n| assignment | start and first submission | each further one | memory of a slot | limit of a submission |\n|---|---|---|---|---|"
    )
    for row in rows:
        print(
            f"| `{row['assignment']}` | {row['first_s']} s | {row['more_s']} s | {row['memory_mb']} MB | {row['limit_mb']} MB |"
        )
    print(f"{time.monotonic() - begin:.0f} s")


if __name__ == "__main__":
    main()
