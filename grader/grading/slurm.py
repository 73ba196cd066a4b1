"""Grading on a Slurm cluster: a job array of agents over a spool that the nodes share.

Slurm decides where agents run, starts those of a lost node anew (``--requeue``), and counts GPUs. What it knows of a job
comes from ``squeue``, which needs no accounting. Partition, account, time limit and the like are read by sbatch from its
own variables: ``SBATCH_PARTITION``, ``SBATCH_ACCOUNT``, ``SBATCH_TIMELIMIT``.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import secrets
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from grader.errors import MachineError, RunnerError
from grader.files import write_file
from grader.grading.slot import Work
from grader.grading.spool import Sign
from grader.grading.spool_executor import SPOOL_VARIABLE, SpoolExecutor

#: MiB of a runner and its zygote, each with torch, beside a submission's own.
OWN_MB = 2048
#: What of the caller's environment a job gets. Nothing else: there may be the store's password in it.
_EXPORTED = ("PATH", "HOME", "LANG", "LC_ALL", "USER", "TMPDIR", "LD_LIBRARY_PATH")
#: Seconds for one command of Slurm's; its controller may be busy.
_COMMAND_S = 60.0
#: Seconds between two looks at the queue.
_QUEUE_S = 5.0
#: Seconds for cancelled jobs to be gone.
_END_S = 60.0
#: Where a spool says whose it is.
_OWNER = "owner"
#: States of jobs that run, or will.
_RUNNING = frozenset({"RUNNING", "COMPLETING", "SUSPENDED", "STOPPED"})
_ALIVE = _RUNNING | {"PENDING", "CONFIGURING", "REQUEUED", "RESIZING"}


class SlurmExecutor(SpoolExecutor):
    """An :class:`~grader.grading.executor.Executor` whose agents Slurm starts. Its jobs wait from the moment it is made.

    Raises:
        MachineError: Slurm's commands are not installed here.
        RunnerError: Slurm refused the job.
    """

    #: What a job runs, before the spool's folder.
    AGENT = (sys.executable, "-m", "grader.cli.main", "agent")
    #: How long its agents stay without work: those of a coordinator that was killed must not keep their nodes.
    IDLE_S = 600
    patience_s = 60.0

    def __init__(self, work: Work, slots: int | None = None) -> None:
        if shutil.which("sbatch") is None:
            raise MachineError(
                "Slurm's command sbatch is not on PATH",
                where="--executor slurm",
                fix="run this on a login node of the cluster",
            )
        super().__init__(work, slots)
        self.job, self._queue = "", dict[str, str]()
        self._asked = self._answered = 0.0
        try:
            self.job = self._submit(max(1, slots or 1))
            owner = {"host": platform.node(), "pid": os.getpid(), "job": self.job}
            write_file(self.spool.folder / _OWNER, json.dumps(owner), mode=0o600)
        except BaseException:
            super().close()
            self._remove()
            raise

    def _folder(self) -> Path:
        # One of its own: its agents end with it.
        root = Path(os.environ.get(SPOOL_VARIABLE) or self.work.state / "spool")
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sweep(root)
        return root / f"slurm-{secrets.token_hex(6)}"

    @staticmethod
    def default_slots() -> int | None:
        """One for each core of the default partition, or of the one that SBATCH_PARTITION names."""
        where = ["--partition", partition] if (partition := os.environ.get("SBATCH_PARTITION")) else []
        try:
            lines = _slurm("sinfo", "--noheader", "--format", "%P %C", *where).splitlines()
        except (RunnerError, MachineError):
            return None  # it is said when the job is submitted
        for line in lines:
            name, _, cores = line.partition(" ")
            if where or name.endswith("*"):
                return int(cores.rpartition("/")[2])
        return None

    def _submit(self, slots: int) -> str:
        """Queue the agents; the id of their job array."""
        log = self.spool.folder / "log"
        log.mkdir(mode=0o700)
        command = shlex.join([*self.AGENT, f"--idle={self.IDLE_S}", str(self.spool.folder)])
        script = write_file(self.spool.folder / "agent.sh", f"#!/bin/sh\numask 077\nexec {command}\n", mode=0o700)
        limits = self.work.profile.limits
        gpu = []
        if self.work.profile.device == "cuda" and not {"SBATCH_GRES", "SBATCH_GPUS", "SBATCH_GPUS_PER_TASK"} & set(
            os.environ
        ):
            gpu = ["--gres=gpu:1"]
        return _slurm(
            "sbatch",
            "--parsable",
            f"--array=0-{slots - 1}",
            "--requeue",
            "--open-mode=append",
            f"--job-name=autograde-{self.work.assignment.name}",
            f"--output={log}/%a.log",
            f"--chdir={self.spool.folder}",
            f"--export={','.join(_EXPORTED)}",
            "--ntasks=1",
            "--cpus-per-task=1",
            f"--mem={OWN_MB + limits.memory_mb}M",
            *gpu,
            str(script),
        ).partition(";")[0]

    def close(self) -> None:
        """As the protocol says: its jobs are cancelled, and it waits until they are gone."""
        if self._batch is None:
            return
        super().close()
        with contextlib.suppress(OSError):
            self.spool.stop()
        try:
            with contextlib.suppress(RunnerError):
                _slurm("scancel", self.job)
            deadline = time.monotonic() + _END_S
            while time.monotonic() < deadline and self._jobs():
                time.sleep(0.2)
        finally:
            self._remove()

    def _remove(self) -> None:
        shutil.rmtree(self.spool.folder, ignore_errors=True)

    # -- what Slurm knows ----------------------------------------------------------------------------------------------

    def _jobs(self) -> dict[str, str]:
        """The state of each agent's job that is not over, by ``JOB_TASK``; as it was where Slurm does not answer."""
        begin = time.monotonic()
        with contextlib.suppress(RunnerError):
            lines = _slurm("squeue", "--noheader", "--array", "--jobs", self.job, "--format", "%F_%K %T").splitlines()
            self._queue = {job: state for job, _, state in (line.partition(" ") for line in lines) if state in _ALIVE}
            self._answered = begin
        return self._queue

    def _asked_lately(self) -> dict[str, str]:
        if time.monotonic() - self._asked > _QUEUE_S:
            self._asked = time.monotonic()
            self._jobs()
        return self._queue

    def alive(self) -> Callable[[Sign, float], bool]:
        """An agent whose job does not run, and that has said nothing since the queue was looked at, is gone."""
        queue, answered = self._asked_lately(), self._answered
        return lambda sign, since: not sign.job or since >= answered or queue.get(sign.job, "") in _RUNNING

    def expecting(self) -> bool:
        """Whether a job is queued or runs: how long that takes is Slurm's to say."""
        return bool(self._asked_lately())

    def nobody(self) -> RunnerError:
        """What the agents said last."""
        logs = sorted((self.spool.folder / "log").glob("*.log"), key=lambda path: path.stat().st_mtime)
        text = logs[-1].read_text(encoding="utf-8", errors="replace").strip()[-2000:] if logs else ""
        return RunnerError(
            f"no job of {self.job} runs or waits any more" + (f"; the last one said:\n{text}" if text else ""),
            where=f"slurm job {self.job}",
            fix="see that every node has this folder and this Python: " + shlex.join(self.AGENT[:1]),
        )


def _sweep(root: Path) -> None:
    """Cancel jobs and remove spools of coordinators on this machine that were killed."""
    for file in root.glob(f"slurm-*/{_OWNER}"):
        with contextlib.suppress(OSError, ValueError, KeyError, RunnerError):
            owner = json.loads(file.read_text(encoding="utf-8"))
            if owner["host"] == platform.node() and not Path("/proc", str(owner["pid"])).exists():
                _slurm("scancel", str(owner["job"]))
                shutil.rmtree(file.parent, ignore_errors=True)


def _slurm(command: str, *arguments: str) -> str:
    """What a command of Slurm's says.

    Raises:
        RunnerError: it failed, or did not answer.
    """
    try:
        done = subprocess.run([command, *arguments], capture_output=True, text=True, timeout=_COMMAND_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RunnerError(f"{command} cannot be asked: {error}", where="--executor slurm") from error
    if done.returncode:
        raise RunnerError(f"{command}: {done.stderr.strip()[-500:]}", where="--executor slurm")
    return done.stdout.strip()
