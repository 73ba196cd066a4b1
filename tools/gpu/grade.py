"""Grade each solution and two wrong variants under a profile, and write down what the thresholds rest on.

Started by tools/gpu/run.py. It works on a copy of the course, whose profile may be given another device (``--device cpu`` tries the script
on a machine without a GPU) and, where this machine lacks a layer of the sandbox, a smaller minimum: what is graded here is our own code.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as OutOfTime
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from grader.course import Assignment, Course, load_course
from grader.demo.classroom import sees
from grader.grading import grade_uploads
from grader.intake import Upload
from grader.layer_names import DEFAULT_MINIMUM
from grader.records import Report
from grader.sandbox.report.doctor import examine
from grader.validation.variants import Variant, apply, read_variants

ROOT = Path(__file__).resolve().parents[2]
COPY = ROOT / "build" / "gpu" / "course"
#: How many wrong variants of an assignment are graded beside its solution.
WRONG = 2


def copy_of_the_course(device: str, minimum: tuple[str, ...] | None) -> Course:
    """The course in a folder of its own, with that device in place of cuda, and with that minimum where one is given."""
    shutil.rmtree(COPY, ignore_errors=True)
    for folder in ("assignments", "solutions"):
        shutil.copytree(ROOT / folder, COPY / folder, ignore=shutil.ignore_patterns("__pycache__"))
    text = re.sub(r"device: cuda\b", f"device: {device}", (ROOT / "autograde.yml").read_text(encoding="utf-8"))
    if minimum is not None:
        text += f"\nsandbox: {{minimum: [{', '.join(minimum)}]}}\n"
    (COPY / "autograde.yml").write_text(text, encoding="utf-8")
    return load_course(COPY / "autograde.yml")


def chosen(assignment: Assignment) -> list[Variant]:
    """The wrong variants to grade: the one in the middle of the list and the last, which are of different modules."""
    wrong = [variant for variant in read_variants(assignment) if variant.kind == "wrong"]
    return [wrong[index * (len(wrong) - 1) // WRONG] for index in range(1, WRONG + 1)]


class Memory(threading.Thread):
    """The most device memory in use, in MiB, as the driver says it twice a second."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most, self.first, self.stopped = 0, used_memory(), threading.Event()

    def run(self) -> None:
        """Watch until it is stopped."""
        while not self.stopped.wait(0.5):
            self.most = max(self.most, used_memory())


def used_memory() -> int:
    """MiB in use on the first device; 0 where there is none."""
    if shutil.which("nvidia-smi") is None:
        return 0
    command = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
    return int(answer[0]) if answer and answer[0].isdigit() else 0


@contextmanager
def watched_memory() -> Iterator[Memory]:
    """A watch on the device's memory."""
    watch = Memory()
    watch.start()
    try:
        yield watch
    finally:
        watch.stopped.set()


def grade(course: Course, name: str, profile: str, slots: int) -> dict[str, Any]:
    """The solution's and the variants' rows, and what a threshold of the assignment rests on."""
    assignment = course.assignment(name)
    solution = assignment.solution_files()
    variants = chosen(assignment)
    uploads = [Upload(dict(solution)), *(Upload(apply(variant, solution)) for variant in variants)]
    begin = time.monotonic()
    reports = grade_uploads(course, assignment, uploads, profile=profile, state=COPY / ".autograde", slots=slots)
    seconds = time.monotonic() - begin
    full = reports[0]
    rows = [row("the solution", full, None if full.score == full.max_score else lost(full))]
    for variant, report in zip(variants, reports[1:], strict=True):
        rows.append(row(f"wrong: {variant.name}", report, sees(variant)(report)))
    evidence = {
        metric: {
            "zero": threshold.zero,
            "full": threshold.full,
            "direction": threshold.direction,
            "solution": value_of(full, metric),
            "variants": {v.name: value_of(r, metric) for v, r in zip(variants, reports[1:], strict=True)},
        }
        for metric, threshold in assignment.profile(profile).thresholds.items()
    }
    return {"assignment": name, "seconds": round(seconds, 1), "rows": rows, "thresholds": evidence}


def value_of(report: Report, metric: str) -> float | None:
    """A metric of a report, where it has it."""
    return report.metrics[metric].value if metric in report.metrics else None


def lost(report: Report) -> str:
    """What a solution without full marks lost, in a line."""
    checks = [
        f"{c.id} {c.verdict.value}: {c.message or c.staff[-200:]}" for c in report.checks if c.score != c.max_score
    ]
    return "; ".join(checks)[:600] or report.message


