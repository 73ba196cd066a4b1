"""The runner: a trusted process with torch, pytest and one hidden suite, collected once, that grades in a loop.

Started by the batch as ``python -m grader.engine.runner FD CONFIG``. It speaks wire frames with the coordinator::

    coordinator -> {"op": "grade", "files": {...}, "seed": null}     runner -> {"op": "report", "report": {...}}
    coordinator -> {"op": "measure", "files": {...}, "plan": {...}}  runner -> {"op": "measured", "attempts": [...]}
    runner -> {"op": "ready", ...} once, when the suite is collected and the zygote is warm
    runner -> {"op": "alive"} before each case, so that the coordinator can tell a slow suite from a runner that hangs

A second submission costs no import and no collection: ``pytest_runtestloop`` runs the same items again.
"""

from __future__ import annotations

import contextlib
import gc
import json
import math
import os
import platform
import resource
import socket
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grader.course import load_course
from grader.engine.measurement import Attempted, Plan
from grader.engine.outcomes import (
    HELD,
    CaseOutcome,
    CheckSpec,
    blame_student,
    combine,
    failed_report,
    overall,
    spec_of,
)
from grader.engine.plugin import STATE, GradingState, case_id
from grader.engine.run import SubmissionRun, derive_seed
from grader.engine.session import Session
from grader.errors import AutogradeError, SystemFault
from grader.intake.upload import UPLOAD_FOLDER
from grader.records import CheckResult, Report, Verdict
from grader.sandbox.layers import kernel
from grader.sandbox.trusted.channel import Channel
from grader.sandbox.trusted.worker import WorkerKilled
from grader.store.blobs import digest_files

_REFEREE_CAP = 8
#: How often a submission is begun anew before a fault of ours holds it.
_TRIES = 3
#: MiB that a runner may take beyond twice the memory of a worker.
_SPARE_MB = 512


