"""The trusted side of the sandbox: a warm zygote, and the workers that it forks.

:class:`Zygote` starts the clean process, asks it for forks, and keeps a spare one ahead. What is said to a worker once
it is there is in worker.py.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Self

from grader.errors import IsolationError
from grader.layer_names import DEFAULT_MINIMUM, PID_NS, SECCOMP
from grader.limits import Limits
from grader.sandbox.layers import find_layer
from grader.sandbox.trusted.worker import STARTUP_S, Exit, SandboxFault, Worker

#: What the zygote's environment holds: nothing of ours, one thread, and no question to the GPU before the fork.
_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/",  # sandlock asks for it on import, and a user without an account has no other
    "LANG": "C.UTF-8",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    "TORCHINDUCTOR_COMPILE_THREADS": "1",
}


def _environment() -> dict[str, str]:
    # Which GPUs there are for this slot was decided by whoever started it; where nobody has, all are.
    shown = {name: value for name in ("CUDA_VISIBLE_DEVICES",) if (value := os.environ.get(name)) is not None}
    return {**_ENVIRONMENT, **shown}


#: How long a warm zygote may take for an answer. It takes milliseconds, or up to five seconds for a worker's end.
_ANSWER_S = 45.0


class Zygote:
    """A warm process to fork workers from; one for each slot of a batch."""

    def __init__(
        self,
        *,
        minimum: Sequence[str] = DEFAULT_MINIMUM,
        preload: Sequence[str] = (),
        without: Sequence[str] = (),
        landlock_abi: int | None = None,
        bare: bool = False,
        hidden: Sequence[str] = (),
        by_hand: bool = False,
    ) -> None:
        """Start it; it warms up in the background until :meth:`ready` or :meth:`fork` waits for it.

        ``without`` names layers to do without and ``landlock_abi`` is the most to use of Landlock: so a machine is
        played that has no more. ``bare`` imports no torch: to look at the sandbox alone. ``hidden`` names
        packages that its workers do not have: they are masked in their root file system, and nothing of them is imported. ``by_hand`` empties the files in which
        torch writes in Python what a worker may be told to do without.
        """
        self.minimum = tuple(minimum)
        self.hidden = tuple(hidden)
        self.layers: tuple[str, ...] = ()
        self.notes: tuple[str, ...] = ()
        self.missing: tuple[str, ...] = ()
        self._ready = False
        self._spare: _Fork | None = None
        self._expected: deque[Callable[[dict[str, Any]], None]] = deque()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        config = json.dumps(
            {
                "preload": list(preload),
                "without": list(without),
                "landlock_abi": landlock_abi,
                "bare": bare,
                "hidden": list(hidden),
                "by_hand": by_hand,
            }
        )
        self._control = ours
        self._process = subprocess.Popen(
            # -B, because -I makes it deaf to PYTHONDONTWRITEBYTECODE.
            [sys.executable, "-I", "-B", "-m", "grader.sandbox.untrusted.zygote_process", str(theirs.fileno()), config],
            pass_fds=(theirs.fileno(),),
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )
        theirs.close()

    def ready(self) -> Self:
        """Wait until it is warm.

        Raises:
            SandboxFault: it did not start.
        """
        if not self._ready:
            answer = self._answer(STARTUP_S)
            self.layers, self.notes = tuple(answer["layers"]), tuple(answer["notes"])
            self.missing = tuple(answer["missing"])
            self._ready = True
        return self

    def fork(self, limits: Limits, *, programs: bool = True) -> Worker:
        """Give a confined worker: the spare that was forked ahead, where there is one, or a new fork.

        ``programs`` says whether it may start any.

        Raises:
            IsolationError: a layer of the demanded minimum is missing on this machine.
            SandboxFault: the zygote is gone, or the fork could not be confined.
        """
        self.ready()
        worker = self._take_spare(limits, programs) or self._begin_fork(limits, programs).finish()
        missing = [name for name in self.minimum if name not in worker.layers]
        if missing:
            worker.close()
            raise _isolation_error(missing)
        # Only where the running submission cannot see the spare: the next one will run in it.
        if PID_NS in worker.layers and SECCOMP in worker.layers:
            try:
                self._spare = self._begin_fork(limits, programs)
            except SandboxFault:
                with contextlib.suppress(SandboxFault):
                    worker.close()
                raise
        return worker

    def _take_spare(self, limits: Limits, programs: bool) -> Worker | None:
        spare, self._spare = self._spare, None
        if spare is None:
            return None
        if (spare.limits, spare.programs) != (limits, programs):
            spare.cancel()
            return None
        try:
            return spare.finish()
        except SandboxFault:
            return None  # what the last submission did may have hit it; a new fork will tell

    def _begin_fork(self, limits: Limits, programs: bool) -> _Fork:
        """Ask for a fork without waiting for it."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
        out_read, out_write = os.pipe()
        fork = _Fork(self, limits, programs, ours, out_read)
        try:
            self._post(
                {"op": "fork", "limits": limits.as_dict(), "programs": programs}, fork.told, theirs.fileno(), out_write
            )
        except SandboxFault:
            fork.hang_up()
            raise
        finally:
            theirs.close()
            os.close(out_write)
        return fork

    def reap(self, pid: int, *, ending: bool = False) -> Exit:
        """Kill a worker, if it still lives, and say how it ended; one that seems to be ``ending`` may do so first.

        Raises:
            SandboxFault: the zygote is gone, and the worker with it.
        """
        answers: list[dict[str, Any]] = []
        self._post({"op": "reap", "pid": pid, "ending": ending}, answers.append)
        self.settle()
        answer = answers[0]
        status = answer.get("status")
        if status is None:
            return Exit(None, None)
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
        return Exit(
            number,
            code,
            int(answer["maxrss_kb"]),
            float(answer["cpu_s"]),
            out_of_memory=int(answer.get("oom_kills", 0)) > 0,
            by_us=bool(answer["by_us"]),
        )

    def dismiss(self, pid: int) -> None:
        """Have a worker killed without waiting; it is gone before the next one is given."""
        self._post({"op": "reap", "pid": pid}, lambda _: None)

    def _post(self, message: dict[str, Any], then: Callable[[dict[str, Any]], None], *fds: int) -> None:
        """Send a request; its answer goes to ``then`` when it is read, in order."""
        try:
            socket.send_fds(self._control, [json.dumps(message).encode()], list(fds))
        except OSError as error:
            raise SandboxFault(f"the zygote is gone: {error}") from error
        self._expected.append(then)

    def settle(self) -> None:
        """Read every answer that is still to come."""
        while self._expected:
            then = self._expected.popleft()
            then(self._answer(_ANSWER_S))

    def _answer(self, timeout: float) -> dict[str, Any]:
        self._control.settimeout(timeout)
        try:
            raw = self._control.recv(1 << 16)
        except TimeoutError:
            raise SandboxFault("the zygote does not answer") from None
        except OSError as error:
            raise SandboxFault(f"the zygote is gone: {error}") from error
        if not raw:
            raise SandboxFault("the zygote is gone")
        answer: dict[str, Any] = json.loads(raw)
        return answer

    def close(self) -> None:
        """End the zygote and every worker of it."""
        if self._spare is not None:
            self._spare.hang_up()
            self._spare = None
        self._control.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:  # stopped from outside, say
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _isolation_error(missing: Sequence[str]) -> IsolationError:
    """The refusal of a machine, in the words of the layers that it lacks."""
    layers = [find_layer(name) for name in missing]
    lacks = ", ".join(f"{layer.name} (without it, {layer.lacking})" for layer in layers)
    fixes = list(dict.fromkeys(layer.fix() for layer in layers))
    return IsolationError(
        f"this machine lacks {'a layer' if len(layers) == 1 else 'layers'} of the sandbox that the course demands:"
        f" {lacks}; hidden checks do not run here",
        where="autograde.yml: sandbox.minimum",
        fix=f"{'; '.join(fixes)}. `autograde doctor` says more",
    )


