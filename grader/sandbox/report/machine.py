"""What there is on this machine: kernel, control groups, software, GPU, room. Found by trying wherever that is safe.

torch is imported in a process of its own: a pair of torch and torchvision that do not fit may raise anything or crash,
and asking for the GPU would spoil a process that forks.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

from grader import DISTRIBUTION
from grader.sandbox.layers import cgroups, kernel, landlock
from grader.sandbox.layers.remedies import fix_groups, fix_user_namespaces, in_container
from grader.sandbox.untrusted.zygote_process import PRELOAD

State = Literal["ok", "missing", "bad"]
_GIB: Final = 1 << 30
_IMPORT_S: Final = 180

#: Runs apart, under this interpreter: imports what workers need and says what came of it.
_IMPORTS: Final = """
import importlib, json, sys
found, failed = {}, {}
for name in sys.argv[1:]:
    try:
        module = importlib.import_module(name)
        found[name] = str(getattr(module, "__version__", ""))
    except BaseException as error:
        failed[name] = f"{type(error).__name__}: {error}"[:300]
gpu = {}
if "torch" in found:
    import torch
    gpu = {"built": torch.version.cuda or "", "count": 0, "names": []}
    try:
        gpu["count"] = torch.cuda.device_count() if torch.cuda.is_available() else 0
        gpu["names"] = [torch.cuda.get_device_name(k) for k in range(gpu["count"])]
        if gpu["count"]:
            torch.ones(8, device="cuda").sum().item()
    except Exception as error:
        gpu["error"] = f"{type(error).__name__}: {error}"[:300]
print("\\n" + json.dumps({"found": found, "failed": failed, "gpu": gpu}))
"""


#: Packages of our extras that are named only where they are missing: the extra, and what is not possible without.
_NEEDED = (
    ("sqlalchemy", "grading", "keeping submissions and results"),
    ("jinja2", "grading", "feedback pages and the leaderboard"),
    ("jupytext", "grading", "releases, and assignments to start from"),
    ("mutmut", "authoring", "mutants in `autograde validate`"),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: what was found, what it means where it is lacking, and what to do about it."""

    name: str
    state: State
    text: str
    means: str = ""
    fix: str = ""
    group: str = "machine"

    def as_dict(self) -> dict[str, str]:
        """JSON-ready data."""
        return asdict(self)


def system() -> list[Finding]:
    """Kernel, interpreter, processors and memory."""
    where = " in a container" if in_container() else ""
    found = [
        Finding("kernel", "ok", f"{platform.system()} {platform.release()}{where}"),
        Finding("python", "ok", f"{platform.python_version()} ({sys.prefix})"),
    ]
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    found.append(Finding("processors", "ok", f"{count}; that many submissions are graded at a time"))
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        size = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        found.append(Finding("memory", "ok", f"{size / _GIB:.1f} GiB"))
    return found


def room(state: Path) -> Finding:
    """Free space where submissions and results are kept."""
    there = next(path for path in (state.absolute(), *state.absolute().parents) if path.exists())
    free = shutil.disk_usage(there).free
    text = f"{free / _GIB:.1f} GiB free under {there}"
    if free < _GIB:
        return Finding("disk", "missing", text, "the store may fill up while a class is graded", "free some space")
    return Finding("disk", "ok", text)


def interfaces() -> list[Finding]:
    """What the kernel offers to build a sandbox of."""
    return [_landlock(), _user_namespaces(), _control_groups()]


def _landlock() -> Finding:
    version = kernel.landlock_abi()
    if version and _version("sandlock") is None:
        return Finding("landlock ABI", "missing", f"{version}, and sandlock is not installed", fix=_install("sandlock"))
    if version >= landlock.FULL_ABI:
        return Finding("landlock ABI", "ok", f"{version}: files, signals and abstract sockets")
    if version:
        text = f"{version}: files only; namespaces cover signals and sockets"
        return Finding("landlock ABI", "ok", text, f"counts only if {', '.join(landlock.STAND_INS)} hold")
    fix = "boot Linux 5.13 or later with `lsm=landlock,...` (docs/how-to/deployment.md)"
    return Finding("landlock ABI", "missing", "the kernel has none, or it is off", fix=fix)


