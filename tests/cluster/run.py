"""Grade the same submissions on this machine, on Slurm and on Ray, each with a node killed in the middle: ``make cluster``.

Every submission must have exactly one attempt, and its report must be the local one but for durations. Exits 1 where that
is not so. It prints wall seconds, and how often more than the local ones.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from grader.course import load_course
from grader.grading import grade_assignment, stoppable
from grader.store import Store
from tests.cluster import ray_nodes, slurm_nodes

ROOT = Path(__file__).parents[2]
NAMES = ("local", "slurm", "ray")
NODES = 3


def hand_in(store: Store, assignment, count: int) -> None:
    """So many submissions, no two alike: right ones, every fifth with a wrong gradient, every ninth that raises."""
    right = assignment.solution_files()
    first = next(iter(right))
    for number in range(count):
        files = dict(right)
        text = files[first].decode() + f"\n# {number}\n"
        if number % 9 == 8:
            text += "raise ValueError('no')\n"
        elif number % 5 == 4:
            text = text.replace("+=", "-=", 1).replace(" / ", " * ", 1)
        files[first] = text.encode()
        store.put_submission(assignment.name, f"s{number:04}", files, received_at=datetime(2026, 1, 1, tzinfo=UTC))


@contextlib.contextmanager
def cluster(name: str, folder: Path) -> Iterator[object | None]:
    """What the executor runs on, with a method that kills a node; None where it is this machine."""
    os.environ.pop("RAY_ADDRESS", None)
    if name == "slurm":
        with slurm_nodes.running(folder, NODES) as nodes:
            yield nodes
    elif name == "ray":
        with ray_nodes.running(NODES) as nodes:
            yield nodes
    else:
        yield None


def grade(name: str, root: Path, options: argparse.Namespace) -> dict:
    """Grade all with one executor; what came of it, with the reports by owner."""
    course = load_course(ROOT / "autograde.yml")
    assignment = course.assignment(options.assignment)
    store = Store(root / name)
    (root / name / "secret").write_text("5" * 64 + "\n")
    hand_in(store, assignment, options.submissions)
    killed: list[tuple[float, int]] = []
    done: list[float] = []
    with cluster(name, root / f"{name}-nodes") as nodes:
        begin = time.monotonic()

        def on_done(_) -> None:
            done.append(time.monotonic() - begin)
            if nodes is not None and len(done) == options.submissions // 2:
                killed.append((done[-1], nodes.kill_node("n1")))

        slots = 2 if nodes is None else NODES
        graded = grade_assignment(course, assignment, store, executor=name, slots=slots, on_done=on_done)
        wall = time.monotonic() - begin
    owners = {submission.id: submission.owner for submission in store.submissions(assignment.name)}
    reports: dict[str, list] = {owner: [] for owner in owners.values()}
    for attempt in store.attempts(assignment.name):
        reports[owners[attempt.submission_id]].append(attempt.report)
    return {
        "wall_s": round(wall, 1),
        "first_s": round(done[0], 1),
        "last_but_5_s": round(done[-6] if len(done) > 5 else done[-1], 1),
        "killed_at_s": round(killed[0][0], 1) if killed else None,
        "killed_processes": killed[0][1] if killed else None,
        "graded": len(graded),
        "reports": reports,
    }


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--submissions", type=int, default=200)
    parser.add_argument("--assignment", default="backprop")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--out", type=Path, default=None, metavar="FILE.json")
    options = parser.parse_args()
    missing = slurm_nodes.missing()
    wanted = [name for name in NAMES if name in options.only or name == "local"]
    if missing and "slurm" in wanted:
        sys.stdout.write(
            f"NOT RUN: slurm lacks {', '.join(missing)}; apt-get install slurmctld slurmd slurm-client munge\n"
        )
        wanted.remove("slurm")
    if ray_nodes.missing() and "ray" in wanted:
        sys.stdout.write("NOT RUN: ray is not installed; pip install -e '.[ray]'\n")
        wanted.remove("ray")
    wrong, figures = [], {}
    with tempfile.TemporaryDirectory(prefix="cluster-") as folder:
        found = {}
        for name in wanted:
            found[name] = grade(name, Path(folder), options)
            figures[name] = {key: value for key, value in found[name].items() if key != "reports"}
            figures[name]["times_local"] = round(found[name]["wall_s"] / found["local"]["wall_s"], 2)
            sys.stdout.write(f"{name}: {json.dumps(figures[name])}\n")
            sys.stdout.flush()
            wrong += compare(name, found["local"]["reports"], found[name]["reports"])
    for line in wrong:
        sys.stdout.write(f"WRONG: {line}\n")
    if options.out:
        options.out.write_text(
            json.dumps({"submissions": options.submissions, **figures, "wrong": wrong}, indent=2) + "\n"
        )
    return 1 if wrong or set(wanted) < set(options.only) else 0


def compare(name: str, local: dict, found: dict) -> list[str]:
    """Where a run is other than the local one: lost, twice, or another report."""
    wrong = []
    for owner, before in local.items():
        after = found.get(owner, [])
        if len(after) != 1:
            wrong.append(f"{name}: {owner} has {len(after)} attempts")
        elif before[0].timeless() != after[0].timeless():
            verdicts = [
                f"{b.id}: {b.verdict} -> {a.verdict}"
                for b, a in zip(before[0].checks, after[0].checks, strict=True)
                if b.verdict != a.verdict
            ]
            wrong.append(f"{name}: {owner}: {'; '.join(verdicts) or 'texts differ'}")
    return wrong


if __name__ == "__main__":
    with stoppable():
        sys.exit(main())
