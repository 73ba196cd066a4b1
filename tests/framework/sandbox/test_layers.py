"""Machines that lack a layer of the sandbox: what stands in for it, and where grading refuses. They are played here."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from grader.course import load_course
from grader.engine.session import Session
from grader.errors import CourseError, IsolationError
from grader.layer_names import DEFAULT_MINIMUM
from grader.limits import Limits
from grader.sandbox.layers import cgroups
from grader.sandbox.layers.rootfs import library_folders
from grader.sandbox.trusted.zygote import Zygote
from tests.support import below_tmp
from tests.support.tiny import write_course

pytestmark = [pytest.mark.runner, pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux only")]

ROOT = Path(__file__).resolve().parents[3]
SMALL = Limits(memory_mb=256, processes=16, scratch_mb=8)
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root can play this machine")

#: Where other users cannot read the interpreter, and there is no root of bind mounts, workers stay who they are.
CLOSED = ["uid"] * any(
    not path.stat().st_mode & 1 for folder in library_folders() for path in (Path(folder), *Path(folder).parents)
)
#: Runs in a worker: says what it sees, and leaves a daemon and a file behind.
LOOK = """
import ctypes, errno, os, socket, sys, time

def tried(step):
    try:
        return step() or 0
    except OSError as error:
        return -error.errno

def text(path):
    try:
        return open(path).read()
    except OSError:
        return ""

def look(paths, pid):
    libc = ctypes.CDLL(None, use_errno=True)
    def call(number):
        return -ctypes.get_errno() if libc.syscall(number, 0, 0, 0, 0, 0, 0) < 0 else 0
    return {
        "pid": os.getpid(), "host": list(os.uname())[1], "user": os.getuid(),
        "read": [path for path in paths if tried(lambda: len(os.listdir(path)) if os.path.isdir(path) else open(path, "rb").read(1) and 1) > 0],
        "signal": tried(lambda: os.kill(pid, 0)),
        "socket": tried(lambda: socket.socket(socket.AF_UNIX).close()),
        "proc": sorted(name for name in os.listdir("/proc") if name.isdigit()) if tried(lambda: os.listdir("/proc") and 1) == 1 else [],
        "cgroup": text("/proc/self/cgroup"),
        "mounts": text("/proc/self/mountinfo"),
        "calls": [call(number) for number in (101, 425, 457, 460, 499)],
    }

def leave(name):
    open("left-" + name, "w").write("x")
    read, write = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            ctypes.CDLL(None).prctl(15, name.encode(), 0, 0, 0)
            os.write(write, b"x")
            while True:
                time.sleep(600)
        os._exit(0)
    os.wait()
    os.read(read, 1)
    return os.getcwd()
"""


class Machine:
    """A bare zygote with one worker, on a machine that is as good as its arguments say."""

    def __init__(self, **kept):
        self.zygote = Zygote(minimum=(), bare=True, **kept).ready()
        self.worker = self.zygote.fork(SMALL)
        self.layers = set(self.worker.layers)
        self.numbers = itertools.count()

    def run(self, source):
        """What ``RESULT`` is, a plain value, when student code has run; anything else would have it import torch."""

        def ask(op, *args):
            return self.worker.request(op, *args, deadline=time.monotonic() + 40, resolve=lambda ref: ref)

        name = f"look{next(self.numbers)}"
        ask("load", {f"{name}.py": source.encode()}, {name: f"{name}.py"}, {})
        return ask("lookup", name, "RESULT")

    def look(self, *paths):
        """What student code sees, of ``paths`` and else."""
        return self.run(f"{LOOK}\nRESULT = look({[str(path) for path in paths]!r}, {self.zygote._process.pid})")

    def leave(self, name):
        """Have it leave a daemon of that name, and a file; gives the scratch folder."""
        return self.run(f"{LOOK}\nRESULT = leave({name!r})")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.worker.close()
        self.zygote.close()


def running(name):
    """The processes of this machine that bear a name and live."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                status = (folder / "status").read_text()
            except OSError:
                continue
            if status.startswith(f"Name:\t{name}\n") and "State:\tZ" not in status:
                found.append(folder.name)
    return found


def refused(**kept):
    """The layer that the default minimum misses."""
    with Zygote(bare=True, **kept) as zygote, pytest.raises(IsolationError) as caught:
        zygote.fork(SMALL)
    return caught.value.what


# -- Landlock of older kernels, and none --------------------------------------------------------------------------------


