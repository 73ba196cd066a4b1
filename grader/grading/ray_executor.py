"""Grading on a Ray cluster: an actor is a warm slot, wherever Ray puts it. It needs the extra ``ray``.

Bytes go in and bytes come back (grader.grading.messages), so a node needs Autograde and nothing of the coordinator's. The
cluster is the one that RAY_ADDRESS names; without it one is started on this machine, and ends with the executor. Ray
decides where actors run and counts cores, memory and GPUs; retries are ours, as for every executor.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from grader.errors import AutogradeError, MachineError, RunnerError, UsageError
from grader.grading.executor import Result, Task
from grader.grading.local import default_slots
from grader.grading.messages import Failed, Refused, pack_turn, unpack_outcome
from grader.grading.parcel import make_parcel
from grader.grading.serve import Turn, comes_last, lost
from grader.grading.slot import CREDENTIALS, Work
from grader.grading.warm_slots import WarmSlots
from grader.retry import RETRIES
from grader.sandbox.wire import WireError

A = TypeVar("A")

#: MiB of a runner and its zygote, each with torch, beside a submission's own.
_OWN_MB = 2048
#: How much of a GPU a slot takes, where its profile needs one: 0.25 puts four slots on each.
GPU_SHARE_VARIABLE = "AUTOGRADE_GPU_SHARE"
#: How many tasks an actor has: the one under way, and the next.
_AHEAD = 2
#: Seconds until there must be an actor; a cluster that grows by itself takes minutes.
_PATIENCE_S = 600.0
_LOOK_S, _END_S = 1.0, 15.0


class RaySlot:
    """What an actor is: warm slots in a process of its own. ``serve`` runs in one thread, ``end`` in another."""

    def __init__(self, parcel: bytes, gpu: bool) -> None:
        import ray

        for name in CREDENTIALS:
            os.environ.pop(name, None)
        # Said here and not left to Ray, which shows every GPU to an actor that asked for none.
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, ray.get_gpu_ids())) if gpu else ""
        self._parcel, self._slots = parcel, WarmSlots(keep=1)

    def ready(self) -> str:
        """Where it is; the answer says that it is there."""
        import platform

        return platform.node()

    def serve(self, task: bytes) -> bytes:
        """The outcome of a task, both packed."""
        return self._slots.serve(self._parcel, task)

    def end(self) -> None:
        """End the runner at once."""
        self._slots.kill()
        self._slots.close()


@dataclass(slots=True)
class _Actor:
    """An actor, and what it was given, the oldest first."""

    handle: Any
    here: Any  # the reference that is ready when it is
    ready: bool = False
    refused: bool = False
    given: dict[Any, Turn[Any]] = field(default_factory=dict)


class RayExecutor:
    """An :class:`~grader.grading.executor.Executor` whose slots are actors. They warm up from the moment it is made.

    Raises:
        MachineError: Ray is not installed.
        RunnerError: the cluster cannot be reached.
    """

    def __init__(self, work: Work, slots: int | None = None) -> None:
        self.work, self._closed = work, False
        connect()
        try:
            import ray

            self._ray, self._parcel = ray, ray.put(make_parcel(work))
            self._lost_in_a_row, self._begin = 0, time.monotonic()
            self._refusal: AutogradeError | None = None
            self._actors = [self._start() for _ in range(max(1, slots or self.default_slots() or 1))]
        except BaseException:
            disconnect()
            raise

    @staticmethod
    def default_slots() -> int | None:
        """One for each core of the cluster."""
        if not os.environ.get("RAY_ADDRESS"):
            return default_slots()
        connect()
        try:
            import ray

            return int(ray.cluster_resources().get("CPU", 0)) or None
        finally:
            disconnect()

    def run(self, tasks: Iterable[Task[A]]) -> Iterator[Result[A]]:
        """As the protocol says."""
        if self._closed:
            raise RuntimeError("the executor is closed")
        waiting, last = iter(tasks), list[Turn[A]]()
        again: list[Turn[A]] = []
        more = True
        try:
            while True:
                for actor in self._free():
                    turn = again.pop(0) if again else None
                    if turn is None and more:
                        task = next(waiting, None)
                        more = task is not None
                        turn = None if task is None else Turn(task)
                    if turn is not None:
                        actor.given[actor.handle.serve.remote(pack_turn(turn))] = turn
                if not more and not again and not any(actor.given for actor in self._actors):
                    if not last:
                        return
                    # Every other task has had its turn.
                    again, last = last, []
                    continue
                for outcome in self._outcomes(again):
                    if isinstance(outcome, Turn):
                        last.append(outcome)
                    else:
                        yield outcome
        finally:
            if any(actor.given for actor in self._actors):
                self.close()

    def close(self) -> None:
        """As the protocol says; a cluster that it started ends as well."""
        if self._closed:
            return
        self._closed = True
        try:
            ends = [actor.handle.end.remote() for actor in self._actors if actor.ready]
            if ends:
                self._ray.wait(ends, num_returns=len(ends), timeout=_END_S)
            for actor in self._actors:
                self._ray.kill(actor.handle)
        finally:
            disconnect()

    # -- actors --------------------------------------------------------------------------------------------------------

    def _start(self) -> _Actor:
        profile = self.work.profile
        gpu = profile.device == "cuda"
        kind = self._ray.remote(
            num_cpus=1,
            num_gpus=gpu_share() if gpu else 0,
            memory=(_OWN_MB + profile.limits.memory_mb) << 20,
            max_restarts=0,
            max_task_retries=0,
            concurrency_groups={"serving": 1, "control": 1},
        )(_with_groups(self._ray))
        handle = kind.remote(self._parcel, gpu)
        return _Actor(handle, handle.ready.remote())

    def _free(self) -> Iterator[_Actor]:
        """Actors that take another task, those with none first."""
        for count in range(_AHEAD):
            for actor in self._actors:
                if actor.ready and not actor.refused and len(actor.given) == count:
                    yield actor

    def _outcomes(self, again: list[Turn[Any]]) -> Iterator[Result[Any] | Turn[Any]]:
        """Wait a moment for what comes of tasks; turns to be served soon go to ``again``.

        Raises:
            AutogradeError: it concerns every task, or there is no actor.
        """
        coming = [actor.here for actor in self._actors if not actor.ready]
        wanted = coming + [reference for actor in self._actors for reference in actor.given]
        found, _ = self._ray.wait(wanted, num_returns=1, timeout=_LOOK_S) if wanted else ([], [])
        for reference in found:
            number = next(
                (n for n, actor in enumerate(self._actors) if reference is actor.here or reference in actor.given), None
            )
            if number is None:
                continue  # its actor died, and with it this
            actor = self._actors[number]
            try:
                data = self._ray.get(reference)
            except self._ray.exceptions.RayActorError as error:
                yield from self._replace(number, again, error)
                continue
            except self._ray.exceptions.RayTaskError as error:
                raise RunnerError(f"an actor failed: {error}", where="--executor ray") from error
            if reference is actor.here:
                actor.ready = True
                continue
            yield from self._settle(actor, actor.given.pop(reference), data, again)
        late = time.monotonic() - self._begin > _PATIENCE_S
        if not found and late and not any(actor.ready for actor in self._actors):
            raise RunnerError(
                f"Ray has found no place for a slot in {_PATIENCE_S:g} s; the cluster has {self._ray.cluster_resources()}",
                where="--executor ray",
                fix="see `ray status`; a slot needs a core, its memory, and its share of a GPU where the profile uses one",
            )

    def _settle(
        self, actor: _Actor, turn: Turn[Any], data: bytes, again: list[Turn[Any]]
    ) -> Iterator[Result[Any] | Turn[Any]]:
        try:
            outcome = unpack_outcome(data, turn.task)
        except WireError as error:
            raise RunnerError(f"an actor's outcome cannot be read: {error}", where="--executor ray") from error
        if isinstance(outcome, Failed):
            raise outcome.error
        if isinstance(outcome, Refused):
            if outcome.error.exit_code == UsageError.exit_code:
                raise outcome.error  # the suite or the course: it is the same everywhere
            actor.refused = True
            if all(other.refused for other in self._actors):
                raise outcome.error
            again.append(turn)
            return
        self._lost_in_a_row = 0
        yield outcome

    def _replace(self, number: int, again: list[Turn[Any]], error: Exception) -> Iterator[Result[Any] | Turn[Any]]:
        """Have another actor in place of one that is gone. What it was at work on costs a try, and the rest nothing.

        Raises:
            RunnerError: no actor stays.
        """
        given = list(self._actors[number].given.values())
        self._lost_in_a_row += 1
        if self._lost_in_a_row > RETRIES.starts * len(self._actors):
            raise RunnerError(f"actors end as soon as they are started: {error}", where="--executor ray") from error
        with contextlib.suppress(Exception):
            self._ray.kill(self._actors[number].handle)  # one that was merely out of reach
        self._actors[number] = self._start()
        again += given[1:]
        for turn in given[:1]:
            outcome = lost(turn, self.work, f"the actor vanished while it graded this: {error}")
            if isinstance(outcome, Turn) and not comes_last(outcome):
                again.append(outcome)
            else:
                yield outcome


def _with_groups(ray: Any) -> type:
    """RaySlot with its methods in their threads; made where Ray is, so that its module can be imported without."""

    class Slot(RaySlot):
        """See RaySlot."""

        serve = ray.method(concurrency_group="serving")(RaySlot.serve)
        ready = ray.method(concurrency_group="control")(RaySlot.ready)
        end = ray.method(concurrency_group="control")(RaySlot.end)

    return Slot


def gpu_share() -> float:
    """How much of a GPU a slot takes: 1, unless AUTOGRADE_GPU_SHARE says otherwise.

    Raises:
        UsageError: it is no number above 0, or a part of more than one GPU.
    """
    text = os.environ.get(GPU_SHARE_VARIABLE, "1")
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not share > 0 or (share > 1 and share != int(share)):
        raise UsageError(
            f"{text!r} is no share of a GPU", where=GPU_SHARE_VARIABLE, fix="write a number such as 0.25, or 1"
        )
    return share


# -- the cluster -------------------------------------------------------------------------------------------------------

#: How many executors of this process use the cluster.
_users = 0


def connect() -> None:
    """Join the cluster that RAY_ADDRESS names, or start one here; `disconnect` leaves it again.

    Raises:
        MachineError: Ray is not installed.
        RunnerError: there is no cluster at that address.
    """
    global _users  # noqa: PLW0603 - Ray's own state belongs to the process as well
    if importlib.util.find_spec("ray") is None:
        raise MachineError("Ray is not installed", where="--executor ray", fix="pip install 'autograde-torch[ray]'")
    if not _users:
        # Nobody is told what is graded here.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        import ray

        address = os.environ.get("RAY_ADDRESS")
        here: dict[str, Any] = {} if address else {"num_cpus": default_slots(), "include_dashboard": False}
        kept = {name: value for name in CREDENTIALS if (value := os.environ.pop(name, None)) is not None}
        try:
            # Ray gives a cluster that it starts 30 s, which is little on a busy machine.
            for left in reversed(range(1 if address else RETRIES.starts)):
                try:
                    ray.init(address=address or "local", log_to_driver=False, configure_logging=False, **here)
                    break
                except Exception as error:
                    ray.shutdown()
                    if left:
                        continue
                    raise RunnerError(
                        f"the Ray cluster cannot be {'reached' if address else 'started'}: {error}",
                        where=f"RAY_ADDRESS={address}" if address else "--executor ray",
                        fix="see `ray status`; nodes need the same version of Ray, and its token",
                    ) from error
        finally:
            os.environ.update(kept)
    _users += 1


def disconnect() -> None:
    """Leave the cluster with the last executor that uses it; one that was started here ends."""
    global _users  # noqa: PLW0603 - see connect
    _users -= 1
    if not _users:
        import ray

        ray.shutdown()
