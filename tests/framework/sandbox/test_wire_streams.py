"""What the trusted side makes of a worker's stream: halves, trickles, extras, descriptors; an answer or one fault."""

from __future__ import annotations

import os
import socket
import threading
import time
from pathlib import Path

import pytest
import torch

from grader.limits import Limits
from grader.sandbox.faults import MemoryLimit, ProtocolError, StudentError, TimeLimit, WorkerDied
from grader.sandbox.trusted.worker import Exit, SandboxFault, Worker
from grader.sandbox.wire import MAGIC, PREFIX, Encoder, HandleRef, TensorRef, frame

pytestmark = pytest.mark.torch

PATIENCE_S = 30.0


class Parent:
    """Stands for the zygote; notes who was ended."""

    def __init__(self):
        self.reaped = []

    def reap(self, pid, *, ending=False):
        """Note it."""
        self.reaped.append(pid)
        return Exit(None, 0)

    def dismiss(self, pid):
        """Note it."""
        self.reaped.append(pid)


class Line:
    """A connection, with the worker's end of it in the test's hands."""

    def __init__(self):
        self.parent = Parent()
        ours, self.theirs = socket.socketpair()
        output, self.output = os.pipe()
        self.theirs.sendall(raw({"id": 0, "layers": []}))
        self.worker = Worker(self.parent, 7, ours, output, Limits())

    def ask(self, seconds=PATIENCE_S):
        """Make a request; what the worker writes must be there or come from elsewhere."""
        return self.worker.request("call", deadline=time.monotonic() + seconds, resolve=lambda ref: ref)

    def close(self):
        """Hang up on both sides."""
        self.worker.close()
        self.theirs.close()
        os.close(self.output)


