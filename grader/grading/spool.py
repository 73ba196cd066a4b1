"""The spool: a folder that a coordinator and its agents share, on one machine or over NFS, in which they exchange work.

::

    SPOOL/                     of one user, mode 0700
      agents/AGENT             what an agent is, and a count that it raises as long as it lives
      batches/BATCH/parcel     what is graded (grader.grading.parcel)
                   /alive      a count that the coordinator raises as long as it lives
                   /todo/NAME  a task that anybody may take; names sort by priority, then by age
                   /claimed/AGENT/NAME   a task that an agent took: a rename, which one of several wins
                   /done/NAME  what came of it: the first is kept
      stop                     agents end when they have finished what they hold

Files are written under another name, synced, and moved in, so that nobody sees half of one. All of it can be lost: the
coordinator has the tasks, and gives what an agent held to another.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.errors import UsageError
from grader.files import create_file, write_file

#: Of one length, so that a shorter one leaves nothing of the one before.
_SIGN_BYTES = 4096
_NAME = re.compile(r"[0-9A-Za-z._-]+")


@dataclass(frozen=True, slots=True)
class Claim:
    """A task that an agent holds."""

    batch: str
    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Sign:
    """What an agent says of itself: where it runs, the ``job`` that started it, and how often it has said so.

    ``refuses`` are batches for which it cannot start a slot.
    """

    agent: str
    host: str
    job: str
    count: int
    refuses: tuple[str, ...] = ()


def _write_in_place(path: Path, text: bytes) -> None:
    """Write over a small file. NFS shows its new content to who opens it, and a new file of that name maybe later."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.pwrite(handle, text.ljust(_SIGN_BYTES), 0)
    finally:
        os.close(handle)


def _read_sign(agent: str, text: bytes) -> Sign:
    try:
        told = json.loads(text)
        return Sign(agent, str(told["host"]), str(told["job"]), int(told["count"]), tuple(map(str, told["refuses"])))
    except (ValueError, KeyError, TypeError):
        return Sign(agent, "", "", -1)  # it is just being written


