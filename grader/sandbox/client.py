"""The trusted side of the sandbox: a zygote to fork from, and workers to ask.

:class:`Zygote` starts the clean process and forks workers from it. :class:`Worker` sends requests to one and reads
its answers, each under a deadline, while draining what the student prints. Every byte that comes back is hostile.
"""

from __future__ import annotations

import itertools
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from grader.errors import IsolationError, SystemFault
from grader.sandbox.faults import (
    MemoryLimit,
    OutputLimit,
    ProtocolError,
    StudentError,
    StudentFrame,
    TimeLimit,
    WorkerDied,
    WorkerFault,
    clean_text,
)
from grader.sandbox.limits import Limits
from grader.sandbox.wire import (
    DEFAULT_LIMITS,
    PREFIX,
    Encoder,
    HandleRef,
    Resolver,
    WireError,
    check_prefix,
    decode,
    frame,
    parse_header,
)

_STARTUP_S = 120.0
_PROXY_ATTRIBUTE = "__autograde_handle__"

#: What the zygote's environment holds: nothing of ours, one thread, and no question to the GPU before the fork.
_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    "TORCHINDUCTOR_COMPILE_THREADS": "1",
}


class SandboxFault(SystemFault):
    """The sandbox itself failed: the zygote is gone, or a fork could not be confined."""


@dataclass(frozen=True, slots=True)
class Exit:
    """How a worker ended: signal or exit code, peak memory in KiB, CPU seconds, whether memory ran out."""

    signal: int | None
    code: int | None
    maxrss_kb: int = 0
    cpu_s: float = 0.0
    out_of_memory: bool = False