def descriptors():
    """How many this process has open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def raw(header, payload=b""):
    """A frame as bytes."""
    prefix, text = frame(header)
    return prefix[:8] + len(payload).to_bytes(8, "big") + text + payload


def answer(number, value, **options):
    """An honest answer as bytes."""
    encoder = Encoder(**options)
    tree = encoder.encode(value)
    return b"".join(bytes(part) for part in frame({"id": number, "value": tree}, encoder))


@pytest.fixture
def line():
    found = Line()
    yield found
    found.close()


def test_answers_in_pieces(line):
    """An answer that comes a byte at a time is the same answer."""
    value = {"loss": torch.arange(3.0), "name": "é"}

    def trickle():
        for byte in answer(1, value):
            line.theirs.send(bytes([byte]))

    thread = threading.Thread(target=trickle)
    thread.start()
    got = line.ask()
    thread.join()
    assert got["name"] == "é"
    assert torch.equal(got["loss"], value["loss"])


@pytest.mark.parametrize("keep", [0, 3, PREFIX.size, PREFIX.size + 5, -1])
def test_half_a_frame_and_then_nothing(line, keep):
    """Hanging up anywhere within a frame is a death, not an answer and not a wait."""
    line.theirs.sendall(answer(1, torch.ones(3))[:keep])
    line.theirs.shutdown(socket.SHUT_WR)
    with pytest.raises(WorkerDied):
        line.ask()
    assert line.parent.reaped == [7]


@pytest.mark.parametrize("keep", [0, 3, PREFIX.size, PREFIX.size + 5, -1])
def test_half_a_frame_and_then_silence(line, keep):
    """Stopping anywhere within a frame runs into the deadline, and the worker is ended."""
    line.theirs.sendall(answer(1, torch.ones(3))[:keep])
    with pytest.raises(TimeLimit):
        line.ask(seconds=0.05)
    assert line.parent.reaped == [7]


def test_a_writer_that_never_lets_the_reader_wait(line):
    """The deadline holds for a worker that always has a byte ready, too."""
    line.theirs.sendall(PREFIX.pack(MAGIC, 8 << 20, 512 << 20))
    done = threading.Event()

    def drip():
        while not done.is_set():
            try:
                line.theirs.send(b" ")
            except OSError:
                return

    threads = [threading.Thread(target=drip) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        with pytest.raises(TimeLimit):
            line.ask(seconds=0.2)
    finally:
        done.set()
        for thread in threads:
            thread.join()


def test_a_promise_costs_no_memory(line, monkeypatch):
    """A prefix that promises half a gigabyte, which never comes, touches none of it."""
    before = resident_kb()
    text = b'{"id":1,"value":null}'
    line.theirs.sendall(PREFIX.pack(MAGIC, len(text), 512 << 20) + text)
    most, wait = [], line.worker._wait
    monkeypatch.setattr(line.worker, "_wait", lambda *args, **more: (most.append(resident_kb()), wait(*args, **more)))
    with pytest.raises(TimeLimit):
        line.ask(seconds=0.5)
    assert most
    assert max(most) - before < 256 << 10


def resident_kb():
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


@pytest.mark.parametrize(
    "written",
    [
        answer(2, 1),
        answer(0, 1),
        raw({"value": 1}),
        raw({"id": "1", "value": 1}),
        raw({"id": None, "value": 1}),
        raw({"id": 1, "value": {"zz": 1}}),
        raw({"id": 1, "error": "no"}),
        raw({"id": 1, "error": None}),
        raw({"id": 1, "value": {"b": [0, 4]}}, b"abc"),
        raw({"id": 1, "value": 1}, b"left over"),
        PREFIX.pack(MAGIC, 2, 0) + b"[]",
        PREFIX.pack(MAGIC, 3, 0) + b"{}x",
        PREFIX.pack(MAGIC, 0, 0),
        PREFIX.pack(MAGIC, 2**32 - 1, 0),
        PREFIX.pack(MAGIC, 2, 2**64 - 1) + b"{}",
        b"\x80\x04\x95" + bytes(40),
        b"Traceback (most recent call last):",
    ],
    ids=lambda written: repr(written[16:50]),
)
def test_what_is_no_answer(line, written):
    """Wrong numbers, wrong trees, wrong lengths, other protocols: one fault, and the worker is ended."""
    line.theirs.sendall(written)
    with pytest.raises(ProtocolError):
        line.ask()
    assert not line.worker.alive
    assert line.parent.reaped == [7]


def test_an_extra_frame(line):
    """An answer nobody asked for is met as the next answer, and is none."""
    line.theirs.sendall(answer(1, "first") + answer(1, "again"))
    assert line.ask() == "first"
    with pytest.raises(ProtocolError):
        line.ask()


def test_answers_out_of_order(line):
    """The answer to the next request, before the one to this, is none."""
    line.theirs.sendall(answer(2, "second") + answer(1, "first"))
    with pytest.raises(ProtocolError):
        line.ask()


def test_handles_that_were_never_given(line):
    """A worker may name any number: it is a name in its own memory, and sending it back is all that is done with it."""
    line.theirs.sendall(raw({"id": 1, "value": [{"h": 0, "k": "a"}, {"h": 2**53 - 1, "k": "\x1b[2J"}]}))
    assert line.ask() == [HandleRef(0, "a"), HandleRef(2**53 - 1, "\x1b[2J")]
    line.theirs.sendall(
        answer(2, torch.ones(1, requires_grad=True), handle=lambda _: HandleRef(9, "x"), keep_grad=True)
    )
    got = line.ask()
    assert isinstance(got, TensorRef)
    assert got.handle.id == 9


def test_descriptors_are_not_taken(line):
    """Files that a worker sends along with its answer are dropped by the kernel."""
    before = descriptors()
    with Path(os.devnull).open("rb") as file:
        socket.send_fds(line.theirs, [answer(1, 5)], [file.fileno()] * 20)
        assert line.ask() == 5
        assert descriptors() == before + 1
    assert descriptors() == before


def test_a_forged_exception_is_text(line):
    """Types, texts and frames of an exception are whatever a worker says, and are cut and cleaned."""
    entries = [["a.py", 1, "f", "x"]] * 1000 + [[1], None, {}, ["\x1b", 2, "\u202e", "y" * 10_000]]
    told = {"type": "E\x00" * 9999, "text": "\ud800".encode("utf-8", "replace").decode() * 10_000, "frames": entries}
    line.theirs.sendall(raw({"id": 1, "error": told}))
    with pytest.raises(StudentError) as caught:
        line.ask()
    error = caught.value
    assert len(error.frames) <= 12
    assert max(map(len, (error.type_name, error.text, error.frames[-1].text))) <= 2000
    assert not set("\x00\x1b\u202e") & set(error.for_student())


def test_an_escaped_surrogate_in_an_exception_is_replaced(line):
    """What cannot be written as UTF-8 does not get into a message."""
    text = b'{"id":1,"error":{"type":"\\ud800","text":"\\udfff","frames":[["\\ud800",1,"\\ud800","\\ud800"]]}}'
    line.theirs.sendall(PREFIX.pack(MAGIC, len(text), 0) + text)
    with pytest.raises(StudentError) as caught:
        line.ask()
    assert "\ud800".encode("utf-8", "surrogatepass") not in caught.value.for_student().encode()


def test_a_claim_of_too_little_memory_is_believed(line):
    """It costs the student the check, so there is nothing to gain by it."""
    line.theirs.sendall(raw({"id": 1, "error": {"memory": True}}))
    with pytest.raises(MemoryLimit):
        line.ask()


def test_a_fork_that_says_something_else_first():
    """Before student code runs, what is no greeting is a fault of the sandbox."""
    for written in (raw({"id": 0, "failed": "no Landlock"}), b"\x00" * 16, b""):
        ours, theirs = socket.socketpair()
        output, end = os.pipe()
        with theirs:
            theirs.sendall(written)
            theirs.shutdown(socket.SHUT_WR)
            with pytest.raises(SandboxFault):
                Worker(Parent(), 7, ours, output, Limits())
        os.close(end)
