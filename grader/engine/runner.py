"""The runner: a trusted process with torch, pytest and one hidden suite, collected once, that grades in a loop.

Started by the batch as ``python -m grader.engine.runner FD CONFIG``. It speaks wire frames with the coordinator::

    coordinator -> {"op": "grade", "files": {...}, "seed": null}     runner -> {"op": "report", "report": {...}}
    runner -> {"op": "ready", ...} once, when the suite is collected and the zygote is warm

A second submission costs no import and no collection: ``pytest_runtestloop`` runs the same items again.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import platform
import socket
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grader.course import load_course
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
from grader.engine.session import Session, SubmissionRun, derive_seed
from grader.errors import AutogradeError
from grader.records import Report, Verdict
from grader.sandbox import kernel
from grader.sandbox.channel import Channel
from grader.store.blobs import digest_files
from grader.store.upload import UPLOAD_FOLDER

_REFEREE_CAP = 8


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
        self.channel.send({"op": "ready", "checks": len(specs), "version": self.session.version})
        while (request := self.channel.receive()) is not None:
            self.channel.send({"op": "report", "report": self._grade(session, items, request).model_dump(mode="json")})
        return True

    def _grade(self, session: pytest.Session, items: list[pytest.Function], request: dict[str, Any]) -> Report:
        begin = time.monotonic()
        files: dict[str, bytes] = request["files"]
        specs = _specs(items)
        if request.get("problem") or any(name.startswith(UPLOAD_FOLDER) for name in files):
            return self._unreadable(specs, files, request.get("problem") or "The upload cannot be read.")
        if problem := self.session.assemble(files).problem:
            return self._unreadable(specs, files, problem)
        run = self.session.open(files, request.get("seed"))
        outcomes, metrics = self._run_items(session, items, run)
        if any(outcome.verdict is Verdict.SYSTEM_ERROR for outcome in outcomes.values()):
            # The zygote died, say. Once more with a new one; what fails twice is for the coordinator.
            self.session.close()
            run = self.session.open(files, run.seed)
            outcomes, metrics = self._run_items(session, items, run)
        for item in items:
            outcome = outcomes.get(case_id(item))
            if outcome is not None and outcome.unexplained:
                outcomes[case_id(item)] = self._refer(session, item, outcome, run.seed)
        checks = tuple(
            combine(
                spec,
                [
                    outcomes.get(case_id(item), CaseOutcome(Verdict.SKIPPED))
                    for item in items
                    if item.originalname == spec.id
                ],
            )
            for spec in specs
        )
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
            timing={"checks": sum(check.seconds for check in checks), "isolation": run.isolation_s},
        )

    def _run_items(
        self, session: pytest.Session, items: list[pytest.Function], run: SubmissionRun
    ) -> tuple[dict[str, CaseOutcome], dict[str, Any]]:
        self.state.begin(run)
        try:
            for index, item in enumerate(items):
                following = items[index + 1] if index + 1 < len(items) else None
                # nextitem=None on the last item tears down what the suite keeps for a session.
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                if session.shouldfail or session.shouldstop:
                    raise AutogradeError(f"the suite stopped pytest: {session.shouldfail or session.shouldstop}")
        finally:
            run.close()
        return dict(self.state.outcomes), dict(self.state.metrics)

    def _refer(self, session: pytest.Session, item: pytest.Function, outcome: CaseOutcome, seed: int) -> CaseOutcome:
        """A check stumbled. Run it on the reference with the same seed: if that passes, the student's value is wrong."""
        key = (case_id(item), seed)
        if key not in self._referee:
            folder = self.session.assignment.solution_folder
            files = {file: (folder / file).read_bytes() for file in self.session.assignment.files}
            outcomes, _ = self._run_items(session, [item], self.session.open(files, seed))
            self._referee[key] = outcomes[case_id(item)].verdict is Verdict.ACCEPTED
            if len(self._referee) > _REFEREE_CAP:
                self._referee.pop(next(iter(self._referee)))
        if not self._referee[key]:
            return replace(outcome, verdict=Verdict.GRADER_ERROR, message=HELD)
        return blame_student(outcome, outcome.message) if outcome.verdict is Verdict.GRADER_ERROR else outcome

    def _unreadable(self, specs: list[CheckSpec], files: dict[str, bytes], problem: str) -> Report:
        digest = digest_files(files)
        return failed_report(
            assignment=self.session.assignment.name,
            specs=specs,
            verdict=Verdict.RUNTIME_ERROR,
            message=f"Your submission could not be read: {problem}",
            seed=derive_seed(self.session.secret.hex(), digest, self.session.version),
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


def main(fd: int, config: dict[str, Any]) -> int:
    """Warm up, collect, serve. The exit code is pytest's."""
    kernel.die_with_parent()  # before the slow import: a coordinator may be killed during it
    channel = Channel(socket.socket(fileno=fd))
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