class _Fork:
    """A fork that was asked for: our ends of its wire and output, and its process id once that is known."""

    def __init__(self, zygote: Zygote, limits: Limits, programs: bool, wire: socket.socket, output: int) -> None:
        self.limits = limits
        self.programs = programs
        self._zygote = zygote
        self._wire = wire
        self._output = output
        self._pid: int | None = None
        self._error = "the zygote is gone"

    def told(self, answer: dict[str, Any]) -> None:
        """Take the zygote's answer."""
        self._pid = answer.get("pid")
        self._error = str(answer.get("error", ""))

    def finish(self) -> Worker:
        """Wait until it is confined. Raises SandboxFault."""
        try:
            self._zygote.settle()
            if self._pid is None:
                raise SandboxFault(f"the zygote could not fork: {self._error}")
        except SandboxFault:
            self.hang_up()
            raise
        return Worker(
            self._zygote, self._pid, self._wire, self._output, self.limits, tensors="torch" not in self._zygote.hidden
        )

    def cancel(self) -> None:
        """Have it killed: it is of no use."""
        self.hang_up()
        self._zygote.settle()
        if self._pid is not None:
            self._zygote.dismiss(self._pid)

    def hang_up(self) -> None:
        """Close our ends, whereupon it ends."""
        self._wire.close()
        os.close(self._output)
