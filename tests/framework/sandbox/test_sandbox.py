"""The sandbox, attacked from within: what a worker cannot see, cannot do, and how each end of one is told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from grader.layer_names import LAYER_NAMES
from grader.limits import Limits
from grader.sandbox.faults import (
    MemoryLimit,
    OutputLimit,
    ProtocolError,
    StudentError,
    TimeLimit,
    WorkerDied,
    WorkerFault,
)
from grader.sandbox.report.doctor import examine
from grader.sandbox.trusted.process_state import process_state
from grader.sandbox.trusted.worker import SandboxFault
from grader.sandbox.trusted.zygote import Zygote
from grader.sandbox.wire import TensorRef, WireError
from tests.support import below_tmp

pytestmark = pytest.mark.runner

ROOT = Path(__file__).resolve().parents[3]
#: Limits that honest code in these tests stays far below, small enough that hostile code ends soon.
SMALL = Limits(wall_s=60, cpu_s=20, memory_mb=512, processes=16, open_files=64, file_mb=2, scratch_mb=8, output_kb=16)
PATIENCE_S = 40.0


class Held:
    """What stands for a handle in these tests."""

    def __init__(self, ref):
        self.ref = ref
        self.type_name = ref.type_name

    def __autograde_handle__(self):
        return self.ref


def resolve(ref):
    return ref.value if isinstance(ref, TensorRef) else Held(ref)


class Box:
    """A worker with one module of student code in it."""

    def __init__(self, zygote, source, limits=SMALL, files=None):
        self.worker = zygote.fork(limits)
        self.ask("load", {"code.py": source.encode(), **(files or {})}, {"code": "code.py"}, {})

    def ask(self, op, *args, seconds=PATIENCE_S, ref=False):
        """Send one request."""
        return self.worker.request(op, *args, deadline=time.monotonic() + seconds, resolve=resolve, ref=ref)

    def call(self, name, *args, seconds=PATIENCE_S):
        """Call a function of the module."""
        return self.ask("call", self.ask("lookup", "code", name), list(args), {}, seconds=seconds)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.worker.close()


@pytest.fixture(scope="module")
def zygote():
    """One warm zygote for all of these tests: surviving all of them is part of what is tested."""
    if sys.platform != "linux":
        pytest.skip("the sandbox is Linux only")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTOGRADE_TEST_SECRET", "hidden")
        found = Zygote(minimum=())
    with found:
        yield found.ready()


@pytest.fixture
def layers(zygote):
    """The layers that hold a worker here."""
    worker = zygote.fork(SMALL)
    worker.close()
    return set(worker.layers)


def need(layers, *wanted):
    """Skip where this machine lacks a layer."""
    missing = [name for name in wanted if name not in layers]
    if missing:
        pytest.skip(f"this machine lacks the sandbox layer {', '.join(missing)}")


def attempt(zygote, body, *args, limits=SMALL):
    """Run the body of a function ``f(*args)`` in a fresh worker and give what it returns."""
    source = "import ctypes, errno, os, signal, socket, subprocess, sys, threading, time\n\ndef f(*args):\n"
    source += "".join(f"    {line}\n" for line in body.strip("\n").splitlines())
    with Box(zygote, source, limits) as box:
        return box.call("f", *args)


# -- what a worker cannot see or do ------------------------------------------------------------------------------------


def test_a_worker_says_which_layers_hold_it(layers):
    """Every layer it reports is one that the doctor knows."""
    assert layers <= set(LAYER_NAMES)
    assert layers


@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK", "AF_PACKET", "AF_ALG", "AF_VSOCK"])
def test_no_socket_of_any_family(zygote, layers, family):
    """Neither the network nor anything else that sockets reach can be reached."""
    need(layers, "seccomp")
    body = f"""
try:
    socket.socket(getattr(socket, {family!r}), socket.SOCK_STREAM)
except OSError as error:
    return error.errno
return 0
"""
    assert attempt(zygote, body) != 0


def test_no_network_interface(zygote, layers):
    """The network namespace has no interface that is up; there is none to name but lo."""
    need(layers, "net_ns")
    body = "try:\n    return [name for _, name in socket.if_nameindex()]\nexcept OSError:\n    return []\n"
    assert attempt(zygote, body) in ([], ["lo"])


def hidden_paths(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("hidden")
    return [
        str(ROOT / "grader" / "errors.py"), str(ROOT / "autograde.yml"), str(ROOT / "tests"), str(ROOT / "assignments"),
        str(ROOT / "solutions"), "/root", "/home", "/tmp", "/etc/passwd", "/etc/shadow", "/etc", "/var", "/run",
        "/sys", "/boot", str(secret), str(Path.home()), "/proc/1/environ", "/proc/1/root", f"/proc/{os.getpid()}",
        f"/proc/{os.getppid()}/environ",
    ]  # fmt: skip


def test_the_rest_of_the_machine_is_not_there(zygote, layers, tmp_path):
    """No project, no home, no accounts, no temporary files of the host, no other process."""
    need(layers, "mount_ns", "landlock")
    body = """
