"""One worker, seen from the trusted side: requests under a deadline, answers that are hostile until decoded.

:class:`Worker` sends requests and reads answers while draining what the student prints. Why a worker ended becomes the
fault that its student is told.
"""

from __future__ import annotations

import itertools
import math
import os
import selectors
import signal
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from grader.errors import SystemFault
from grader.layer_names import CGROUP, PID_NS, SECCOMP
from grader.limits import Limits
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
from grader.sandbox.trusted.process_state import is_exiting, process_state
from grader.sandbox.trusted.processor_time import processor_seconds, queued_seconds
from grader.sandbox.trusted.wording import hide_paths, reword
from grader.sandbox.wire import (
    DEFAULT_LIMITS,
    PREFIX,
    Encoder,
    HandleRef,
    Resolver,
    WireError,
    blank,
    check_prefix,
    decode,
    frame,
    parse_header,
)
from grader.text import counted

#: How long a zygote may take to import torch, and a fork to confine itself. Both take seconds at most; machines differ.
STARTUP_S = 120.0
#: What is said of code that ran out of wall time with processor time left.
WAITED = "It spent most of that time waiting: does it sleep, or wait for input, a lock or another process?"
_TOO_SLOW = "Your code did not finish within its time limit."
#: Seconds between two looks at a worker's processor time, at least and at most.
_LOOK_S = 0.02, 0.25
_PROXY_ATTRIBUTE = "__autograde_handle__"


class Parent(Protocol):
    """What a worker needs of the zygote that forked it."""

    def reap(self, pid: int, *, ending: bool = False) -> Exit:
        """Kill a worker, if it still lives, and say how it ended; one that seems to be ``ending`` may do so first."""

    def dismiss(self, pid: int) -> None:
        """Have a worker killed without waiting."""


class SandboxFault(SystemFault):
    """The sandbox itself failed: the zygote is gone, or a fork could not be confined."""


class WorkerKilled(SandboxFault):
    """A worker was killed or stopped, by no limit and not by us.

    ``by_itself`` says whether its own code could have done it. Process 1 of a PID namespace is deaf to SIGKILL and
    SIGSTOP from within (pid_namespaces(7)), the limits on processor time that end it are ours alone, and its control
    group counts what the kernel ends for want of memory: with those layers, somebody else's hand it was.
    """

    def __init__(self, what: str, *, by_itself: bool) -> None:
        super().__init__(what)
        self.by_itself = by_itself


@dataclass(frozen=True, slots=True)
class Exit:
    """How a worker ended: signal or exit code, peak memory in KiB, CPU seconds, whether memory ran out.

    ``by_us``: it lived until we killed it. Neither signal nor code: nobody can say.
    """

    signal: int | None
    code: int | None
    maxrss_kb: int = 0
    cpu_s: float = 0.0
    out_of_memory: bool = False
    by_us: bool = False


#: The layers with which no code in a worker can bring SIGKILL or SIGSTOP upon its worker.
_DEAF = frozenset({PID_NS, CGROUP, SECCOMP})