def _user_namespaces() -> Finding:
    name = "user namespace"
    if kernel.may_administer():
        return Finding(name, "ok", "not needed: this user may create the other namespaces")
    user = os.getuid()
    pid = os.fork()
    if not pid:
        try:
            kernel.unshare(kernel.CLONE_NEWUSER)
            Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
            Path("/proc/self/uid_map").write_text(f"{user} {user} 1", encoding="ascii")
            kernel.unshare(kernel.CLONE_NEWNS)
            kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
        except OSError as error:
            os._exit(error.errno or 1)
        finally:
            os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if not status:
        return Finding(name, "ok", "an ordinary user may create them")
    return Finding(name, "missing", os.strerror(status), "no namespaces at all, except as root", fix_user_namespaces())


def _control_groups() -> Finding:
    kind = "version 2" if Path("/sys/fs/cgroup/cgroup.controllers").exists() else "version 1"
    if not Path("/proc/self/cgroup").exists():
        return Finding("control groups", "missing", "the kernel has none")
    ours = sorted({key for _, names in cgroups.usable() for key in names if key in ("memory", "pids", "cpu")})
    if not ours:
        return Finding("control groups", "missing", f"{kind}, none delegated to this user", fix=fix_groups())
    return Finding("control groups", "ok", f"{kind}; available to this user: {', '.join(ours)}")


def software() -> list[Finding]:
    """What workers import, in a process of its own, and the GPU, which that process sees as a worker would."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-c", _IMPORTS, *PRELOAD], capture_output=True, text=True, timeout=_IMPORT_S,
            check=False, env=environment, cwd="/",
        )  # fmt: skip
        told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        return [
            Finding("torch", "bad", f"its import does not finish in {_IMPORT_S} s", fix=_install("torch torchvision"))
        ]
    except (IndexError, ValueError):
        ended = f"its import ended the process ({done.returncode})"
        return [Finding("torch", "bad", ended, "no check that uses torch can run", _reinstall())]
    return [*_torch(told), *_installed(), _gpu(told["gpu"])]


def _torch(told: dict[str, Any]) -> list[Finding]:
    found, failed = told["found"], told["failed"]
    items = []
    for name, needed in (("torch", "no check that uses torch can run"), ("torchvision", "data sets and models of torchvision are missing")):  # fmt: skip
        if name in found:
            items.append(Finding(name, "ok", found[name]))
            continue
        version = _version(name)
        if version is None:
            state: State = "bad" if name == "torch" else "missing"
            items.append(Finding(name, state, "not installed", needed, _install("torch torchvision")))
        elif name == "torchvision" and "torch" in found:
            text = f"{version} does not fit torch {found['torch']} ({failed[name]})"
            items.append(Finding(name, "bad", text, "they come from different builds", _reinstall()))
        else:
            items.append(Finding(name, "bad", f"{version} cannot be imported ({failed[name]})", needed, _reinstall()))
    told_already = {name for name in failed if name.partition(".")[0] in ("torch", "torchvision")}
    for name in sorted(set(failed) - told_already):
        package = {"PIL": "pillow"}.get(name.partition(".")[0], name.partition(".")[0])
        items.append(Finding("import", "missing", f"{name}: {failed[name]}", fix=_install(package)))
    return items


def _installed() -> list[Finding]:
    items = []
    for name, purpose in (("nbgrader", "releasing notebooks and its gradebook"), ("jupyterlab", "opening notebooks")):
        version = _version(name)
        if version:
            items.append(Finding(name, "ok", version))
        else:
            extra = "grading" if name == "nbgrader" else "notebook"
            items.append(
                Finding(
                    name, "missing", "not installed", f"needed for {purpose}", _install(f"'{DISTRIBUTION}[{extra}]'")
                )
            )
    for name, extra, purpose in _NEEDED:
        if _version(name) is None:
            items.append(
                Finding(
                    name, "missing", "not installed", f"needed for {purpose}", _install(f"'{DISTRIBUTION}[{extra}]'")
                )
            )
    return items


def _gpu(told: dict[str, Any]) -> Finding:
    files = sorted(path.name for path in Path("/dev").glob("nvidia[0-9]*"))
    without = "the gpu profile cannot be used"
    if told.get("error"):
        return Finding("gpu", "bad", f"found, but fails: {told['error']}", without, "see what nvidia-smi says")
    if told.get("count"):
        return Finding("gpu", "ok", f"{', '.join(told['names'])} (CUDA {told['built']})")
    if files:
        text = f"{', '.join(files)} in /dev, but torch sees none"
        fix = "nvidia-smi" if told.get("built") else _install("a build of torch with CUDA")
        return Finding("gpu", "missing", text, without, fix)
    return Finding("gpu", "missing", "none", without)


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _install(what: str) -> str:
    return f"{Path(sys.executable).name} -m pip install {what}"


def _reinstall() -> str:
    return "rm -rf .venv && make setup   (it brings builds that fit)"
