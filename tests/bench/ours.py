"""Autograde as its users run it: `autograde collect` of a class's folder, then `autograde grade`; and the plain floor.

The course folder is written from the same solution and checks as the peers' forms. Grading runs through the command
line in a fresh state folder each time, sandbox and all.
"""

from __future__ import annotations

import json
import shutil
from statistics import mean, median
from typing import TYPE_CHECKING, Any

import assignment
import process
from environment import HERE
from measure import Measure, Scores, verify

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from environment import Tool

NAME = "bench"
PLAIN = HERE / "in_ours" / "plain.py"
START_TIMEOUT_S, EACH_TIMEOUT_S = 120, 30


def course_file(submissions: Sequence[assignment.Submission]) -> dict[str, Any]:
    """autograde.yml of the bench course, as data."""
    return {
        "course": {"name": "Benchmark"},
        "roster": {"students": [{"id": one.owner, "name": one.owner} for one in submissions]},
        "assignments": {
            NAME: {"title": "Benchmark", "files": [f"{NAME}.py"], "profiles": {"cpu": {"limits": {"wall_s": 60}}}}
        },
    }


class AutogradeCourse:
    """A course folder with the bench assignment and ``submissions`` to collect."""

    def __init__(self, folder: Path, submissions: Sequence[assignment.Submission], tool: Tool) -> None:
        self.folder = folder
        self.submissions = submissions
        self.tool = tool
        shutil.rmtree(folder, ignore_errors=True)
        hidden, solution = folder / "assignments" / NAME / "hidden", folder / "solutions" / NAME
        for made in (hidden, solution):
            made.mkdir(parents=True)
        # JSON is YAML, and says exactly what is meant.
        (folder / "autograde.yml").write_text(json.dumps(course_file(submissions), indent=1))
        (hidden / f"test_{NAME}.py").write_text(assignment.autograde_suite())
        (solution / f"{NAME}.py").write_text(assignment.SOLUTION)
        for one in submissions:
            path = self.file(one)
            path.parent.mkdir(parents=True)
            path.write_text(one.source)

    def file(self, one: assignment.Submission) -> Path:
        """Where ``one`` was handed in."""
        return self.folder / "handed_in" / one.owner / f"{NAME}.py"

    def _autograde(self, verb: str, *arguments: str | Path, state: Path) -> process.Finished:
        """Run ``autograde VERB bench`` with the course, ``state`` and ``arguments``."""
        common = ("--course", self.folder / "autograde.yml", "--state", state, "--json")
        return process.run(
            (self.tool.command("autograde"), verb, NAME, *arguments, *common),
            what=f"autograde {verb}",
            timeout_s=START_TIMEOUT_S + EACH_TIMEOUT_S * len(self.submissions),
            cwd=self.folder,
            environment=self.tool.variables,
        )

    def grade(self, jobs: int | None) -> tuple[process.Finished, dict[str, Any]]:
        """Collect everything into a fresh state folder, then grade it: what the grading took, and its JSON."""
        state = self.folder / "state"
        shutil.rmtree(state, ignore_errors=True)
        self._autograde("collect", self.folder / "handed_in", state=state)
        done = self._autograde("grade", *([] if jobs is None else ["--jobs", str(jobs)]), state=state)
        try:
            return done, json.loads(done.stdout)
        except ValueError as error:
            raise process.StepFailedError(f"autograde grade printed no JSON: {done.stdout[-500:]!r}") from error

    def plain(
        self, *options: str, submissions: Sequence[assignment.Submission]
    ) -> tuple[process.Finished, dict[str, Any]]:
        """Run the same checks on ``submissions`` in one plain process: what it took, and scores and seconds."""
        done = process.run(
            (self.tool.command("python"), PLAIN, *options, *map(self.file, submissions)),
            what="the checks in plain Python",
            timeout_s=START_TIMEOUT_S + EACH_TIMEOUT_S * len(submissions),
            cwd=self.folder,
            environment=self.tool.variables,
        )
        results: dict[str, Any] = json.loads(done.stdout)
        scores: Scores = {owner: one["scores"] for owner, one in results.items()}
        verify("the plain script", submissions, scores)
        return done, results