seen = []
for path in args[0]:
    try:
        if os.path.isdir(path):
            found = os.listdir(path)
        else:
            with open(path, 'rb') as file:
                found = file.read(10)
    except OSError:
        continue
    if found:
        seen.append((path, str(found)[:60]))
return seen
"""
    seen = dict(attempt(zygote, body, hidden_paths(tmp_path)))
    # Its own environment is its own business; that it holds nothing of ours is another test's.
    seen.pop("/proc/1/environ", None)
    seen.pop("/proc/1/root", None)
    assert set(below_tmp.but_the_way(path for path, found in seen.items() if found != "['.autograde']")) <= {"/etc"}
    if "/etc" in seen:
        assert "passwd" not in seen["/etc"]


def test_the_project_is_nowhere_in_the_file_system(zygote, layers):
    """A walk over all that a worker can list finds no file of this repo and no course file."""
    need(layers, "mount_ns")
    body = """
found = []
for folder, folders, files in os.walk('/'):
    if folder.startswith(('/usr', '/proc', '/lib', '/bin')) or folder.count('/') > 4:
        folders.clear()
    found += [os.path.join(folder, name) for name in files if name in ('autograde.yml', 'store.db', 'secret', 'design.md')]
return found
"""
    assert attempt(zygote, body) == []


def test_the_environment_holds_nothing_of_the_coordinator(zygote):
    """Variables of the grading process do not reach student code."""
    seen = attempt(zygote, "return dict(os.environ)")
    assert "AUTOGRADE_TEST_SECRET" not in seen
    assert set(seen) & {"HOME", "TMPDIR"} == {"HOME", "TMPDIR"}
    assert not any("autograde" in value.lower() and "scratch" not in value for value in seen.values())


def test_no_object_of_the_trusted_side_is_in_memory(zygote):
    """A worker has loaded the wire, the sandbox's own modules and the two at the bottom, and nothing of pytest, checks, course or store."""
    loaded = attempt(zygote, "return sorted(name for name in sys.modules if name.partition('.')[0] in args[0])",
                     ["grader", "pytest", "_pytest", "sqlalchemy", "pydantic", "nbgrader"])  # fmt: skip
    assert {name for name in loaded if not name.startswith("grader.sandbox")} <= {
        "grader",
        "grader.limits",
        "grader.layer_names",
    }
    assert not any(".trusted" in name or ".report" in name for name in loaded)


def test_descriptors_are_the_wire_and_the_output_alone(zygote):
    """No descriptor of the zygote, its control socket least of all, is inherited."""
    body = """
found = []
for fd in range(64):
    try:
        os.fstat(fd)
    except OSError:
        continue
    found.append(fd)
return found
"""
    assert attempt(zygote, body) == [0, 1, 2, 3]


def test_no_other_process_can_be_seen(zygote, layers):
    """In its own PID namespace a worker is process 1 and alone."""
    need(layers, "pid_ns")
    seen = attempt(
        zygote,
        "return os.getpid(), [n for n in os.listdir('/proc') if n.isdigit()] if os.path.isdir('/proc/1') else []",
    )
    assert seen[0] == 1
    assert seen[1] in (["1"], [])


def test_neither_the_zygote_nor_anyone_else_can_be_killed(zygote, layers):
    """Signals to every id in reach, to the parent and to all end nothing: the next fork comes from the same zygote."""
    need(layers, "pid_ns")
    body = """
import contextlib
for pid in [os.getppid(), 0 - os.getppid(), *args[0], -1, *range(2, 400)]:
    if pid not in (0, 1, os.getpid()):
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
return os.getppid()
"""
    assert attempt(zygote, body, [os.getpid(), zygote._process.pid]) == 0
    assert zygote._process.poll() is None
    assert attempt(zygote, "return 1") == 1