class RunnerPlugin:
    """Replaces pytest's loop by one over submissions."""

    def __init__(self, channel: Channel, session: Session) -> None:
        self.channel = channel
        self.session = session
        self.state = GradingState(session)
        self.errors: list[str] = []
        self._referee: dict[tuple[str, int], bool] = {}

    def pytest_configure(self, config: pytest.Config) -> None:
        """Hand the fixtures their state."""
        config.stash[STATE] = self.state

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep what went wrong in collecting the suite."""
        if report.failed:
            self.errors.append(str(report.longrepr))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Serve the coordinator until it hangs up."""
        items = [item for item in session.items if isinstance(item, pytest.Function)]
        if not items and not self.errors:
            self.errors.append(f"no checks were found in {self.session.assignment.hidden_folder}")
        if self.errors:
            self.channel.send({"op": "broken", "errors": self.errors})
            return True
        try:
            # One fork for nothing: where a layer is missing, grading must not begin.
            self.session.warm().fork(self.session.limits).close()
        except AutogradeError as error:
            self.channel.send(_broken(error))
            return True
        specs = _specs(items)
        gc.collect()
        gc.freeze()  # torch's half a million objects need no look at each collection
        _limit_memory(self.session)
        self.channel.send({"op": "ready", "checks": len(specs), "version": self.session.version})
        while (request := self.channel.receive()) is not None:
            if request["op"] == "measure":
                attempts = self._measure(session, items, request["files"], Plan.model_validate(request["plan"]))
                answer: dict[str, Any] = {
                    "op": "measured",
                    "attempts": [found.model_dump(mode="json") for found in attempts],
                }
            else:
                answer = {"op": "report", "report": self._grade(session, items, request).model_dump(mode="json")}
            self.channel.send(answer)
        return True

    def _grade(self, session: pytest.Session, items: list[pytest.Function], request: dict[str, Any]) -> Report:
        begin = time.monotonic()
        files: dict[str, bytes] = request["files"]
        specs = _specs(items)
        if request.get("problem") or any(name.startswith(UPLOAD_FOLDER) for name in files):
            return self._unreadable(specs, files, request.get("problem") or "The upload cannot be read.")
        if problem := self.session.assemble(files).problem:
            return self._unreadable(specs, files, problem)
        run, outcomes, metrics, lost = self._try(session, items, files, request.get("seed"))
        try:
            if run.fault is not None:
                raise run.fault
            for item in items:
                outcome = outcomes.get(case_id(item))
                if outcome is not None and outcome.unexplained:
                    outcomes[case_id(item)] = self._refer(session, item, outcome, run.seed)
        except SystemFault as fault:
            return self._failed(specs, Verdict.SYSTEM_ERROR, run.digest, run.seed, HELD, str(fault))
        checks = _combined(items, outcomes)
        verdict, score = overall(checks)
        seconds = time.monotonic() - begin
        return Report(
            assignment=self.session.assignment.name,
            verdict=verdict,
            score=score,
            max_score=sum(spec.points for spec in specs),
            checks=checks,
            metrics=metrics,
            message="\n".join(run.notes),
            seed=run.seed,
            profile=self.session.profile.name,
            grader_version=self.session.version,
            submission_digest=run.digest,
            environment=self._environment(run),
            seconds=seconds,
            # "lost": what went by in tries that a fault of ours ended.
            timing={"checks": sum(check.seconds for check in checks), "isolation": run.isolation_s, "lost": lost},
        )

    def _try(
        self, session: pytest.Session, items: list[pytest.Function], files: dict[str, bytes], seed: int | None
    ) -> tuple[SubmissionRun, dict[str, CaseOutcome], dict[str, Any], float]:
        """Run ``items`` on a submission until nothing of ours fails meanwhile; after the last try, ``run.fault`` says.

        The last value is the seconds that went by in tries that do not count.

        Each try is the whole submission in a fresh worker with the same seed: what the lost worker held, checks that
        passed may have made. docs/decisions/0004-killed-workers.md has what a student could gain by it.
        """
        lost, begin = 0.0, time.monotonic()
        for left in reversed(range(_TRIES)):
            run = self.session.open(files, seed, blames_kills=not left)
            outcomes, metrics = self._run_items(session, items, run)
            if run.fault is None:
                break
            lost = time.monotonic() - begin
            if not isinstance(run.fault, WorkerKilled):
                self.session.close()  # the next one starts with a new zygote
        return run, outcomes, metrics, lost

    def _run_items(
        self, session: pytest.Session, items: list[pytest.Function], run: SubmissionRun
    ) -> tuple[dict[str, CaseOutcome], dict[str, Any]]:
        try:
            return self._run_open(session, items, run)
        finally:
            run.close()

    def _run_open(
        self, session: pytest.Session, items: list[pytest.Function], run: SubmissionRun, brief: bool = False
    ) -> tuple[dict[str, CaseOutcome], dict[str, Any]]:
        """Run ``items`` and leave the worker as it is; ``brief`` as in :class:`~grader.engine.measurement.Plan`."""
        self.state.begin(run)
        failed: set[str] = set()
        for index, item in enumerate(items):
            if item.originalname in failed:
                continue
            self.channel.send({"op": "alive"})
            # Where the check's other cases may be left out, the next item for certain is the next check's first.
            later = (other for other in items[index + 1 :] if not brief or other.originalname != item.originalname)
            following = next(later, None)
            # nextitem=None on the last item tears down what the suite keeps for a session.
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if session.shouldfail or session.shouldstop:
                raise AutogradeError(f"the suite stopped pytest: {session.shouldfail or session.shouldstop}")
            outcome = self.state.outcomes.get(case_id(item))
            if brief and outcome is not None and outcome.verdict is not Verdict.ACCEPTED:
                failed.add(item.originalname)
        return dict(self.state.outcomes), dict(self.state.metrics)

    def _measure(
        self, session: pytest.Session, items: list[pytest.Function], files: dict[str, bytes], plan: Plan
    ) -> list[Attempted]:
        """Run chosen checks on one version of the solution, once for each seed, in one worker.

        Raises:
            SystemFault: something of ours failed in each try.
        """
        for left in reversed(range(_TRIES)):
            run = self.session.open(files, plan.seeds[0], blames_kills=not left)
            found = self._measure_once(session, items, run, plan)
            if run.fault is None:
                return found
            if not isinstance(run.fault, WorkerKilled):
                self.session.close()
        assert run.fault is not None
        raise run.fault

    def _measure_once(
        self, session: pytest.Session, items: list[pytest.Function], run: SubmissionRun, plan: Plan
    ) -> list[Attempted]:
        stages = [[item for item in items if item.originalname in stage] for stage in plan.stages]
        run.patience = {case_id(item): plan.patience.get(item.originalname, math.inf) for item in items}
        run.wall_s = min(run.wall_s, plan.wall_s or run.wall_s)
        found = []
        with contextlib.ExitStack() as stack:
            stack.callback(run.close)
            if plan.brief:
                from grader.checks.close import without_diagnosis  # with torch, which is loaded late

                stack.enter_context(without_diagnosis())
            for seed in plan.seeds:
                begin = time.monotonic()
                run.again(seed)
                checks: list[CheckResult] = []
                seen: dict[str, list[str]] = {}
                for stage in stages:
                    outcomes, _ = self._run_open(session, stage, run, plan.brief) if not plan.traced else ({}, {})
                    for item in stage if plan.traced else ():
                        outcomes |= self._run_open(session, [item], run)[0]
                        marks = run.lookup(plan.traced, module=next(iter(self.session.modules)))()
                        seen[item.originalname] = sorted({*seen.get(item.originalname, ()), *map(str, marks)})
                    if plan.vouched:
                        outcomes = {
                            case: blame_student(outcome, outcome.message)
                            if outcome.verdict is Verdict.GRADER_ERROR and outcome.unexplained
                            else outcome
                            for case, outcome in outcomes.items()
                        }
                    checks += _combined(stage, outcomes)
                    if any(check.verdict is not Verdict.ACCEPTED for check in checks):
                        break
                found.append(Attempted(seed=seed, checks=tuple(checks), seconds=time.monotonic() - begin, seen=seen))
        return found

    def _refer(self, session: pytest.Session, item: pytest.Function, outcome: CaseOutcome, seed: int) -> CaseOutcome:
        """A check stumbled. Run it on the reference with the same seed: if that passes, the student's value is wrong."""
        key = (case_id(item), seed)
        if key not in self._referee:
            folder = self.session.assignment.solution_folder
            files = {file: (folder / file).read_bytes() for file in self.session.assignment.files}
            run, outcomes, _, _ = self._try(session, [item], files, seed)
            if run.fault is not None:
                raise run.fault
            self._referee[key] = outcomes[case_id(item)].verdict is Verdict.ACCEPTED
            if len(self._referee) > _REFEREE_CAP:
                self._referee.pop(next(iter(self._referee)))
        if not self._referee[key]:
            return replace(outcome, verdict=Verdict.GRADER_ERROR, message=HELD)
        return blame_student(outcome, outcome.message) if outcome.verdict is Verdict.GRADER_ERROR else outcome

    def _unreadable(self, specs: list[CheckSpec], files: dict[str, bytes], problem: str) -> Report:
        digest = digest_files(files)
        seed = derive_seed(self.session.secret.hex(), digest, self.session.version)
        message = f"Your submission could not be read: {problem}"
        return self._failed(specs, Verdict.NOT_RUN, digest, seed, message)

    def _failed(
        self, specs: list[CheckSpec], verdict: Verdict, digest: str, seed: int, message: str, staff: str = ""
    ) -> Report:
        return failed_report(
            assignment=self.session.assignment.name,
            specs=specs,
            verdict=verdict,
            message=message,
            staff=staff,
            seed=seed,
            profile=self.session.profile.name,
            version=self.session.version,
            digest=digest,
        )

    def _environment(self, run: SubmissionRun) -> dict[str, str]:
        torch = sys.modules["torch"]
        numpy = sys.modules["numpy"]
        return {
            "python": platform.python_version(),
            "torch": str(torch.__version__),
            "numpy": str(numpy.__version__),
            "machine": platform.machine(),
            "isolation": " ".join(run.layers) or "no worker was needed",
        }