class Worker:
    """A confined process with one submission in it. Not thread-safe; every request is answered before the next."""

    def __init__(
        self, zygote: Parent, pid: int, wire: socket.socket, output: int, limits: Limits, *, tensors: bool = True
    ) -> None:
        """``tensors``: whether it can take tensors. One without torch is sent numpy arrays in their place."""
        self.alive = True
        self.limits = limits
        self.layers: tuple[str, ...] = ()
        self.exit: Exit | None = None
        # An answer is copied as it is decoded, and again in a check: one larger than the worker may be is no answer.
        self._answers = replace(DEFAULT_LIMITS, payload=min(DEFAULT_LIMITS.payload, limits.memory_mb << 20))
        self._tensors = tensors
        self._zygote = zygote
        self._pid = pid
        self._wire = wire
        self._wire.setblocking(False)
        self._output = output
        os.set_blocking(output, False)
        self._text = bytearray()
        self._printed = 0
        self._cpu_s = 0.0
        #: Seconds of the last request for which the worker was ready and no processor was free; the deadline excuses them.
        self.excused_s = 0.0
        self._queued_before: float | None = None
        self._cpu_until = self._look_at = math.inf
        self._ids = itertools.count(1)
        self._dropped: list[int] = []
        self._selector = selectors.DefaultSelector()
        self._selector.register(wire, selectors.EVENT_READ)
        self._selector.register(output, selectors.EVENT_READ)
        try:
            hello, _ = self._receive(time.monotonic() + STARTUP_S)
        except WorkerFault as fault:  # no student code has run yet
            self.close()
            raise SandboxFault(f"a fork died before it was confined: {fault.message}") from None
        if "layers" not in hello:
            self.close()
            raise SandboxFault(f"a fork could not be confined: {clean_text(hello.get('failed'))}")
        self.layers = tuple(str(layer) for layer in hello["layers"])

    # -- requests ----------------------------------------------------------------------------------------------

    def request(
        self,
        op: str,
        *args: Any,
        deadline: float,
        resolve: Resolver,
        ref: bool = False,
        cpu_until: float = math.inf,
    ) -> Any:
        """Run an operation in the worker and give its value.

        Args:
            op: an operation of grader/sandbox/untrusted/worker_process.py.
            args: its arguments; proxies go as handles.
            deadline: when to give up, by ``time.monotonic()``, however little the worker computes. Time that it spends in
                the queue for a processor does not count.
            cpu_until: how much processor time, by :meth:`cpu_s`, the worker may have used in all before it is ended.
            resolve: turns handles in the answer into proxies.
            ref: ask for a handle, even where the value could cross.

        Raises:
            StudentError: the student's code raised.
            WorkerFault: it took too long or too much, broke the protocol, or died.
            SandboxFault: the sandbox failed; as WorkerKilled, somebody else ended or stopped the worker.
            WireError: an argument cannot cross, which is the caller's mistake.
        """
        self._cpu_until = cpu_until
        self._look_at = time.monotonic() + _LOOK_S[1]
        self.excused_s, self._queued_before = 0.0, None
        number = next(self._ids)
        encoder = Encoder(proxy=_proxy, tensors=self._tensors)
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
            return decode(answer.get("value"), payload, self._answers, resolve=resolve)
        except WireError as error:
            self.close()
            raise ProtocolError(
                f"Your code's process sent something that is not an answer: {clean_text(str(error), 200)}"
            ) from None
        except TimeLimit:
            stopped = self._stopped()
            self.close()
            if stopped:
                raise WorkerKilled(
                    "a worker was stopped from outside (SIGSTOP)", by_itself=self._can_end_itself
                ) from None
            raise
        except (OutputLimit, ProtocolError, WorkerDied, MemoryLimit):
            self.close()
            raise

    def cpu_s(self) -> float:
        """Seconds of processor time that it has used since it was forked, threads and children included."""
        now = processor_seconds(self._pid) if self.alive else self.exit.cpu_s if self.exit else None
        self._cpu_s = max(self._cpu_s, now or 0.0)
        return self._cpu_s

    def drop(self, number: int) -> None:
        """Let the worker forget a handle, with the next request."""
        self._dropped.append(number)

    def take_output(self) -> str:
        """What the student's code printed since the last call, capped, made printable."""
        self._drain()
        text = self._text.decode("utf-8", "replace")
        self._text.clear()
        return clean_text(hide_paths(text), 20_000)

    def dismiss(self) -> None:
        """Have the worker killed without waiting for it: nothing more is asked of it."""
        if self.exit is None:
            self._hang_up()
            self.exit = Exit(None, None)
            self._zygote.dismiss(self._pid)

    def close(self, *, ending: bool = False) -> Exit:
        """Kill the worker, if it still lives, and everything it started; ``ending``: it has hung up.

        Raises:
            SandboxFault: the zygote is gone, and the worker with it.
        """
        if self.exit is None:
            self._hang_up()
            self.exit = Exit(None, None)  # what stays, where the zygote is gone and cannot say
            self.exit = self._zygote.reap(self._pid, ending=ending)
        return self.exit

    @property
    def _can_end_itself(self) -> bool:
        return not self.layers or not _DEAF.issubset(self.layers)

    def _stopped(self) -> bool:
        """Whether the process is stopped, as by SIGSTOP; ask before it is killed."""
        return process_state(self._pid) == "T"

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
        for entry in told[-12:] if isinstance(told, list) else []:
            match entry:
                case [str(file), int(line), str(function), str(text)]:
                    frames.append(
                        StudentFrame(clean_text(file, 120), line, clean_text(function, 80), clean_text(text, 200))
                    )
        text = clean_text(reword(str(error.get("text"))))
        return StudentError(clean_text(error.get("type"), 80), text, tuple(frames))

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

    def _receive(self, deadline: float) -> tuple[dict[str, Any], memoryview]:
        try:
            header, payload = check_prefix(bytes(self._read(PREFIX.size, deadline)), self._answers)
            return parse_header(self._read(header, deadline)), self._read(payload, deadline)
        except WireError as error:
            raise ProtocolError(f"Your code wrote to the grader's channel ({clean_text(str(error), 120)}).") from None

    def _read(self, size: int, deadline: float) -> memoryview:
        data = view = blank(size)
        while view:
            # Here too: a writer that always has one byte ready is never waited for.
            self._mind_time(deadline)
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
            for key, _ in self._selector.select(self._mind_time(deadline)):
                if key.fileobj is self._wire:
                    return
                self._drain()

    def _mind_time(self, deadline: float) -> float:
        """Seconds until time must be minded again.

        Raises:
            TimeLimit: the deadline is over, or the worker has used its processor time.
        """
        now = time.monotonic()
        if now >= min(self._look_at, deadline + self.excused_s):
            left = self._cpu_until - self.cpu_s()
            if left <= 0:
                raise TimeLimit(_TOO_SLOW)
            queued = queued_seconds(self._pid)
            if self._queued_before is None:
                self._queued_before = queued
            self.excused_s = max(self.excused_s, queued - self._queued_before)
            if now >= deadline + self.excused_s:
                raise TimeLimit(f"{_TOO_SLOW} {WAITED}", waited=True)
            self._look_at = now + min(max(left, _LOOK_S[0]), _LOOK_S[1])
        return max(0.0, min(deadline + self.excused_s, self._look_at) - now)

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

    def _ended(self) -> WorkerDied | TimeLimit | MemoryLimit | SandboxFault:
        """The worker hung up: find out why."""
        # One that ends may take a moment to be gone; one that only closed the wire is killed at once.
        end = self.close(ending=is_exiting(self._pid))
        if end.out_of_memory:
            return MemoryLimit(f"Your code used more memory than the {self.limits.memory_mb} MiB it may use.")
        if end.signal == signal.SIGXCPU or (end.signal == signal.SIGKILL and end.cpu_s >= self.limits.cpu_s):
            return TimeLimit(f"Your code used more than {counted(self.limits.cpu_s, 'second')} of processor time.")
        if end.by_us:
            return WorkerDied("Your code closed the grader's channel; nothing after that can be graded.")
        if end.signal is None and end.code is None:
            return SandboxFault("nobody can say how a worker ended")
        if end.signal == signal.SIGKILL:
            return WorkerKilled("a worker was killed from outside (SIGKILL)", by_itself=self._can_end_itself)
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
