"""What many submissions cost: efficiency, memory, database, and how far the announced end was off.

    python tests/bench/scale.py --assignment backprop --submissions 1000 --slots 2
    python tests/bench/scale.py --assignment bench --submissions 200 --executor local --executor spool
    python tests/bench/scale.py --stub --submissions 10000     coordinator and store alone, on both engines

The first two grade right submissions of an assignment of this course, or of the benchmark's own, with everything that
grading has. Efficiency is what the checks compute in warm processes, over wall time times cores. ``--stub`` has an
executor that computes nothing. Figures are printed, and written to build/bench/scale.json.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import assignment as bench
import ours
from rich.console import Console
from rich.table import Table

from grader.course import Assignment, Course, load_course, read_suite
from grader.engine.measurement import Plan
from grader.grading import grade as batch
from grader.grading.executor import EXECUTORS, Result
from grader.grading.slot import Slot, Work
from grader.store import Store
from tests.bench import store as store_bench
from tests.support.postgres import missing, server

ROOT = Path(__file__).resolve().parents[2]
#: After how many submissions memory is read, and at which parts of a batch the announced end is compared.
READ_AT = (10, 30, 100, 300, 1000, 3000, 10_000)
PARTS = (0.1, 0.25, 0.5, 0.75, 0.9)
WARM_RUNS = 2, 12


@dataclass
class Watch:
    """What a batch looks like while it runs."""

    total: int
    begin: float = field(default_factory=time.perf_counter)
    first_s: float = 0.0
    done: int = 0
    each_s: list[float] = field(default_factory=list)
    memory_mb: dict[int, dict[str, float]] = field(default_factory=dict)
    announced: list[tuple[int, float, float]] = field(default_factory=list)  # done, seconds passed, seconds announced

    def __call__(self, result: batch.BatchResult) -> None:
        """Note a result."""
        self.done += 1
        now = time.perf_counter() - self.begin
        self.first_s = self.first_s or now
        self.each_s.append(result.seconds)
        if result.left_s is not None:
            self.announced.append((self.done, now, result.left_s))
        if self.done in READ_AT or self.done == self.total:
            self.memory_mb[self.done] = memory_by_role(os.getpid())

    def progress(self) -> list[list[float]]:
        """Submissions done, seconds passed and seconds announced as left, at most 100 times."""
        step = max(1, len(self.announced) // 100)
        return [list(one) for one in self.announced[::step]]

    def eta_errors(self, wall_s: float) -> dict[str, float]:
        """By part of the batch: seconds announced less seconds that were left, over those."""
        found = {}
        for part in PARTS:
            known = [one for one in self.announced if one[0] >= part * self.total]
            if known and (left := wall_s - known[0][1]) > 0:
                found[f"{part:.0%} done"] = (known[0][2] - left) / left
        return found


def children(pid: int) -> Iterator[int]:
    """The children of a process."""
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            yield from map(int, (task / "children").read_text().split())


def memory_by_role(pid: int) -> dict[str, float]:
    """MB that the processes of a batch hold, shared pages by halves (Pss), largest of each role."""
    found: dict[str, float] = {}

    def look(at: int, parent: str) -> None:
        command = Path(f"/proc/{at}/cmdline").read_bytes().decode(errors="replace")
        if "zygote_process" in command:
            role = "worker" if parent == "zygote" else "zygote"
        elif "grader.engine.runner" in command:
            role = "reader" if parent == "runner" else "runner"
        else:
            role = "coordinator" if at == pid else "other"
        text = Path(f"/proc/{at}/smaps_rollup").read_text()
        held = next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) / 1024
        found[role] = max(found.get(role, 0.0), round(held, 1))
        for child in children(at):
            with contextlib.suppress(OSError):
                look(child, role)

    look(pid, "")
    return found


def cpu_of_tree(pid: int) -> float:
    """CPU seconds of a process and all below it, those that were waited for as well."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    below = 0.0
    for child in children(pid):
        with contextlib.suppress(OSError):
            below += cpu_of_tree(child)
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK") + below


def compute_s(work: Work) -> float:
    """CPU seconds of one more run of all checks on the solution, in a runner and a worker that are warm."""
    stages = (tuple(check.id for check in read_suite(work.assignment.hidden_folder)),)
    slot = Slot(work)
    slot.start()
    try:
        assert slot._process is not None
        spent = []
        for runs in (1, *WARM_RUNS):
            before = cpu_of_tree(slot._process.pid)
            slot.measure(dict(work.assignment.solution_files()), Plan(seeds=tuple(range(runs)), stages=stages))
            spent.append(cpu_of_tree(slot._process.pid) - before)
    finally:
        slot.close()
    return (spent[2] - spent[1]) / (WARM_RUNS[1] - WARM_RUNS[0])


def right_submissions(of: Assignment, count: int) -> Iterator[dict[str, bytes]]:
    """The solution, so many times, each with a last line of its own."""
    for number in range(count):
        yield {name: data + f"\n# handed in by s{number:05}\n".encode() for name, data in of.solution_files().items()}


def bench_course(folder: Path) -> Course:
    """The course of the benchmark's own assignment."""
    ours.AutogradeCourse(folder, bench.submissions(1), None)  # type: ignore[arg-type]
    return load_course(folder / "autograde.yml")


