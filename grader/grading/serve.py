"""How a slot serves a task: the retry policy of every executor, in one place."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Generic, TypeVar

from grader.errors import RunnerError
from grader.grading.executor import Result, Task
from grader.grading.slot import Slot, Work
from grader.retry import RETRIES, RetryPolicy

A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class Turn(Generic[A]):
    """A task and what became of it so far. An executor keeps the ones that come back, and serves them last."""

    task: Task[A]
    tries: int = 0
    seconds: float = 0.0
    started_at: datetime | None = None


def _never() -> bool:
    return False


def start(slot: Slot, stopping: Callable[[], bool] = _never, policy: RetryPolicy = RETRIES) -> None:
    """Start a runner; one that is killed as it warms up is started again.

    Raises:
        AutogradeError: it cannot start, or failed to ``policy.starts`` times in a row.
    """
    for left in reversed(range(policy.starts)):
        try:
            slot.start()
        except RunnerError:
            slot.close()
            if not left or stopping():
                raise
        else:
            return


def serve(
    slot: Slot, turn: Turn[A], stopping: Callable[[], bool] = _never, policy: RetryPolicy = RETRIES
) -> Result[A] | Turn[A]:
    """Try a task on ``slot``: its result, or the turn to be served once more when all other tasks are done.

    All tries but the last are made at once. ``stopping`` says whether the executor is being closed, which ends runners.

    Raises:
        RunnerError: the executor is being closed, or the task has no answer without a run.
        AutogradeError: a runner could not start, for a reason that concerns every task.
    """
    task, begin, fault = turn.task, time.monotonic(), "unknown"
    turn = replace(turn, started_at=turn.started_at or datetime.now(UTC))
    for number in range(turn.tries + 1, policy.runners + 1):
        if number == policy.runners > turn.tries + 1:
            return replace(turn, tries=number - 1, seconds=turn.seconds + time.monotonic() - begin)
        if not slot.running:
            start(slot, stopping, policy)
        try:
            answer = task.ask(slot)
        except RunnerError as error:
            if stopping():
                raise
            fault = str(error)
            continue
        found = task.fault(answer)
        if found is None:
            return _result(turn, answer, number, begin)
        fault = found
    return _result(turn, task.give_up(slot.work, fault), policy.runners, begin)


def lost(turn: Turn[A], work: Work, fault: str, policy: RetryPolicy = RETRIES) -> Result[A] | Turn[A]:
    """A turn whose slot vanished with its process or its machine: it costs a try, as a runner that dies does.

    Raises:
        RunnerError: it was the last try, and the task has no answer without a run.
    """
    tries, started_at = turn.tries + 1, turn.started_at or datetime.now(UTC)
    if tries < policy.runners:
        return replace(turn, tries=tries, started_at=started_at)
    return Result(turn.task.key, turn.task.give_up(work, fault), started_at, turn.seconds, tries)


def comes_last(turn: Turn[A], policy: RetryPolicy = RETRIES) -> bool:
    """Whether a turn has one try left, which comes after all other tasks have had theirs."""
    return turn.tries == policy.runners - 1


def _result(turn: Turn[A], answer: A, tries: int, begin: float) -> Result[A]:
    assert turn.started_at is not None
    seconds = turn.seconds + time.monotonic() - begin
    return Result(turn.task.key, answer, turn.started_at, seconds, tries)