def row(version: str, report: Report, problem: str | None) -> dict[str, Any]:
    """One graded version."""
    return {
        "version": version,
        "score": report.score,
        "max_score": report.max_score,
        "seconds": round(report.seconds, 1),
        "metrics": {name: metric.value for name, metric in report.metrics.items()},
        "seed": report.seed,
        "problem": problem or "",
        "environment": report.environment,
    }


def machine(device: str) -> dict[str, Any]:
    """What this is run on; exit code 3 where the device is asked for and is not there."""
    import torch

    cuda = torch.cuda.is_available()
    facts = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda or "",
        "device": torch.cuda.get_device_name(0) if cuda else "",
        "cores": len(os.sched_getaffinity(0)),
    }
    for name, value in facts.items():
        print(f"{name:8} {value}")
    if device == "cuda" and not cuda:
        print("torch finds no CUDA device here; `--device cpu` tries the script without one")
        sys.exit(3)
    return facts


def show(done: dict[str, Any]) -> None:
    """Print what one assignment came to."""
    for item in done["rows"]:
        score = "held" if item["score"] is None else f"{item['score']:6.2f}"
        print(
            f"{done['assignment']:15} {item['version'][:44]:44} {score} /{item['max_score']:7.2f} {item['seconds']:7.1f} s  {item['problem']}"
        )
    for metric, threshold in done["thresholds"].items():
        print(
            f"{'':15} {metric}: solution {threshold['solution']}, zero {threshold['zero']}, full {threshold['full']}, variants {threshold['variants']}"
        )


def main() -> int:
    """0 where every solution has full marks, every variant loses what it must, and all of it in time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--device", choices=("cuda", "cpu"), default="cuda", help="where the profile grades (default: cuda)"
    )
    parser.add_argument("--profile", default="gpu", help="the profile (default: gpu)")
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME", help="these assignments alone")
    parser.add_argument("--at-once", type=int, default=3, help="assignments at a time (default: 3)")
    parser.add_argument(
        "--minutes", type=float, default=7.5, help="stop after that long, with what there is (default: 7.5)"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "gpu" / "results", help="where the results go")
    options = parser.parse_args()
    begin = time.monotonic()
    here = machine(options.device)
    found = examine(DEFAULT_MINIMUM, ROOT)
    minimum = None if found.fit else tuple(name for name in DEFAULT_MINIMUM if name in found.layers)
    print(f"{'sandbox':8} {' '.join(found.layers) or 'none'}")
    if minimum is not None:
        print(
            f"         this machine lacks {sorted(set(DEFAULT_MINIMUM) - set(minimum))}: our own code is graded without"
        )
    course = copy_of_the_course(options.device, minimum)
    names = options.only or list(course.assignments)
    done: list[dict[str, Any]] = []
    failed: dict[str, str] = {}
    with watched_memory() as memory:
        pool = ThreadPoolExecutor(options.at_once)
        # The longest first, so that none is left alone at the end.
        waiting: dict[str, Future[dict[str, Any]]] = {
            name: pool.submit(grade, course, name, options.profile, 1 + WRONG) for name in reversed(names)
        }
        for name, future in waiting.items():
            left = 60 * options.minutes - (time.monotonic() - begin)
            try:
                done.append(future.result(timeout=max(left, 0.1)))
                show(done[-1])
            except OutOfTime:
                failed[name] = "not finished in time"
            except Exception as error:  # noqa: BLE001 - one assignment that cannot be graded must not hide the others
                failed[name] = f"{type(error).__name__}: {error}"
    seconds = time.monotonic() - begin
    options.out.mkdir(parents=True, exist_ok=True)
    result = {
        "machine": here,
        "profile": options.profile,
        "device": options.device,
        "layers": list(found.layers),
        "seconds": round(seconds, 1),
        "device_memory_mib": {"before": memory.first, "most": memory.most},
        "assignments": done,
        "failed": failed,
    }
    (options.out / "gpu.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    for name, why in failed.items():
        print(f"{name:15} {why}")
    problems = [item["problem"] for one in done for item in one["rows"] if item["problem"]]
    print(
        f"{len(done)} of {len(names)} assignments in {seconds:.0f} s; device memory {memory.first} MiB before, {memory.most} MiB at most"
    )
    print(f"written: {options.out / 'gpu.json'}")
    sys.stdout.flush()
    os._exit(int(bool(problems or failed)))  # what is still being graded is not waited for


if __name__ == "__main__":
    sys.exit(main())
