"""A slot: one runner process, with its zygote, that grades one submission after another."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.course import Assignment, Course, Profile, load_course
from grader.engine.clock import longest_silence
from grader.engine.measurement import Attempted, Plan
from grader.engine.own_constants import Draws
from grader.errors import AuthoringError, AutogradeError, IsolationError, MachineError, RunnerError
from grader.records import Report
from grader.sandbox.trusted.channel import Channel
from grader.sandbox.trusted.process_state import process_state
from grader.sandbox.wire import WireError

_WARM_UP_S = 180.0
#: How long the suite's own code may take for a case, besides what it waits for the student's.
_SUITE_S = 60.0
#: How often to look whether a runner that says nothing was stopped.
_LOOK_S = 3.0
#: Variables that hold the store's address and password.
CREDENTIALS = ("AUTOGRADE_STORE_DB", "PGPASSWORD", "PGPASSFILE", "PGUSER", "PGSERVICE", "PGSERVICEFILE")
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")

#: What a runner has no use for: options of our own pytest, and the way into the store, which only a coordinator writes.
_WITHHELD = ("PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST", *CREDENTIALS)


@dataclass(frozen=True, slots=True)
class Work:
    """What a batch grades: an assignment under a profile, with the state folder that holds secret and results."""

    course: Course
    assignment: Assignment
    profile: Profile
    state: Path

    def config(self) -> dict[str, str]:
        """What a runner is started with: names and absolute paths, as JSON-ready text."""
        return {
            "course": str(self.course.path),
            "assignment": self.assignment.name,
            "profile": self.profile.name,
            "state": str(self.state.resolve()),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, str]) -> Work:
        """The work that :meth:`config` describes, on a machine that sees the same folders.

        Raises:
            CourseError: the course, the assignment or the profile is not there.
        """
        course = load_course(Path(config["course"]))
        assignment = course.assignment(config["assignment"])
        return cls(course, assignment, assignment.profile(config["profile"]), Path(config["state"]))


@dataclass(frozen=True, slots=True)
class Decided:
    """A check as it came out while its submission is still being graded. The report may say otherwise."""

    id: str
    title: str
    verdict: str
    score: float | None
    max_score: float


def runner_environment(profile: Profile) -> dict[str, str]:
    """The environment of a runner under ``profile``: ours, one thread, no way into the store, and its GPU or none."""
    environment = {**os.environ, **dict.fromkeys(_THREADS, "1"), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    for name in _WITHHELD:
        environment.pop(name, None)
    if profile.device == "cpu":
        # A GPU that is there is another slot's, and reports must not depend on whether there is one.
        environment["CUDA_VISIBLE_DEVICES"] = ""
    return environment


class Slot:
    """Runs in one thread: start, grade, close."""

    #: What is started as the runner.
    RUNNER = "grader.engine.runner"

    def __init__(self, work: Work) -> None:
        self.work = work
        #: Called with a task's key and each of its checks as it is decided; None: nobody watches.
        self.seen: Callable[[int, Decided], None] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Channel | None = None

    @property
    def running(self) -> bool:
        """Whether there is a runner that has not failed."""
        return self._channel is not None

    def start(self) -> None:
        """Start a runner and wait until it is warm.

        Raises:
            AuthoringError: the hidden suite cannot be collected.
            IsolationError: this machine lacks a sandbox layer that the course demands.
            RunnerError: it did not start.
        """
        ours, theirs = socket.socketpair()
        self._process = subprocess.Popen(
            [sys.executable, "-m", self.RUNNER, str(theirs.fileno()), json.dumps(self.work.config())],
            pass_fds=(theirs.fileno(),),
            env=runner_environment(self.work.profile),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        theirs.close()
        self._channel = Channel(ours)
        answer = self._receive("did not start", _WARM_UP_S)
        if answer.get("op") != "ready":
            self.close()
            raise _as_error(answer, self.work.assignment.hidden_folder)

    def grade(
        self,
        files: dict[str, bytes],
        problem: str | None,
        seed: int | None,
        key: int = 0,
        only: Sequence[str] = (),
        draws: Draws | None = None,
    ) -> Report:
        """Grade one submission; ``key`` is the task's, for whoever watches, ``only`` are the checks to run (none: all).

        ``draws``: the constants to grade it under; None for the defaults.

        Raises:
            RunnerError: the runner died or does not answer; this slot must be started again.
        """
        request: dict[str, Any] = {"op": "grade", "files": files, "problem": problem, "seed": seed, "only": list(only)}
        if draws is not None:
            request |= {"constants": dict(draws.values), "others": [dict(other) for other in draws.others]}
        answer = self._ask(request, rounds=1, key=key)
        return Report.model_validate(answer["report"])

    def measure(self, files: dict[str, bytes], plan: Plan) -> list[Attempted]:
        """Run the plan's checks on one version of the solution; one result a seed.

        Raises:
            RunnerError: as :meth:`grade`.
        """
        request = {"op": "measure", "files": files, "plan": plan.model_dump(mode="json")}
        answer = self._ask(request, rounds=len(plan.seeds))
        return [Attempted.model_validate(found) for found in answer["attempts"]]

    def _ask(self, request: dict[str, Any], *, rounds: int, key: int = 0) -> dict[str, Any]:
        if self._channel is None:
            self.start()
        assert self._channel is not None
        # The runner keeps the submission's own clock, and says so before each case that it lives. This one only
        # catches a runner that hangs itself, or was stopped.
        silence = rounds * longest_silence(self.work.profile.limits.wall_s) + _SUITE_S
        self._channel.socket.settimeout(silence)
        try:
            self._channel.send(request)
        except OSError as error:
            self.close()
            raise RunnerError(f"the runner is gone: {error}") from error
        while (answer := self._receive("died while grading", silence))["op"] in ("alive", "decided"):
            if answer["op"] == "decided" and self.seen is not None:
                self.seen(key, Decided(**answer["check"]))
        return answer

    def _receive(self, what: str, seconds: float) -> dict[str, Any]:
        assert self._channel is not None
        self._wait(what, seconds)
        self._channel.socket.settimeout(seconds)
        try:
            answer = self._channel.receive()
        except (OSError, WireError) as error:
            self.close()
            raise RunnerError(f"the runner {what}: {error}") from error
        if answer is None:
            self.close()
            raise RunnerError(f"the runner {what}")
        return answer

    def _wait(self, what: str, seconds: float) -> None:
        """Wait for the runner to say something; one that stays silent, or is stopped, is ended."""
        assert self._channel is not None
        assert self._process is not None
        deadline, stopped = time.monotonic() + seconds, 0
        try:
            while not select.select([self._channel], [], [], _LOOK_S)[0]:
                # Twice in a row: whoever stops a process may be about to continue it.
                stopped = stopped + 1 if process_state(self._process.pid) == "T" else 0
                if stopped > 1 or time.monotonic() > deadline:
                    self._kill(self._process)
                    self.close()
                    why = "it was stopped (SIGSTOP)" if stopped > 1 else f"it said nothing for {seconds:g} s"
                    raise RunnerError(f"the runner {what}: {why}")
        except (OSError, ValueError) as error:  # its descriptor went, because the batch is over
            self.close()
            raise RunnerError(f"the runner {what}: {error}") from error

    def close(self) -> None:
        """Hang up; the runner and its zygote end by themselves, or are ended."""
        channel, process = self._channel, self._process
        self._channel = self._process = None
        if channel is not None:
            channel.close()
        if process is not None:
            try:
                process.wait(3)
            except subprocess.TimeoutExpired:
                self._kill(process)

    def kill(self) -> None:
        """End the runner at once, from another thread: the batch was interrupted."""
        if self._process is not None:
            self._kill(self._process)

    @staticmethod
    def _kill(process: subprocess.Popen[bytes]) -> None:
        # Its zygote is told by the kernel to die with it, and the workers with the zygote.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _as_error(answer: dict[str, Any], where: Path) -> AutogradeError:
    errors = answer.get("errors") or ["it said nothing"]
    told = answer.get("error")
    if isinstance(told, dict):
        kinds: dict[str, type[AutogradeError]] = {"IsolationError": IsolationError, "MachineError": MachineError}
        kind = kinds.get(str(told.get("error")), RunnerError if answer.get("exit_code") == 1 else AuthoringError)
        return kind(str(told["what"]), where=told.get("where"), fix=told.get("fix"))
    return AuthoringError(
        "the hidden suite cannot be collected:\n" + "\n".join(str(error) for error in errors),
        where=where,
        fix=f"correct it; `pytest {shlex.quote(str(where))} --collect-only` says the same with its traceback",
    )