class Spool:
    """A spool folder, from either side. What is missing is made, for the owner alone.

    Raises:
        UsageError: the folder belongs to somebody else, or others may read or write in it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.agents, self.batches = self.folder / "agents", self.folder / "batches"
        try:
            for path in (self.folder, self.agents, self.batches):
                path.mkdir(mode=0o700, parents=True, exist_ok=True)
            status = self.folder.stat()
        except OSError as error:
            raise UsageError(
                f"the spool cannot be made: {error.strerror}", where=folder, fix="name a folder of your own"
            ) from error
        if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
            # Who can write here decides what is graded, and who can read here reads the hidden suite.
            raise UsageError(
                "the spool must belong to the user who grades, and nobody else may enter it",
                where=folder,
                fix=f"chown it to you, and chmod 0700 {folder}",
            )

    # -- the coordinator's side --------------------------------------------------------------------------------------

    def open_batch(self, parcel: bytes) -> Batch:
        """Begin a batch that grades what ``parcel`` says."""
        batch = Batch(self, f"{secrets.token_hex(8)}")
        batch.folder.mkdir(mode=0o700)
        for name in ("todo", "claimed", "done"):
            (batch.folder / name).mkdir(mode=0o700)
        batch.beat()
        write_file(batch.folder / "parcel", parcel, mode=0o600, durable=True)
        return batch

    def signs(self) -> dict[str, Sign]:
        """What agents say of themselves, by name. One that was killed still says what it said last."""
        found = {}
        for name in _names(self.agents):
            # One that ends meanwhile takes its sign along.
            with contextlib.suppress(OSError):
                found[name] = _read_sign(name, (self.agents / name).read_bytes())
        return found

    def forget(self, agent: str) -> None:
        """Remove the sign of an agent that is gone."""
        (self.agents / agent).unlink(missing_ok=True)

    def stop(self) -> None:
        """Have every agent end."""
        write_file(self.folder / "stop", b"", mode=0o600)

    # -- an agent's side ---------------------------------------------------------------------------------------------

    @property
    def stopped(self) -> bool:
        """Whether agents are to end: they were told, or the spool is gone."""
        return (self.folder / "stop").exists() or not self.batches.exists()

    def sign(self, agent: str, count: int, job: str, refuses: Sequence[str] = ()) -> None:
        """Say that ``agent`` lives."""
        told = {"host": platform.node(), "pid": os.getpid(), "job": job, "count": count, "refuses": list(refuses)}
        _write_in_place(self.agents / agent, json.dumps(told).encode())

    def beats(self) -> dict[str, bytes]:
        """By batch, what changes as long as its coordinator lives."""
        found = {}
        for batch in _names(self.batches):
            with contextlib.suppress(OSError):
                found[batch] = (self.batches / batch / "alive").read_bytes()
        return found

    def abandon(self, batch: str) -> None:
        """Remove a batch whose coordinator is gone: a parcel is nothing to leave behind."""
        Batch(self, batch).close()

    def waiting(self) -> Iterator[tuple[str, str]]:
        """Batch and name of every task that nobody has taken."""
        for batch in _names(self.batches):
            for name in _names(self.batches / batch / "todo"):
                yield batch, name

    def claim(self, agent: str, batch: str, name: str) -> Claim | None:
        """Take a task; None where another was first."""
        folder = self.batches / batch
        mine = folder / "claimed" / agent / name
        try:
            mine.parent.mkdir(mode=0o700, exist_ok=True)
            (folder / "todo" / name).rename(mine)
        except OSError:
            # Over NFS a rename whose answer was lost is tried again, and then finds nothing.
            if not mine.exists():
                return None
        return Claim(batch, name, mine)

    def parcel(self, batch: str) -> bytes:
        """The parcel of a batch. Raises OSError where the batch is over."""
        return (self.batches / batch / "parcel").read_bytes()

    def is_over(self, batch: str) -> bool:
        """Whether nobody waits for what is graded of a batch."""
        return not (self.batches / batch / "parcel").exists()

    def finish(self, claim: Claim, outcome: bytes) -> None:
        """Give what came of a task. Nothing happens where the batch is over, or somebody has given it already."""
        with contextlib.suppress(FileNotFoundError):
            done = self.batches / claim.batch / "done"
            if done.is_dir():  # it is not to be made anew
                create_file(done / claim.name, outcome, mode=0o600)
                claim.path.unlink()


class Batch:
    """One coordinator's tasks in a spool."""

    def __init__(self, spool: Spool, name: str) -> None:
        self.spool, self.name = spool, name
        self.folder = spool.batches / name

    def beat(self) -> None:
        """Say that the coordinator lives."""
        with contextlib.suppress(FileNotFoundError):
            _write_in_place(self.folder / "alive", str(time.time_ns()).encode())

    def put(self, name: str, task: bytes) -> None:
        """Offer a task."""
        write_file(self.folder / "todo" / name, task, mode=0o600, durable=True)

    def done(self) -> Iterator[tuple[str, bytes]]:
        """What came of tasks, each once: it is removed as it is read."""
        for name in _names(self.folder / "done"):
            path = self.folder / "done" / name
            yield name, path.read_bytes()
            path.unlink()

    def held(self) -> dict[str, list[str]]:
        """Names of tasks by the agent that took them."""
        claimed = self.folder / "claimed"
        return {agent: names for agent in _names(claimed) if (names := _names(claimed / agent))}

    def take_back(self, agent: str, name: str) -> bool:
        """Take a task from an agent; False where it is not there any more, since that one is done with it."""
        try:
            (self.folder / "claimed" / agent / name).unlink()
        except FileNotFoundError:
            return False
        return True

    def withdraw(self, name: str) -> None:
        """Offer a task no longer; whoever has taken it already has it."""
        (self.folder / "todo" / name).unlink(missing_ok=True)

    def close(self) -> None:
        """End the batch: agents drop what they hold of it."""
        # First what agents look at, so that none begins another of its tasks.
        with contextlib.suppress(OSError):
            (self.folder / "parcel").unlink()
        # An agent may write into it meanwhile.
        for _ in range(3):
            shutil.rmtree(self.folder, ignore_errors=True)
            if not self.folder.exists():
                return


def _names(folder: Path) -> list[str]:
    """What is in a folder, in order; drafts are left out. Empty where the folder is gone."""
    try:
        return sorted(path.name for path in folder.iterdir() if path.name[0] != "." and _NAME.fullmatch(path.name))
    except FileNotFoundError:
        return []