class Zygote:
    """A warm process to fork workers from; one for each slot of a batch."""

    def __init__(
        self, *, slot: int = 0, minimum: Sequence[str] = ("landlock", "seccomp"), preload: Sequence[str] = ()
    ) -> None:
        """Start it; it warms up in the background until :meth:`ready` or :meth:`fork` waits for it."""
        self.minimum = tuple(minimum)
        self.layers: tuple[str, ...] = ()
        self.notes: tuple[str, ...] = ()
        self.missing: tuple[str, ...] = ()
        self._ready = False
        self._spare: _Fork | None = None
        self._expected: deque[Callable[[dict[str, Any]], None]] = deque()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        config = json.dumps({"slot": slot, "preload": list(preload)})
        self._control = ours
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-m", "grader.sandbox.zygote", str(theirs.fileno()), config],
            pass_fds=(theirs.fileno(),),
            env=_ENVIRONMENT,
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
            answer = self._answer(_STARTUP_S)
            self.layers, self.notes = tuple(answer["layers"]), tuple(answer["notes"])
            self.missing = tuple(answer["missing"])
            self._ready = True
        return self

    def fork(self, limits: Limits) -> Worker:
        """Give a confined worker: the spare that was forked ahead, where there is one, or a new fork.

        Raises:
            IsolationError: a layer of the demanded minimum is missing on this machine.
            SandboxFault: the zygote is gone, or the fork could not be confined.
        """
        self.ready()
        worker = self._take_spare(limits) or self._begin_fork(limits).finish()
        missing = [layer for layer in self.minimum if layer not in worker.layers]
        if missing:
            worker.close()
            raise IsolationError(
                f"this machine lacks the sandbox layer {', '.join(missing)}; hidden grading does not run without it",
                where="autograde.yml: sandbox.minimum",
                mend="run `autograde doctor` to see why, and grade on a machine that has it",
            )
        # Only where the running submission cannot see the spare: the next one will run in it.
        if "pid_ns" in worker.layers and "seccomp" in worker.layers:
            self._spare = self._begin_fork(limits)
        return worker

    def _take_spare(self, limits: Limits) -> Worker | None:
        spare, self._spare = self._spare, None
        if spare is None:
            return None
        if spare.limits != limits:
            spare.cancel()
            return None
        try:
            return spare.finish()
        except SandboxFault:
            return None  # what the last submission did may have hit it; a new fork will tell

    def _begin_fork(self, limits: Limits) -> _Fork:
        """Ask for a fork without waiting for it."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
        out_read, out_write = os.pipe()
        fork = _Fork(self, limits, ours, out_read)
        try:
            self._post({"op": "fork", "limits": limits.as_dict()}, fork.told, theirs.fileno(), out_write)
        except SandboxFault:
            fork.hang_up()
            raise
        finally:
            theirs.close()
            os.close(out_write)
        return fork

    def reap(self, pid: int) -> Exit:
        """Kill a worker, if it still lives, and say how it ended."""
        answers: list[dict[str, Any]] = []
        self._post({"op": "reap", "pid": pid}, answers.append)
        self.settle()
        answer = answers[0]
        status = answer.get("status")
        if status is None:
            return Exit(None, None)
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
        return Exit(number, code, int(answer["maxrss_kb"]), float(answer["cpu_s"]), int(answer.get("oom_kills", 0)) > 0)

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
            then(self._answer(_STARTUP_S))

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
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Fork:
    """A fork that was asked for: our ends of its wire and output, and its process id once that is known."""

    def __init__(self, zygote: Zygote, limits: Limits, wire: socket.socket, output: int) -> None:
        self.limits = limits
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
        return Worker(self._zygote, self._pid, self._wire, self._output, self.limits)

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


class Worker:
    """A confined process with one submission in it. Not thread-safe; every request is answered before the next."""

    def __init__(self, zygote: Zygote, pid: int, wire: socket.socket, output: int, limits: Limits) -> None:
        self.alive = True
        self.limits = limits
        self.layers: tuple[str, ...] = ()
        self.exit: Exit | None = None
        self._zygote = zygote
        self._pid = pid
        self._wire = wire
        self._wire.setblocking(False)
        self._output = output
        os.set_blocking(output, False)
        self._text = bytearray()
        self._printed = 0
        self._ids = itertools.count(1)
        self._dropped: list[int] = []
        self._selector = selectors.DefaultSelector()
        self._selector.register(wire, selectors.EVENT_READ)
        self._selector.register(output, selectors.EVENT_READ)
        try:
            hello, _ = self._receive(time.monotonic() + _STARTUP_S)
        except WorkerFault as fault:  # no student code has run yet
            self.close()
            raise SandboxFault(f"a fork died before it was confined: {fault.message}") from None
        if "layers" not in hello:
            self.close()
            raise SandboxFault(f"a fork could not be confined: {clean_text(hello.get('failed'))}")
        self.layers = tuple(str(layer) for layer in hello["layers"])

    # -- requests ----------------------------------------------------------------------------------------------

    def request(self, op: str, *args: Any, deadline: float, resolve: Resolver, ref: bool = False) -> Any:
        """Run an operation in the worker and give its value.

        Args:
            op: an operation of grader/sandbox/worker.py.
            args: its arguments; proxies go as handles.
            deadline: when to give up, by ``time.monotonic()``.
            resolve: turns handles in the answer into proxies.
            ref: ask for a handle, even where the value could cross.

        Raises:
            StudentError: the student's code raised.
            WorkerFault: it took too long or too much, broke the protocol, or died.
            WireError: an argument cannot cross, which is the caller's mistake.
        """
        number = next(self._ids)
        encoder = Encoder(proxy=_proxy)
        header: dict[str, Any] = {"id": number, "op": op, "args": encoder.encode(list(args))}
        if ref:
            header["ref"] = True
        if self._dropped:
            header["drop"], self._dropped = self._dropped, []
        try:
            self._send(frame(header, encoder), deadline)
            answer, payload = self._receive(deadline)
            if answer.get("id") != number:
                raise ProtocolError("Your code wrote to the grader's channel.")
            if "error" in answer:
                raise self._student_error(answer["error"])
            return decode(answer.get("value"), payload, DEFAULT_LIMITS, resolve=resolve)
        except WireError as error:
            self.close()
            raise ProtocolError(
                f"Your code's process sent something that is no answer: {clean_text(str(error), 200)}"
            ) from None
        except (TimeLimit, OutputLimit, ProtocolError, WorkerDied, MemoryLimit):
            self.close()
            raise

    def drop(self, number: int) -> None:
        """Let the worker forget a handle, with the next request."""
        self._dropped.append(number)

    def take_output(self) -> str:
        """What the student's code printed since the last call, capped, made printable."""
        self._drain()
        text = self._text.decode("utf-8", "replace")
        self._text.clear()
        return clean_text(text, 20_000)

    def dismiss(self) -> None:
        """Have the worker killed without waiting for it: nothing more is asked of it."""
        if self.exit is None:
            self._hang_up()
            self.exit = Exit(None, None)
            self._zygote.dismiss(self._pid)

    def close(self) -> Exit:
        """Kill the worker, if it still lives, and everything it started."""
        if self.exit is None:
            self._hang_up()
            self.exit = Exit(None, None)  # what stays, where the zygote is gone and cannot say
            self.exit = self._zygote.reap(self._pid)
        return self.exit

    def _hang_up(self) -> None:
        self.alive = False
        self._drain()
        self._selector.close()
        self._wire.close()
        os.close(self._output)
        self._output = -1

    # -- bytes -------------------------------------------------------------------------------------------------

    def _student_error(self, error: Any) -> StudentError | MemoryLimit | ProtocolError:
        if not isinstance(error, dict):
            return ProtocolError("Your code wrote to the grader's channel.")
        if error.get("memory") is True:
            return MemoryLimit(f"Your code asked for more memory than the {self.limits.memory_mb} MiB it may use.")
        told, frames = error.get("frames"), []
        for entry in told if isinstance(told, list) else []:
            match entry:
                case [str(file), int(line), str(function), str(text)]:
                    frames.append(
                        StudentFrame(clean_text(file, 120), line, clean_text(function, 80), clean_text(text, 200))
                    )
        return StudentError(clean_text(error.get("type"), 80), clean_text(error.get("text")), tuple(frames[-12:]))

    def _send(self, parts: Sequence[bytes | memoryview], deadline: float) -> None:
        for part in parts:
            view = memoryview(part)
            while view:
                try:
                    view = view[self._wire.send(view) :]
                except BlockingIOError:
                    self._wait(deadline, write=True)
                except OSError:
                    raise self._ended() from None

    def _receive(self, deadline: float) -> tuple[dict[str, Any], bytearray]:
        try:
            header, payload = check_prefix(bytes(self._read(PREFIX.size, deadline)), DEFAULT_LIMITS)
            return parse_header(self._read(header, deadline)), self._read(payload, deadline)
        except WireError as error:
            raise ProtocolError(f"Your code wrote to the grader's channel ({clean_text(str(error), 120)}).") from None

    def _read(self, size: int, deadline: float) -> bytearray:
        data = bytearray(size)
        view = memoryview(data)
        while view:
            try:
                count = self._wire.recv_into(view)
            except BlockingIOError:
                self._wait(deadline)
                continue
            except OSError:
                raise self._ended() from None
            if not count:
                raise self._ended()
            view = view[count:]
        return data

    def _wait(self, deadline: float, *, write: bool = False) -> None:
        """Wait for the wire, draining the output meanwhile."""
        self._selector.modify(self._wire, selectors.EVENT_WRITE if write else selectors.EVENT_READ)
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeLimit("Your code did not finish in the time it may take.")
            for key, _ in self._selector.select(left):
                if key.fileobj is self._wire:
                    return
                self._drain()

    def _drain(self) -> None:
        """Read what was printed; keep the first part, count the rest, stop a flood."""
        keep, flood = self.limits.output_kb << 10, self.limits.output_kb << 13
        while self._output >= 0:
            try:
                data = os.read(self._output, 1 << 16)
            except BlockingIOError:
                return
            if not data:
                self._unregister_output()
                return
            self._printed += len(data)
            self._text += data[: max(0, min(keep, 1 << 16) - len(self._text))]
            if self._printed > flood:
                if not self.alive:
                    return  # its children may go on until they are killed; nobody reads that
                raise OutputLimit(f"Your code printed more than {flood >> 10} KiB; it was stopped there.")

    def _unregister_output(self) -> None:
        try:
            self._selector.unregister(self._output)
        except (KeyError, ValueError):
            return

    def _ended(self) -> WorkerDied | TimeLimit | MemoryLimit:
        """The worker hung up: find out why."""
        end = self.close()
        if end.out_of_memory:
            return MemoryLimit(f"Your code used more memory than the {self.limits.memory_mb} MiB it may use.")
        if end.signal == signal.SIGXCPU or (end.signal == signal.SIGKILL and end.cpu_s >= self.limits.cpu_s):
            return TimeLimit(f"Your code used more than {self.limits.cpu_s:g} seconds of processor time.")
        if end.signal is not None:
            # Real-time signals have numbers alone.
            known = {number.value: number.name for number in signal.Signals}
            name = known.get(end.signal, str(end.signal))
            return WorkerDied(
                f"Your code ended the Python process itself (signal {name}); nothing after that can be graded."
            )
        return WorkerDied(
            f"Your code ended the Python process itself (exit code {end.code}); nothing after that can be graded."
        )


def _proxy(value: Any) -> HandleRef | None:
    """The handle that a proxy on the trusted side stands for."""
    number = getattr(type(value), _PROXY_ATTRIBUTE, None)
    return None if number is None else number(value)