@pytest.mark.parametrize(
    ("name", "number"),
    [("ptrace", 101), ("mount", 165), ("unshare", 272), ("setns", 308), ("bpf", 321), ("io_uring_setup", 425),
     ("perf_event_open", 298), ("userfaultfd", 323), ("keyctl", 250), ("process_vm_readv", 310), ("shmget", 29),
     ("memfd_secret_via_socket", 41)],
)  # fmt: skip
def test_system_calls_that_no_student_needs_are_refused(zygote, layers, name, number):
    """Calls that escapes are made of fail with EPERM, before the kernel looks at their arguments."""
    need(layers, "seccomp")
    if os.uname().machine != "x86_64":
        pytest.skip("the call numbers are those of x86_64")
    body = f"""
libc = ctypes.CDLL(None, use_errno=True)
result = libc.syscall({number}, 0, 0, 0, 0, 0, 0)
return result, ctypes.get_errno()
"""
    assert attempt(zygote, body) == (-1, 1), name


def test_no_privilege_can_be_had(zygote):
    """No capability, no way to another user, no set-user-id program."""
    body = """
got = []
for attempt in (lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.chroot('/'), lambda: os.setgroups([0]),
                lambda: os.mknod('x', 0o060600, 0x700), lambda: os.nice(-5)):
    try:
        attempt()
    except OSError:
        continue
    got.append(1)
return os.geteuid() if os.getuid() else -1, got, ctypes.CDLL(None).prctl(39, 0, 0, 0, 0)
"""
    user, got, no_new_privileges = attempt(zygote, body)
    assert user != 0 or os.geteuid() != 0
    assert got == []
    assert no_new_privileges == 1


def test_only_the_scratch_folder_can_be_written(zygote, layers):
    """Libraries, devices and the root are read-only; the scratch folder and its tmp are not."""
    need(layers, "landlock")
    body = """
import tempfile
done = []
for path in ['/x', '/usr/x', '/dev/x', os.path.dirname(os.__file__) + '/x.py', args[0], '/proc/x', '/proc/self/mem']:
    try:
        open(path, 'ab').write(b'x')
    except OSError:
        continue
    done.append(path)
open('own.txt', 'w').write('x')
with tempfile.NamedTemporaryFile('w') as file:
    file.write('x')
return done
"""
    assert [path for path in attempt(zygote, body, str(ROOT / "x.txt")) if path != "/proc/self/mem"] == []
    assert not (ROOT / "x.txt").exists()


def test_scratch_and_files_have_their_sizes(zygote, layers):
    """A file ends at its limit and the folder at its own."""
    need(layers, "mount_ns")
    body = """
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
total, largest = 0, 0
for number in range(40):
    size = 0
    try:
        with open(f'{number}.bin', 'wb', buffering=0) as file:
            for _ in range(8):
                size += file.write(bytes(1 << 19))
    except OSError as error:
        last = error.errno
    total, largest = total + size, max(largest, size)
return total, largest, last
"""
    total, largest, last = attempt(zygote, body)
    assert largest <= SMALL.file_mb << 20
    assert total <= SMALL.scratch_mb << 20
    assert last == 28  # ENOSPC


def test_submissions_share_no_files_and_no_memory(zygote):
    """What one worker writes, imports or patches is not there in the next."""
    write = """
import torch
open('left.txt', 'w').write('x')
open(os.environ['TMPDIR'] + '/left.txt', 'w').write('x')
torch.left = True
torch.nn.functional.relu = None
torch.manual_seed(17)
return True
"""
    read = """
import torch
return [os.path.exists('left.txt'), os.listdir(os.environ['TMPDIR']), hasattr(torch, 'left'),
        torch.nn.functional.relu is None, torch.initial_seed() == 17]
"""
    assert attempt(zygote, write)
    assert attempt(zygote, read) == [False, below_tmp.NAMES, False, False, False]


def test_processes_have_their_limit(zygote):
    """A fork bomb ends at the limit, and all of it with the worker."""
    body = """
made = 0
try:
    for _ in range(100):
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
        made += 1
except OSError:
    return made
return made
"""
    made = attempt(zygote, body)
    assert 0 < made <= SMALL.processes
    assert 0 < attempt(zygote, body) <= SMALL.processes


def test_open_files_have_their_limit(zygote):
    """Descriptors end at their limit with an ordinary OSError."""
    body = """
kept = []
try:
    for _ in range(1000):
        kept.append(open('/dev/null'))
except OSError as error:
    return len(kept), error.errno
"""
    count, number = attempt(zygote, body)
    assert count < SMALL.open_files
    assert number == 24


