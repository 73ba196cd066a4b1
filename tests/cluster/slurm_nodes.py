"""A Slurm cluster on this machine: munge, a controller and nodes of its own, in a folder, without systemd or accounting.

It needs Debian's packages ``slurmctld slurmd slurm-client munge`` and root, and leaves what the machine has of Slurm alone.
"""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "sinfo")

_CONF = """\
ClusterName=autograde
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
ReturnToService=2
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdTimeout=20
KillWait=5
NodeName=n[0-{last}] NodeHostname={host} NodeAddr=127.0.0.1 Port=[{first_port}-{last_port}] CPUs={cores} RealMemory={memory}
PartitionName=grade Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> list[str]:
    """Programs that are not installed here, and ``root`` where we are somebody else."""
    found = [name for name in NEEDED if shutil.which(name) is None]
    return found + (["root"] if os.geteuid() else [])


class SlurmNodes:
    """The cluster; `running` starts and ends it."""

    def __init__(self, folder: Path, nodes: int, cores: int) -> None:
        self.folder, self.nodes, self.cores = folder, nodes, cores
        self.conf = folder / "slurm.conf"

    def start(self) -> None:
        """Start munge, the controller and every node, and wait until the nodes are idle."""
        folder = self.folder
        for name in ("state", *(f"spool/n{number}" for number in range(self.nodes))):
            (folder / name).mkdir(parents=True)
        (folder / "munge.key").write_bytes(os.urandom(1024))
        (folder / "munge.key").chmod(0o400)
        first = _free_ports(self.nodes + 1)
        self.conf.write_text(
            _CONF.format(
                host=platform.node(),
                folder=folder,
                port=first,
                last=self.nodes - 1,
                first_port=first + 1,
                cores=self.cores,
                memory=8000 * self.cores,
                last_port=first + self.nodes,
            )
        )
        os.environ["SLURM_CONF"] = str(self.conf)
        files = {
            "key-file": "munge.key",
            "socket": "munge.socket",
            "pid-file": "munged.pid",
            "log-file": "munged.log",
            "seed-file": "munge.seed",
        }
        # A temporary folder lies below one that everybody may write to.
        subprocess.run(
            ["munged", "--force", *(f"--{option}={folder / name}" for option, name in files.items())],
            check=True,
            capture_output=True,
        )
        subprocess.run(["slurmctld", "-c", "-f", str(self.conf)], check=True, capture_output=True)
        for number in range(self.nodes):
            self.start_node(f"n{number}")
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            states = subprocess.run(
                ["sinfo", "-h", "-N", "-o", "%T"], capture_output=True, text=True, check=False
            ).stdout.split()
            if states == ["idle"] * self.nodes:
                return
            time.sleep(0.3)
        raise TimeoutError(f"the nodes are {states}:\n" + "".join(log.read_text() for log in folder.glob("*.log")))

    def start_node(self, node: str) -> None:
        """Start a node's daemon."""
        subprocess.run(["slurmd", "-N", node, "-f", str(self.conf)], check=True, capture_output=True)

    def kill_node(self, node: str) -> int:
        """SIGKILL a node's daemon and all that runs on it, as a machine that loses its power; how many processes."""
        victims = {int((self.folder / f"slurmd-{node}.pid").read_text())}
        for job in _with_variable(f"SLURMD_NODENAME={node}"):
            victims |= {job, *_parents(job)}
        for pid in victims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return len(victims)

    def close(self) -> None:
        """End everything."""
        subprocess.run(["scancel", "--state=RUNNING"], check=False, capture_output=True)
        subprocess.run(["scancel", "--state=PENDING"], check=False, capture_output=True)
        for path in (*self.folder.glob("slurmd-*.pid"), self.folder / "slurmctld.pid", self.folder / "munged.pid"):
            with contextlib.suppress(OSError, ValueError):
                pid = int(path.read_text())
                os.kill(pid, signal.SIGTERM)
                deadline = time.monotonic() + 20
                while Path("/proc", str(pid)).exists() and time.monotonic() < deadline:
                    time.sleep(0.05)
        os.environ.pop("SLURM_CONF", None)


@contextlib.contextmanager
def running(folder: Path, nodes: int = 3, cores: int = 1) -> Iterator[SlurmNodes]:
    """A cluster in ``folder``, which must be new; its configuration is in SLURM_CONF meanwhile."""
    cluster = SlurmNodes(folder, nodes, cores)
    folder.mkdir(parents=True)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.close()


def _free_ports(count: int) -> int:
    """The first of so many ports in a row that nobody uses."""
    for first in range(16817, 30000, count):
        with contextlib.ExitStack() as stack:
            try:
                for port in range(first, first + count):
                    stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            return first
    raise OSError("no ports are free")


def _with_variable(text: str) -> set[int]:
    found = set()
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if text.encode() in path.read_bytes().split(b"\0"):
                found.add(int(path.parent.name))
    return found


def _parents(pid: int) -> set[int]:
    """The slurmstepd above a job's process."""
    found = set()
    with contextlib.suppress(OSError, IndexError, ValueError):
        parent = int(Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[1])
        if parent > 1 and "slurmstepd" in Path("/proc", str(parent), "comm").read_text():
            found.add(parent)
    return found