def run(course: Course, of: Assignment, store: Store, options: Any, executor: str) -> dict[str, Any]:
    """Hand in, grade, and give the figures."""
    for number, files in enumerate(right_submissions(of, options.submissions)):
        store.put_submission(of.name, f"s{number:05}", files, received_at=datetime.now(UTC))
    before, watch = cpu_all(), Watch(options.submissions)
    graded = batch.grade_assignment(course, of, store, slots=options.slots, executor=executor, on_done=watch)
    wall = time.perf_counter() - watch.begin
    reports = [report for one in graded if (report := one.attempt.report).score != report.max_score]
    lost = [
        {"seed": report.seed, "check": check.id, "verdict": check.verdict, "why": check.message or check.staff}
        for report in reports
        for check in report.checks
        if check.score != check.max_score
    ]
    return {
        "assignment": of.name,
        "executor": executor,
        "slots": options.slots,
        "submissions": options.submissions,
        "wall_s": wall,
        "first_s": watch.first_s,
        "cpu_s_each": (cpu_all() - before) / options.submissions,
        "wall_s_each_after_first": (wall - watch.first_s) / max(1, options.submissions - 1),
        "median_s": median(watch.each_s),
        "memory_mb": watch.memory_mb,
        "database_mb": (store.state / "store.db").stat().st_size / 2**20
        if (store.state / "store.db").exists()
        else None,
        "eta_error": watch.eta_errors(wall),
        "progress": watch.progress(),
        "without_full_marks": len(reports),
        "lost": lost,
    }


def cpu_all() -> float:
    """CPU seconds of this process and of those that it waited for."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    )


class StubExecutor:
    """Answers at once with a report of usual size."""

    default_slots = staticmethod(lambda: 2)

    def __init__(self, work: Work, slots: int | None) -> None:
        from grader.course import grader_version

        self._version = grader_version(work.assignment, work.profile.name)

    def run(self, tasks: Iterable[Any]) -> Iterator[Result[Any]]:
        """As the protocol says."""
        from grader.store import digest_files

        for task in tasks:
            report = store_bench.report(digest_files(task.files), task.key, self._version)
            yield Result(task.key, report, datetime.now(UTC), 0.0, 1)

    def close(self) -> None:
        """As the protocol says."""


def run_stub(folder: Path, options: Any) -> list[dict[str, Any]]:
    """Coordinator and store alone, on each engine that is there."""
    EXECUTORS.ours["stub"] = f"{__name__}:StubExecutor"  # type: ignore[index]
    course = load_course(store_bench.write_class(folder / "course", options.submissions).parent)
    found = []
    with contextlib.ExitStack() as stack:
        engines: dict[str, Callable[[], str]] = {"sqlite": lambda: ""}
        if reason := missing():
            sys.stderr.write(f"{reason}\n")
        else:
            running = stack.enter_context(server())
            engines["postgresql"] = running.url
        for engine, url in engines.items():
            of = course.assignment("tiny")
            store = Store(folder / engine, url())
            begin = time.perf_counter()
            with contextlib.closing(store):
                one = run(course, of, store, options, "stub") | {"engine": engine}
            if engine == "postgresql":
                ((size,),) = running.execute("SELECT pg_database_size('test_1')")
                one["database_mb"] = size / 2**20
            found.append(one | {"with_handing_in_s": time.perf_counter() - begin})
    return found


SHOWN = {
    "assignment": "assignment",
    "slots": "slots",
    "submissions": "submissions",
    "wall_s": "wall s",
    "first_s": "wall s until the first verdict",
    "wall_s_each_after_first": "wall s for each after the first",
    "median_s": "wall s of one, median",
    "cpu_s_each": "CPU s for each, start-up included",
    "compute_s_each": "CPU s of the checks in warm processes",
    "efficiency": "efficiency: checks over wall times cores",
    "database_mb": "database, MB",
    "without_full_marks": "without full marks",
}


def show(rows: list[dict[str, Any]], console: Console) -> None:
    """Print what was found."""
    table = Table("", *(f"{row['executor']} {row.get('engine', '')}" for row in rows))
    for name, words in SHOWN.items():
        if any(name in row for row in rows):
            values = (row.get(name) for row in rows)
            table.add_row(words, *(f"{one:.3f}" if isinstance(one, float) else str(one) for one in values))
    console.print(table)
    for row in rows:
        console.print(f"[bold]{row['executor']}[/] memory in MB (Pss) after so many submissions:", highlight=False)
        for count, roles in row["memory_mb"].items():
            console.print(f"  {count}: " + ", ".join(f"{role} {held:.0f}" for role, held in roles.items()))
        for one in row["lost"][:20]:
            console.print(f"  lost: seed {one['seed']}: {one['check']}: {one['verdict']}: {one['why']}", markup=False)
        errors = ", ".join(f"{part}: {error:+.0%}" for part, error in row["eta_error"].items())
        console.print(f"  announced end, off by (of the time that was left): {errors or 'never announced'}")


def main() -> None:
    """Measure, print, and write build/bench/scale.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--assignment", default="bench", help="of this course, or `bench`")
    parser.add_argument("--submissions", type=int, default=100)
    parser.add_argument("--slots", type=int, default=None)
    parser.add_argument("--executor", action="append", help="several: side by side; local by default")
    parser.add_argument("--stub", action="store_true", help="coordinator and store alone, on both engines")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="autograde-scale-"))
    try:
        if options.stub:
            rows = run_stub(folder, options)
        else:
            course = (
                bench_course(folder / "course")
                if options.assignment == "bench"
                else load_course(ROOT / "autograde.yml")
            )
            of = course.assignment(options.assignment)
            compute = compute_s(Work(course, of, of.profile("cpu"), folder / "state"))
            rows = []
            for executor in options.executor or ["local"]:
                with contextlib.closing(Store(folder / executor)) as store:
                    row = run(course, of, store, options, executor)
                cores = len(os.sched_getaffinity(0))
                spent = row["wall_s"] * min(cores, options.slots or cores)
                rows.append(row | {"compute_s_each": compute, "efficiency": compute * options.submissions / spent})
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    out = ROOT / "build" / "bench" / "scale.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(rows, indent=2) + "\n")
    show(rows, Console())


if __name__ == "__main__":
    main()