def alive(pid):
    """Whether a process runs: one that has ended is a zombie until whoever inherited it looks, which is not ours."""
    return process_state(pid) not in ("", "Z", "X")


def running(marker):
    """How many live processes of this machine have ``marker`` in their command line or their name."""
    count = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if not alive(int(entry.name)):
                    continue
                text = (entry / "cmdline").read_bytes() + (entry / "comm").read_bytes()
            except OSError:
                continue
            count += marker.encode() in text
    return count


def test_a_daemon_dies_with_its_worker(zygote, layers):
    """A process that forked twice and began a session of its own ends when the worker does."""
    need(layers, "pid_ns")
    body = """
read, write = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        ctypes.CDLL(None).prctl(15, b'agdaemon', 0, 0, 0)
        os.write(write, b'x')
        time.sleep(600)
    os._exit(0)
os.wait()
return os.read(read, 1)
"""
    source = "import ctypes, os, signal, time\ndef f():\n" + "".join(f"    {line}\n" for line in body.splitlines())
    with Box(zygote, source) as box:
        assert box.call("f") == b"x"
        assert running("agdaemon") == 1
    assert running("agdaemon") == 0


# -- how each end is told ------------------------------------------------------------------------------------------------

ENDS = {
    "wall": ("while True: time.sleep(1)", TimeLimit, 1.0),
    "busy": ("while True: pass", TimeLimit, 1.0),
    "uninterruptible": ("signal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True:\n    try:\n        time.sleep(9)\n    except BaseException: pass", TimeLimit, 1.0),
    "exit": ("os._exit(3)", WorkerDied, None),
    "exit quietly": ("os._exit(0)", WorkerDied, None),
    "segfault": ("ctypes.string_at(0)", WorkerDied, None),
    "abort": ("os.abort()", WorkerDied, None),
    "stack": ("sys.setrecursionlimit(10**9)\ndeep = []\nfor _ in range(10**6): deep = [deep]\nrepr(deep)", WorkerDied, None),
    "torch memory": ("import torch\ntorch.ones(10**11)", MemoryLimit, None),
    "numpy memory": ("import numpy\nnumpy.ones(10**11)", MemoryLimit, None),
    "python memory": ("kept = []\nwhile True: kept.append(bytes(1 << 24))", MemoryLimit, None),
    "mapped memory": ("import mmap\nkept = []\nwhile True:\n    kept.append(mmap.mmap(-1, 1 << 26))\n    kept[-1].write(bytes(1 << 26))", MemoryLimit, None),
    "flood": ("while True: print('spam' * 1000)", OutputLimit, None),
    "flood of errors": ("while True: sys.stderr.write('spam' * 1000)", OutputLimit, None),
    "flood of bytes": ("while True: os.write(1, b'x' * 4096)", OutputLimit, None),
    "garbage": ("os.write(3, b'x' * 64)\ntime.sleep(9)", ProtocolError, None),
    "pickle": ("import pickle\nos.write(3, pickle.dumps(list(range(50))))\ntime.sleep(9)", ProtocolError, None),
    "closed wire": ("os.close(3)\ntime.sleep(9)", WorkerFault, 5.0),
    "wire to null": ("os.dup2(os.open('/dev/null', os.O_RDWR), 3)\nreturn 1", WorkerFault, 5.0),
}  # fmt: skip


@pytest.mark.parametrize("name", ENDS)
def test_every_end_has_its_verdict(zygote, name):
    """Time, memory, output, crashes and lies each get the fault they are, and the next fork is clean."""
    body, fault, seconds = ENDS[name]
    source = "import ctypes, os, signal, sys, time\ndef f():\n" + "".join(f"    {line}\n" for line in body.splitlines())
    with Box(zygote, source) as box:
        with pytest.raises((fault, StudentError)) as caught:
            box.call("f", seconds=seconds or PATIENCE_S)
        assert isinstance(caught.value, fault), caught.value
        if fault is not MemoryLimit:
            assert not box.worker.alive
    assert attempt(zygote, "return 1") == 1


def test_processor_time_has_its_own_limit(zygote):
    """A worker that uses up its processor seconds is stopped by the kernel, whatever the clock says."""
    limits = Limits(cpu_s=0.5, memory_mb=256)
    with Box(zygote, "def f():\n    while True: pass\n", limits) as box, pytest.raises(TimeLimit, match="processor"):
        box.call("f")