@pytest.mark.parametrize("abi", [1, 2, 3, 4, 5])
def test_namespaces_stand_in_for_what_an_older_landlock_lacks(abi, tmp_path):
    """Below ABI 6 the layer counts where mounts, network and processes are namespaces of the worker's own."""
    (tmp_path / "secret").write_text("x")
    with Machine(landlock_abi=abi) as machine:
        if not {"mount_ns", "net_ns", "pid_ns"} <= machine.layers:
            pytest.skip("this machine has no namespaces")
        assert set(DEFAULT_MINIMUM) <= machine.layers
        seen = machine.look("/etc/passwd", tmp_path / "secret", ROOT / "autograde.yml")
    assert seen["read"] == []
    assert seen["signal"] < 0


@pytest.mark.parametrize("lost", ["mount_ns", "net_ns", "pid_ns"])
def test_an_older_landlock_alone_does_not_count(lost, tmp_path):
    """Without one of those namespaces the rules are applied all the same, and the layer is said to be missing."""
    (tmp_path / "secret").write_text("x")
    tmp_path.chmod(0o755)
    with Machine(landlock_abi=4, without=[lost, *CLOSED * (lost == "mount_ns")]) as machine:
        assert "landlock" not in machine.layers
        seen = machine.look("/etc/passwd", tmp_path / "secret", ROOT, *["/proc/1/cmdline"] * (lost == "pid_ns"))
    assert below_tmp.but_the_way(seen["read"]) == []


def test_without_landlock_grading_refuses():
    """The default minimum demands it; namespaces hold files, processes and signals where a course lowers the minimum."""
    assert "landlock" in refused(without=["landlock"])
    with Machine(without=["landlock"]) as machine:
        if "mount_ns" not in machine.layers:
            pytest.skip("this machine has no namespaces")
        seen = machine.look("/etc/passwd", ROOT / "autograde.yml", "/var")
    assert seen["read"] == []
    assert seen["signal"] < 0


def test_without_seccomp_grading_refuses():
    """Nothing stands in for the filter of system calls."""
    assert "seccomp" in refused(without=["seccomp"])


# -- no PID namespace, no file system of its own ------------------------------------------------------------------------


@ROOT_ONLY
@pytest.mark.parametrize(
    "lost", [["uid"], ["cgroup"], ["cgroup", "uid"], ["cgroup", "uid", "mount_ns"]],
    ids=["by control group", "by user", "by descent", "by descent, on the machine's disk"],
)  # fmt: skip
def test_a_daemon_ends_without_a_pid_namespace(lost):
    """A control group, a user id or descent from the zygote ends it; each is enough alone, and no file stays."""
    name = f"agd{os.getpid()}{len(str(lost))}"[:15]
    with Machine(without=["pid_ns", *lost]) as machine:
        assert "pid_ns" not in machine.layers
        scratch = machine.leave(name)
        assert running(name)
        machine.worker.close()
        assert running(name) == []
        assert not list(Path(scratch).glob("**/left-*")) if "mount_ns" in lost else scratch == "/scratch/submission"
    assert not Path(scratch).exists()


def test_without_a_pid_namespace_grading_refuses():
    """What stands in ends daemons, and hides no process: a course has to say that this is enough for it."""
    assert "pid_ns" in refused(without=["pid_ns"])
    assert "mount_ns" in refused(without=["mount_ns", *CLOSED])


# -- an ordinary user, and root in a container ---------------------------------------------------------------------------

#: Becomes an ordinary user, or root as containers have it, who can still read the interpreter wherever it lies.
PLAY = """
import os, sys, json
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from grader.sandbox.layers import kernel
from grader.sandbox.layers.rootfs import library_folders

def closed(path):
    return next((p for p in reversed([path, *path.parents]) if not p.stat().st_mode & 0o001), None)

kernel.unshare(kernel.CLONE_NEWNS)
kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
held = {Path(p): os.open(p, os.O_PATH) for p in [*library_folders(), sys.argv[2]] if closed(Path(p))}
for wall in {str(closed(path)) for path in held}:  # one may stand before several of them
    kernel.mount("tmpfs", wall, "tmpfs", 0, "mode=755")
for path, fd in held.items():
    path.mkdir(parents=True, exist_ok=True)
    kernel.mount(f"/proc/self/fd/{fd}", str(path), None, kernel.MS_BIND | kernel.MS_REC)
os.chdir("/")
if sys.argv[1] == "user":
    os.setgroups([])
    os.setresgid(23456, 23456, 23456)
    os.setresuid(23456, 23456, 23456)
else:
    import ctypes, pyseccomp
    ctypes.CDLL(None).prctl(24, 21, 0, 0, 0)  # no CAP_SYS_ADMIN, as in a container without --privileged
    filter = pyseccomp.SyscallFilter(defaction=pyseccomp.ALLOW)
    for name in ("unshare", "setns", "mount", "umount2", "pivot_root"):
        filter.add_rule(pyseccomp.ERRNO(1), name)
    filter.load()
os.execv(sys.executable, [sys.executable, "-B", "-c", "import sys; sys.path.insert(0, sys.argv[1])\\n" + sys.argv[3], *sys.argv[2:3]])
"""

