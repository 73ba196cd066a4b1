"""The runner: a trusted process with torch, pytest and one hidden suite, collected once, that grades in a loop.

Started by the batch as ``python -m grader.engine.runner FD CONFIG``. It speaks wire frames with the coordinator::

    coordinator -> {"op": "grade", "files": {...}, "seed": null}     runner -> {"op": "report", "report": {...}}
    coordinator -> {"op": "measure", "files": {...}, "plan": {...}}  runner -> {"op": "measured", "attempts": [...]}
    runner -> {"op": "ready", ...} once, when the suite is collected and the zygote is warm
    runner -> {"op": "alive"} before each case, so that the coordinator can tell a slow suite from a runner that hangs
    runner -> {"op": "decided", "check": {...}} after each check, for whoever watches; the report has the last word

A second submission costs no import and no collection: ``pytest_runtestloop`` runs the same items again.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import platform
import resource
import socket
import sys
import time
import traceback
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grader.course import load_course
from grader.engine.device import require_device
from grader.engine.hidden_suite import Suite, combined
from grader.engine.measurement import Plan
from grader.engine.measuring import measure
from grader.engine.outcomes import HELD, ReportContext
from grader.engine.own_constants import Draws
from grader.engine.plugin import STATE, GradingState, case_id
from grader.engine.referee import Referee
from grader.engine.session import Session
from grader.engine.warm_up import warm_up
from grader.errors import AutogradeError, SystemFault
from grader.intake.upload import UPLOAD_FOLDER
from grader.records import CheckResult, Report
from grader.sandbox.layers import kernel
from grader.sandbox.trusted.channel import Channel
from grader.store.blobs import digest_files

#: MiB that a runner may take beyond twice the memory of a worker.
_SPARE_MB = 512


class RunnerPlugin:
    """Replaces pytest's loop by one over submissions."""

    def __init__(self, channel: Channel, session: Session) -> None:
        self.channel = channel
        self.session = session
        self.state = GradingState(session)
        self.errors: list[str] = []
        self._raised: dict[str, str] = {}  # what stopped a file from being collected, by its id

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Hand the fixtures their state."""
        config.stash[STATE] = self.state
        # It would count and format each report, for a terminal that is not there.
        config.pluginmanager.unregister(name="terminalreporter")

    def pytest_exception_interact(
        self, node: pytest.Item | pytest.Collector, call: pytest.CallInfo[Any], report: object
    ) -> None:
        """Note what a file of the suite raised, in a line with its place."""
        if isinstance(report, pytest.CollectReport) and call.excinfo is not None:
            folder = self.session.assignment.hidden_folder
            self._raised[node.nodeid] = why_not_collected(call.excinfo.value, folder)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep what went wrong in collecting the suite."""
        if report.failed:
            self.errors.append(self._raised.get(report.nodeid) or str(report.longrepr))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Serve the coordinator until it hangs up."""
        suite = Suite(session, self.state, lambda: self.channel.send({"op": "alive"}), self._decided)
        if not suite.items and not self.errors:
            self.errors.append(f"no checks were found in {self.session.assignment.hidden_folder}")
        if self.errors:
            self.channel.send({"op": "broken", "errors": self.errors})
            return True
        try:
            # One fork of each for nothing: where a layer is missing, grading must not begin.
            for compartment in self.session.compartments:
                self.session.warm(compartment).fork(self.session.limits).close()
            warm_up(suite)
        except AutogradeError as error:
            self.channel.send(_broken(error))
            return True
        gc.enable()
        gc.freeze()  # torch's half a million objects need no look at each collection
        _limit_memory(self.session)
        self.channel.send({"op": "ready", "checks": len(suite.specs), "version": self.session.version})
        self._serve(suite)
        return True

    def _decided(self, check: CheckResult) -> None:
        told = check.model_dump(mode="json", include={"id", "title", "verdict", "score", "max_score"})
        self.channel.send({"op": "decided", "check": told})

    def _serve(self, suite: Suite) -> None:
        referee = Referee(suite)
        while (request := self.channel.receive()) is not None:
            answer: dict[str, Any]
            if request["op"] == "measure":
                attempts = measure(suite, request["files"], Plan.model_validate(request["plan"]))
                answer = {"op": "measured", "attempts": [attempt.model_dump(mode="json") for attempt in attempts]}
            else:
                only = frozenset(request.get("only") or ())
                draws = Draws(request["constants"], request["others"]) if request.get("constants") else None
                problem, seed = request.get("problem"), request.get("seed")
                report = grade(suite, referee, request["files"], problem, seed, only, draws)
                answer = {"op": "report", "report": report.model_dump(mode="json")}
            self.channel.send(answer)


def grade(
    suite: Suite,
    referee: Referee,
    files: dict[str, bytes],
    problem: str | None = None,
    seed: int | None = None,
    only: Collection[str] = (),
    draws: Draws | None = None,
) -> Report:
    """Grade one submission; ``problem`` is what is known to be wrong with its upload, ``only`` the checks to run.

    ``draws``: the constants to grade it under, in place of the defaults.
    """
    begin = time.monotonic()
    session = suite.session
    items = [item for item in suite.items if not only or item.originalname in only]
    specs = [spec for spec in suite.specs if not only or spec.id in only]
    if any(name.startswith(UPLOAD_FOLDER) for name in files):
        problem = problem or "The upload cannot be read."
    names = session.assignment.name, session.profile.name, session.version
    try:
        prepared = session.prepare(files, seed, problem=problem, draws=draws, alive=suite.alive)
    except SystemFault as fault:  # a mistake of ours that this upload brings out; the next one is graded all the same
        return ReportContext(*names, digest_files(files), seed or 0).held(specs, HELD, staff=str(fault))
    context = ReportContext(
        *names,
        prepared.digest,
        prepared.seed,
        constants=dict(prepared.draws.values),
    )
    if prepared.problem:
        return context.unreadable(specs, prepared.problem, flags=prepared.flags)
    attempt = suite.attempt(prepared, lambda run: suite.run(items, run))
    outcomes, metrics = attempt.result
    try:
        if attempt.run.fault is not None:
            raise attempt.run.fault
        for item in items:
            outcome = outcomes.get(case_id(item))
            if outcome is not None and outcome.unexplained:
                outcomes[case_id(item)] = referee.decide(item, outcome, prepared.seed, prepared.draws)
    except SystemFault as fault:
        return context.held(specs, HELD, staff=str(fault))
    checks = combined(items, outcomes)
    found = [(item, outcome) for item in items if (outcome := outcomes.get(case_id(item)))]
    flags = [f"{item.name}: {flag}" for item, outcome in found for flag in outcome.flags]
    # "lost": what went by in tries that a fault of ours ended.
    timing = {"checks": sum(c.seconds for c in checks), "isolation": attempt.run.isolation_s, "lost": attempt.lost}
    return replace(context, environment=_environment(attempt.run.layers)).report(
        checks,
        metrics=metrics,
        message="\n".join(prepared.notes),
        agreements=tuple(agreement for _, outcome in found for agreement in outcome.agreements),
        flags=(*prepared.flags, *flags),
        seconds=time.monotonic() - begin,
        timing=timing,
    )


def _environment(layers: Sequence[str]) -> dict[str, str]:
    torch = sys.modules["torch"]
    numpy = sys.modules["numpy"]
    return {
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": str(numpy.__version__),
        "machine": platform.machine(),
        "isolation": " ".join(layers) or "no worker was needed",
    }


def why_not_collected(error: BaseException, folder: Path) -> str:
    """What kept a file below ``folder`` from being collected: the file, the line and the error, as its author needs them."""
    error = error.__cause__ or error  # pytest wraps what an import raises
    if isinstance(error, AutogradeError):
        return str(error)
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}: {type(error).__name__}: {error.msg}"
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(folder)
    ]
    where = f"{frames[-1].filename}:{frames[-1].lineno}: " if frames else ""
    return f"{where}{type(error).__name__}: {error}"


def _broken(error: AutogradeError) -> dict[str, Any]:
    """What tells the coordinator that grading cannot begin."""
    return {"op": "broken", "errors": [str(error)], "exit_code": error.exit_code, "error": error.as_dict()}


def _limit_memory(session: Session) -> None:
    """Cap what this process may still take: a hostile answer must not bring down the machine.

    A check holds an answer, copies of it and the reference's own, each of which may be as large as a worker. What goes
    beyond fails with MemoryError in the check that asked for it, and the reference tells whose fault that is. The data
    limit counts private writable memory; the GPU's driver maps more than it uses, so a profile that uses one has no cap.
    """
    if session.profile.device == "cuda":
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
    gc.disable()  # imports make half a million objects, and no garbage to speak of
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
    session.start_reader()
    for compartment in session.compartments:
        session.warm(compartment)  # it imports torch while this process does
    import torch

    torch.set_num_threads(1)
    try:
        require_device(assignment, session.profile)
    except AutogradeError as error:
        session.close()
        channel.send(_broken(error))
        return error.exit_code
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
    code = main(int(sys.argv[1]), json.loads(sys.argv[2]))
    sys.stdout.flush()
    sys.stderr.flush()
    # Everything is closed. Python would now take torch apart, object by object, for half a second.
    os._exit(code)