def test_processor_time_of_threads_counts(zygote):
    """Sleeping in the main thread while another works does not evade the limit."""
    source = "import threading, time\ndef f():\n    def g():\n        while True: pass\n    threading.Thread(target=g).start()\n    time.sleep(60)\n"
    with Box(zygote, source, Limits(cpu_s=0.5, memory_mb=256)) as box, pytest.raises(TimeLimit):
        box.call("f")


FORGED = {
    "a second answer": "send({'id': 4, 'value': 1})\nsend({'id': 4, 'value': 2})",
    "an answer before the question": "send({'id': 5, 'value': 1.0})",
    "an old number": "send({'id': 1, 'value': 1.0})",
    "no number": "send({'value': 1.0})",
    "a number as text": "send({'id': '4', 'value': 1.0})",
    "true for one": "send({'id': True, 'value': 1.0})",
    "a hostile value": "send({'id': 4, 'value': {'a': ['|O', [1], 0, 8]}})",
    "a hostile error": "send({'id': 4, 'error': ['x']})",
    "a length that is never kept": "os.write(3, struct.pack('!4sIQ', b'AGW1', 100, 0))\ntime.sleep(60)",
    "a huge length": "os.write(3, struct.pack('!4sIQ', b'AGW1', 100, 1 << 60))\ntime.sleep(60)",
    "deep JSON": "os.write(3, struct.pack('!4sIQ', b'AGW1', 100000, 0) + b'[' * 100000)",
}


@pytest.mark.parametrize("name", FORGED)
def test_forged_frames_are_found_out(zygote, name):
    """Extra, early, late and malformed frames never pass for an answer to what is asked next."""
    body = "".join(f"    {line}\n" for line in FORGED[name].splitlines())
    source = f"""
import json, os, struct, time

def send(header):
    raw = json.dumps(header).encode()
    os.write(3, struct.pack("!4sIQ", b"AGW1", len(raw), 0) + raw)

def f():
{body}
    return "honest"

def g():
    return "honest"
"""
    with Box(zygote, source) as box:
        functions = [box.ask("lookup", "code", name) for name in ("f", "g")]
        answers = []
        with pytest.raises((ProtocolError, TimeLimit)):
            # Forging the first answer is no gain: what a function returns is the student's to say. Not so the second.
            answers += [box.ask("call", function, [], {}, seconds=3) for function in functions]
        assert answers == []
        assert not box.worker.alive


def test_an_error_is_data_of_bounded_size(zygote):
    """An exception's type, text and frames come as cleaned text, however large or hostile they are."""
    source = """
class Odd(Exception):
    def __str__(self):
        return "\\x1b[2J\\u202e" + "x" * 10**6

def f():
    raise Odd()

class Worse(Exception):
    def __str__(self):
        raise SystemExit

def g():
    raise Worse()
"""
    with Box(zygote, source) as box:
        with pytest.raises(StudentError) as caught:
            box.call("f")
        assert len(caught.value.message) < 5000
        assert "\x1b" not in caught.value.message
        assert "\u202e" not in caught.value.message
        assert caught.value.frames[-1].file == "code.py"
        assert caught.value.frames[-1].function == "f"
        with pytest.raises(StudentError, match="Worse"):
            box.call("g")


@pytest.mark.parametrize("error", ["SystemExit(0)", "KeyboardInterrupt", "GeneratorExit", "BaseException('x')"])
def test_exceptions_that_end_programs_are_answers(zygote, error):
    """A function that raises SystemExit or its like has raised, and the worker lives on."""
    with Box(zygote, f"def f():\n    raise {error}\ndef g():\n    return 1\n") as box:
        with pytest.raises(StudentError):
            box.call("f")
        assert box.call("g") == 1


def test_text_that_is_no_text_stays_in_the_worker(zygote):
    """A string with a lone surrogate comes back as a handle; the worker lives on."""
    with Box(zygote, "def f():\n    return ['\\ud800']\ndef g():\n    raise ValueError('\\ud800')\n") as box:
        assert box.call("f").type_name == "list"
        with pytest.raises(StudentError, match="ValueError"):
            box.call("g")


def test_values_too_large_to_cross_stay_in_the_worker(zygote):
    """Too deep, too many parts, cyclic, too much text: a handle, and no fault of the student's."""
    source = """
def deep():
    value = []
    for _ in range(5000):
        value = [value]
    return value
def wide(): return [[0]] * 300_000
def cyclic():
    value = {}
    value['a'] = value
    return value
def long(): return ['x' * 900_000] * 20
def big(): return 1 << 100_000
"""
    with Box(zygote, source) as box:
        names = ("deep", "wide", "cyclic", "long", "big")
        assert [box.call(name).type_name for name in names] == ["list", "list", "dict", "list", "int"]