AS_PLAYED = """
import json, os, time
from tests.framework.sandbox.test_layers import Machine, running
from pathlib import Path
with Machine() as machine:
    name = f"agu{os.getpid()}"
    seen = machine.look("/etc/passwd", "/root", sys.argv[1], "/tmp", "/proc/1/cmdline")
    scratch = machine.leave(name)
    before = len(running(name))
    machine.worker.close()
    found = {"layers": sorted(machine.layers), "seen": seen, "before": before, "after": len(running(name)),
             "notes": list(machine.zygote.notes), "left": [at for at, *inside in os.walk("/tmp") for names in inside if f"left-{name}" in names]}
print(json.dumps(found))
"""


def played(who, script=AS_PLAYED):
    """What a script says that runs as such a user."""
    done = subprocess.run(
        [sys.executable, "-c", PLAY, who, str(ROOT), script],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@ROOT_ONLY
def test_an_ordinary_user_has_every_layer_by_a_user_namespace():
    """No privilege is needed: a user namespace gives what root has, but for a user id and control groups of its own."""
    found = played("user")
    if "user_ns" not in found["layers"]:
        pytest.skip(f"no user namespaces here: {found['notes']}")
    assert {"mount_ns", "net_ns", "ipc_ns", "pid_ns", "landlock", "seccomp"} <= set(found["layers"])
    assert "uid" not in found["layers"]
    seen = found["seen"]
    assert (seen["pid"], seen["host"], seen["user"]) == (1, "worker", 23456)
    assert below_tmp.but_the_way(seen["read"]) in ([], ["/proc/1/cmdline"])  # its own
    assert seen["socket"] == -1
    assert (found["before"], found["after"], found["left"]) == (1, 0, [])


@ROOT_ONLY
def test_root_in_a_container_without_namespaces_is_below_the_minimum():
    """Where namespaces are forbidden, user ids, Landlock and the filter still hold, and what was started still ends."""
    found = played("container")
    assert not {"user_ns", "mount_ns", "pid_ns"} & set(found["layers"])
    assert {"uid", "landlock", "seccomp"} <= set(found["layers"])
    assert any(note.startswith("user_ns") for note in found["notes"])
    assert found["seen"]["read"] == []
    assert found["seen"]["proc"] == []
    assert found["seen"]["signal"] < 0
    assert (found["before"], found["after"], found["left"]) == (1, 0, [])


# -- what a worker learns of the machine ---------------------------------------------------------------------------------


def test_a_worker_learns_nothing_of_its_machine(tmp_path):
    """Neither its name, nor its control groups, nor where the course lies, nor a call that the filter does not know."""
    machines_own = ["/proc/sys/kernel/random/boot_id", "/proc/cmdline", "/proc/meminfo", "/proc/cpuinfo", "/etc/hostname",
                    "/etc/machine-id", "/etc/hosts", "/etc/passwd", "/var/log", "/sys", "/run", "/proc/version"]  # fmt: skip
    with Machine() as machine:
        if not {"mount_ns", "pid_ns", "seccomp"} <= machine.layers:
            pytest.skip("this machine lacks a layer")
        seen = machine.look(*machines_own)
        named = not any(note.startswith("uts_ns") for note in machine.zygote.notes)
    assert seen["host"] == "worker" or not named  # a container's filter may refuse a name, and shows its own
    assert seen["read"] == []
    assert all(line.endswith(":/") for line in seen["cgroup"].splitlines())
    assert str(tmp_path.parent) not in seen["mounts"]
    # ptrace and io_uring_setup are known and refused; calls newer than the filter do not exist for a worker.
    assert seen["calls"][:2] == [-1, -1]
    assert set(seen["calls"][2:]) == {-38}


# -- what must not lie where workers read ---------------------------------------------------------------------------------


@pytest.mark.parametrize("inside", ["course", "state", "solutions"])
def test_a_course_among_the_libraries_is_refused(tmp_path, monkeypatch, inside):
    """A course, a state folder or solutions that every submission could read stop the session, with both folders named."""
    course = load_course(write_course(tmp_path / "course"))
    library = tmp_path / "library"
    library.mkdir()
    state = tmp_path / "state"
    if inside == "course":
        shown = tmp_path / "course"
    elif inside == "state":
        shown, state = library, library / "state"
    else:
        shown = library
        (tmp_path / "course" / "solutions").rename(library / "solutions")
        (tmp_path / "course" / "solutions").symlink_to(library / "solutions")
    monkeypatch.setattr("grader.sandbox.trusted.exposure.library_folders", lambda: [str(shown)])
    assignment = course.assignment("tiny")
    session = Session(course, assignment, assignment.profile("cpu"), state)
    with pytest.raises(CourseError) as caught:
        session.warm(session.compartments[0])
    assert str(shown) in caught.value.what
    assert caught.value.exit_code == 2
    assert not session.zygotes


def test_the_folders_that_workers_see_hold_no_course():
    """Our project lies in none of them, wherever its interpreter is."""
    assert not any(ROOT.is_relative_to(folder) for folder in library_folders())


# -- control groups that were handed to us ---------------------------------------------------------------------------------


def delegated(tmp_path, monkeypatch, files):
    """A hierarchy of version 2 in plain files, with this process in /user/scope."""
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(cgroups, "_ROOT", tmp_path)
    real = Path.read_text
    monkeypatch.setattr(
        Path, "read_text",
        lambda self, *args, **kept: "0::/user/scope\n" if str(self) == "/proc/self/cgroup" else real(self, *args, **kept),
    )  # fmt: skip


def test_a_group_beside_ours_is_made_where_the_parent_hands_memory_down(tmp_path, monkeypatch):
    """In a user's own systemd session groups are made next to our scope."""
    delegated(tmp_path, monkeypatch, {
        "cgroup.controllers": "memory pids", "user/cgroup.subtree_control": "memory pids", "user/scope/cgroup.subtree_control": "",
    })  # fmt: skip
    assert [folder for folder, _ in cgroups.hierarchies()] == [tmp_path / "user"]


def test_a_delegated_group_is_divided(tmp_path, monkeypatch):
    """With `systemd-run --user --scope -p Delegate=yes`, what is in the group steps down, and memory is handed down."""
    delegated(tmp_path, monkeypatch, {
        "cgroup.controllers": "memory pids", "user/cgroup.subtree_control": "", "user/scope/cgroup.controllers": "memory pids",
        "user/scope/cgroup.subtree_control": "", "user/scope/cgroup.procs": "",
    })  # fmt: skip
    cgroups.hierarchies()
    assert (tmp_path / "user/scope/autograde-trusted").is_dir()
    assert (tmp_path / "user/scope/cgroup.subtree_control").read_text() == "+cpu"  # the last of three, in a plain file


def test_without_delegation_there_is_no_group(tmp_path, monkeypatch):
    """A group whose controllers are not ours is left alone."""
    delegated(tmp_path, monkeypatch, {
        "cgroup.controllers": "memory", "user/cgroup.subtree_control": "", "user/scope/cgroup.controllers": "cpu",
        "user/scope/cgroup.subtree_control": "", "user/scope/cgroup.procs": "",
    })  # fmt: skip
    assert cgroups.hierarchies() == []
    assert cgroups.Group.create("1", os.getpid()) is None


def test_ending_reaches_what_forks_while_it_is_ended():
    """A process whose children fork and leave for ever does not outrun being ended by descent."""
    source = """
import os, time
RESULT = os.fork()
if RESULT == 0:
    while True:
        if os.fork():
            time.sleep(0.001)
            os._exit(0)
"""
    with Machine(without=["pid_ns", "cgroup", "uid"]) as machine:
        machine.run(source)
        assert descendants(machine.zygote._process.pid)
        machine.worker.close()
        assert descendants(machine.zygote._process.pid) == []


def descendants(pid):
    """All below a process, by the process table."""
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(") ")[2].split()
            except OSError:
                continue
            if fields[0] != "Z":
                parents[int(folder.name)] = int(fields[1])
    found, waiting = [], [pid]
    while waiting:
        new = [child for child, parent in parents.items() if parent == waiting[-1]]
        waiting.pop()
        found += new
        waiting += new
    return found
