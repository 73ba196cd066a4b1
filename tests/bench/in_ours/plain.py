"""Runs in our environment: the checks on submissions in plain Python, one process, no grader around them.

With ``warm`` one submission is graded and thrown away first, so that what follows is the checks' own time: the floor
that a grader's overhead is counted from. Without it this is the plain script an instructor would write.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import types
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "jobs"))

import checks  # after the path, and in this order: a plain script imports torch once, here
import torch


def grade(path: Path) -> dict[str, float]:
    """Points of the submission in file ``path``, by check."""
    student = types.ModuleType(path.parent.name)
    exec(compile(path.read_text(), str(path), "exec"), student.__dict__)
    scores = {}
    for name, check in vars(checks).items():
        if name.startswith("check_"):
            try:
                check(student)
            except Exception:  # noqa: BLE001 - whatever a student's code raises loses the points
                scores[name.removeprefix("check_")] = 0.0
            else:
                scores[name.removeprefix("check_")] = float(checks.POINTS)
    return scores


def main() -> None:
    """Grade ``submissions`` and print scores and seconds by owner (the name of the file's folder)."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--warm", action="store_true")
    parser.add_argument("submissions", nargs="+", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.warm:
        grade(arguments.submissions[0])
    results = {}
    for path in arguments.submissions:
        started = time.perf_counter()
        scores = grade(path)
        results[path.parent.name] = {"seconds": time.perf_counter() - started, "scores": scores}
    sys.stdout.write(json.dumps(results))


if __name__ == "__main__":
    main()