def test_an_argument_that_cannot_cross_is_the_callers_mistake(zygote):
    """Nothing is sent for it, and the worker lives on."""
    with Box(zygote, "def f(x):\n    return x\n") as box:
        with pytest.raises(WireError):
            box.call("f", object())
        assert box.call("f", 2) == 2


def test_large_tensors_cross_while_the_student_prints(zygote):
    """A full output pipe and a full wire at the same time do not deadlock."""
    source = "def f(x):\n    for _ in range(40): print('y' * 500)\n    return x + 1\n"
    with Box(zygote, source) as box:
        tensor = torch.zeros(3_000_000)
        assert torch.equal(box.call("f", tensor), tensor + 1)
        assert "yyy" in box.worker.take_output()


def test_output_is_kept_up_to_its_limit_and_cleaned(zygote):
    """What was printed comes once, without control characters, and no more than the limit of it."""
    source = "def f():\n    print('hello \\x1b[31mred \\u202e')\n    import sys\n    sys.stderr.write('oops\\n')\ndef g():\n    print('z' * 60_000)\n"
    with Box(zygote, source) as box:
        box.call("f")
        text = box.worker.take_output()
        assert "hello" in text
        assert "oops" in text
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert box.worker.take_output() == ""
        box.call("g")
        assert len(box.worker.take_output()) <= SMALL.output_kb << 10


def test_closing_stdout_harms_nobody(zygote):
    """A student who closes standard output and the descriptors under it still gets an answer."""
    source = "import os, sys\ndef f():\n    sys.stdout.close()\n    os.close(1)\n    os.close(2)\n    return 1\ndef g():\n    return 2\n"
    with Box(zygote, source) as box:
        assert box.call("f") == 1
        assert box.call("g") == 2


# -- the zygote ----------------------------------------------------------------------------------------------------------


def test_killing_the_zygote_is_a_fault_of_ours():
    """A zygote that is gone is a SandboxFault at the next fork, and its workers are gone with it."""
    zygote = Zygote(minimum=())
    try:
        box = Box(zygote, "def f():\n    return 1\n")
        os.kill(zygote._process.pid, signal.SIGKILL)
        zygote._process.wait(10)

        def ask_on():
            for _ in range(10_000):  # in a user namespace what was killed is its parent; it follows a moment later
                box.call("f")

        with pytest.raises((SandboxFault, WorkerFault)):
            ask_on()
        with pytest.raises(SandboxFault):
            zygote.fork(SMALL)
        box.worker.close()
        assert not box.worker.alive
    finally:
        zygote.close()


def test_a_zygote_ends_with_the_process_that_started_it():
    """SIGKILL to the trusted side leaves neither zygote nor worker behind, even one that is busy."""
    program = """
import sys, time
from grader.sandbox.trusted.zygote import Zygote
from grader.limits import Limits
zygote = Zygote(minimum=())
worker = zygote.fork(Limits())
source = b"import ctypes\\nctypes.CDLL(None).prctl(15, b'agorphan', 0, 0, 0)\\nwhile True: pass\\n"
deadline = time.monotonic() + 60
worker.request("load", {"code.py": source}, {"code": "code.py"}, {}, deadline=deadline, resolve=lambda ref: ref)
print(zygote._process.pid, flush=True)
worker.request("lookup", "code", None, deadline=deadline, resolve=lambda ref: ref)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        pid = int(process.stdout.readline())
        wait_for(lambda: running("agorphan"))
        process.kill()
        process.wait(10)
    wait_for(lambda: not running("agorphan") and not alive(pid))


def wait_for(condition):
    """Wait until ``condition`` holds; fail when it never does."""
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail("it never came true")


def test_the_doctor_finds_what_the_worker_has(layers):
    """`doctor` reports the layers by trying, and unfit where one of the minimum is missing."""
    findings = examine(())
    assert set(findings.layers) == layers
    assert findings.fit
    lacking = next(name for name in LAYER_NAMES if name not in layers)  # root has no user namespace, others no user id
    assert not examine((lacking,)).fit
    assert all(finding.text for finding in findings.items)


def test_a_private_umask_does_not_lock_workers_out():
    """Where new files are for their owner alone, as in a cluster's jobs, workers can still enter their own root."""
    before = os.umask(0o077)
    try:
        with Zygote(minimum=(), bare=True) as zygote:
            worker = zygote.fork(Limits(memory_mb=256))
            worker.close()
    finally:
        os.umask(before)