def _medians(parts: Sequence[dict[str, float]]) -> dict[str, float]:
    """Median of every named part over the attempts that have it."""
    names = dict.fromkeys(name for one in parts for name in one)
    return {name: median(one[name] for one in parts if name in one) for name in names}


def measure(
    folder: Path, submissions: Sequence[assignment.Submission], tool: Tool, *, jobs: int | None, single: bool
) -> Measure:
    """Grade all ``submissions`` with ``jobs`` workers (None: the command's default); with ``single`` also one alone.

    Raises StepFailedError where a command failed, or some submission got the wrong score.
    """
    course = AutogradeCourse(folder, submissions, tool)
    done, answer = course.grade(jobs)
    attempts = {attempt["owner"]: attempt for attempt in answer["attempts"]}
    _verify(submissions, attempts)
    alone = AutogradeCourse(folder / "single", submissions[:1], tool).grade(jobs)[0] if single else None
    return Measure(
        tool="autograde",
        how="one `autograde grade" + (f" --jobs {jobs}`" if jobs else "`") + " over all",
        includes="start of Python, zygote and runner once, a sandboxed fork each, the result store; not collect",
        submissions=len(submissions),
        wall_s=done.wall_s,
        cpu_s=done.cpu_s,
        peak_mb=done.peak_mb,
        single_wall_s=alone.wall_s if alone else None,
        single_cpu_s=alone.cpu_s if alone else None,
        each_s=tuple(attempts[one.owner]["seconds"] for one in submissions),
        parts_s=_medians([attempt.get("timing", {}) for attempt in attempts.values()]),
    )


def _verify(submissions: Sequence[assignment.Submission], attempts: dict[str, dict[str, Any]]) -> None:
    """Scores are the right ones: by check where the attempts list their checks, else in all."""
    scores: Scores = {}
    for one in submissions:
        attempt = attempts.get(one.owner, {})
        if "checks" in attempt:
            scores[one.owner] = {check["id"].removeprefix("test_"): check["score"] for check in attempt["checks"]}
        elif attempt.get("score") == one.total and attempt.get("max_score") == assignment.FULL:
            scores[one.owner] = one.expected
        else:
            scores[one.owner] = {"score": attempt.get("score", -1.0)}
    verify("autograde", submissions, scores)


def measure_floor(folder: Path, submissions: Sequence[assignment.Submission], tool: Tool) -> Measure:
    """The checks' own time: all ``submissions`` in one warm plain process, no isolation, nothing recorded."""
    course = AutogradeCourse(folder, submissions, tool)
    done, results = course.plain("--warm", submissions=submissions)
    return Measure(
        tool="floor",
        how="the checks in one warm plain process",
        includes="import of torch once; no isolation, no report: the computation itself",
        submissions=len(submissions),
        wall_s=done.wall_s,
        cpu_s=done.cpu_s,
        peak_mb=done.peak_mb,
        each_s=tuple(results[one.owner]["seconds"] for one in submissions),
    )


def measure_script(folder: Path, submissions: Sequence[assignment.Submission], tool: Tool) -> Measure:
    """A plain script for each of ``submissions``: what any grader that starts a process for each must take."""
    course = AutogradeCourse(folder, submissions, tool)
    runs = [course.plain(submissions=[one])[0] for one in submissions]
    walls = tuple(done.wall_s for done in runs)
    return Measure(
        tool="plain script",
        how="a plain script for each",
        includes="import of torch for each submission; no isolation, no report",
        submissions=len(submissions),
        wall_s=sum(walls),
        cpu_s=sum(done.cpu_s for done in runs),
        peak_mb=max(done.peak_mb for done in runs),
        single_wall_s=mean(walls),
        single_cpu_s=mean(done.cpu_s for done in runs),
        each_s=walls,
    )
