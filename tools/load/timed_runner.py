"""A runner that notes how much processor time each case of each submission takes, as the submission's own clock counts it.

Started by :mod:`tools.load.measure`, in place of grader.engine.runner. For each submission it adds a line to the file that
the variable AUTOGRADE_CASE_TIMES names: a JSON object of seconds by case.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from grader.engine import runner
from grader.engine.clock import Clock
from grader.grading.slot import Work

_times: dict[str, float] = {}
_plain = (Clock.begin_case, Clock.follow, runner.grade)


class _Case:
    """The case that runs: its name, its clock, and the clock's reading as it began."""

    name = ""
    clock: Clock | None = None
    began = 0.0


def _end(clock: Clock) -> None:
    clock._update()  # what was read at most 50 ms ago is too old to be divided among cases
    if _Case.name and _Case.clock is clock:
        _times[_Case.name] = _times.get(_Case.name, 0.0) + clock.used - _Case.began
    _Case.clock, _Case.began = clock, clock.used


def _begin_case(self: Clock, case: str, timeout: float | None) -> None:
    _end(self)
    _Case.name = case
    _plain[0](self, case, timeout)


def _follow(self: Clock, worker: object) -> None:
    _plain[1](self, worker)  # type: ignore[arg-type]
    if worker is None:
        _end(self)


def _grade(*args: object) -> object:
    _times.clear()
    _Case.name, _Case.clock = "", None
    report = _plain[2](*args)  # type: ignore[arg-type]
    if _Case.clock is not None:
        _end(_Case.clock)
    with Path(os.environ["AUTOGRADE_CASE_TIMES"]).open("a", encoding="utf-8") as file:
        file.write(json.dumps(_times) + "\n")
    return report


if __name__ == "__main__":
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    Clock.begin_case, Clock.follow, runner.grade = _begin_case, _follow, _grade  # type: ignore[method-assign, assignment]
    Work.from_config(json.loads(sys.argv[2]))  # a wrong call fails here, where its error can be read
    sys.exit(runner.main(int(sys.argv[1]), json.loads(sys.argv[2])))