def _broken(error: AutogradeError) -> dict[str, Any]:
    """What tells the coordinator that grading cannot begin."""
    return {"op": "broken", "errors": [str(error)], "exit_code": error.exit_code, "error": error.as_dict()}


def _specs(items: list[pytest.Function]) -> list[CheckSpec]:
    """The checks in the order of the suite; cases of one check together."""
    return list({item.originalname: spec_of(item) for item in items}.values())


def _combined(items: list[pytest.Function], outcomes: dict[str, CaseOutcome]) -> tuple[CheckResult, ...]:
    """The checks of ``items``, from what their cases came to."""
    cases: dict[str, list[CaseOutcome]] = {spec.id: [] for spec in _specs(items)}
    for item in items:
        cases[item.originalname].append(outcomes.get(case_id(item), CaseOutcome(Verdict.SKIPPED)))
    return tuple(combine(spec, cases[spec.id]) for spec in _specs(items))


def _limit_memory(session: Session) -> None:
    """Cap what this process may still take: a hostile answer must not bring down the machine.

    A check holds an answer, copies of it and the reference's own, each of which may be as large as a worker. What goes
    beyond fails with MemoryError in the check that asked for it, and the reference tells whose fault that is. The data
    limit counts private writable memory; the GPU's driver maps more than it uses, so its profile has no cap.
    """
    if session.profile.name == "gpu":
        return
    held = next(
        int(line.split()[1]) << 10
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("VmData:")
    )
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    cap = held + ((2 * session.limits.memory_mb + _SPARE_MB) << 20)
    resource.setrlimit(resource.RLIMIT_DATA, (cap if hard == resource.RLIM_INFINITY else min(cap, hard), hard))


def main(fd: int, config: dict[str, Any]) -> int:
    """Warm up, collect, serve. The exit code is pytest's."""
    kernel.die_with_parent()  # before the slow import: a coordinator may be killed during it
    channel = Channel(socket.socket(fileno=fd))
    if channel.hung_up():
        return 0  # it was killed before this process was bound to its end
    try:
        course = load_course(Path(config["course"]))
        assignment = course.assignment(config["assignment"])
        session = Session(course, assignment, assignment.profile(config["profile"]), Path(config["state"]))
    except AutogradeError as error:
        channel.send(_broken(error))
        return 2
    session.warm()  # it imports torch while this process does
    import torch

    torch.set_num_threads(1)
    for name in ("CI", "BUILD_NUMBER"):
        # Where these are set, pytest compares two texts whole and line by line; a student's may have a million lines.
        os.environ.pop(name, None)
    hidden = str(assignment.hidden_folder)
    arguments = [
        hidden, "--rootdir", hidden, "-c", os.devnull, "--import-mode=importlib", "-s", "-q", "--no-header", "--tb=no",
        "-p", "no:cacheprovider", "-p", "no:faulthandler", "-p", "no:unraisableexception", "-p", "no:threadexception",
        "-p", "no:logging", "-p", "no:doctest", "-p", "no:junitxml", "-p", "no:pastebin", "-p", "no:warnings",
        "-p", "grader.engine.plugin", "--strict-markers",
    ]  # fmt: skip
    try:
        # pytest's own terminal output is of no use here, and must not reach ours.
        with Path(os.devnull).open("w", encoding="utf-8") as sink, contextlib.redirect_stdout(sink):
            return int(pytest.main(arguments, plugins=[RunnerPlugin(channel, session)]))
    finally:
        session.close()


if __name__ == "__main__":
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    sys.exit(main(int(sys.argv[1]), json.loads(sys.argv[2])))
