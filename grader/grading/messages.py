"""Tasks and outcomes as bytes, for slots in another process or on another machine: frames of the wire, never pickle.

A task crosses as the name of its kind and its fields, and the other side makes it anew from a kind that is installed
there. So nobody who can write such bytes can have code run that is not already there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from grader import errors
from grader.entry_points import Extensions
from grader.errors import AutogradeError, RunnerError
from grader.grading.executor import Result, Task
from grader.grading.serve import Turn
from grader.sandbox.wire import PREFIX, Encoder, WireError, WireLimits, check_prefix, decode, frame, parse_header

#: Both ends are ours; the bounds only catch a damaged file.
_LIMITS = WireLimits(header=256 << 20, payload=4 << 30, nodes=10_000_000)

TASKS = Extensions(
    "autograde.tasks",
    "kind of task",
    {"grade": "grader.grading.tasks:GradeTask", "measure": "grader.grading.tasks:MeasureTask"},
)


@dataclass(frozen=True, slots=True)
class Refused:
    """A slot that cannot start; its task was not begun. ``error`` concerns that machine, or every task."""

    error: AutogradeError


@dataclass(frozen=True, slots=True)
class Failed:
    """An error that ends the run: the suite cannot be collected, or a task has no answer without a run."""

    error: AutogradeError


#: What a slot gives for a task: its result, the turn to be served after all others, or why there is neither.
Outcome = Result[Any] | Turn[Any] | Refused | Failed


def pack(value: dict[str, Any]) -> bytes:
    """A dict of plain values (those that cross the wire) as bytes."""
    encoder = Encoder(_LIMITS)
    return b"".join(bytes(part) for part in frame({"value": encoder.encode(value)}, encoder))


def unpack(data: bytes) -> dict[str, Any]:
    """The dict that :func:`pack` was given.

    Raises:
        WireError: the bytes are none of its.
    """
    header, payload = check_prefix(data[: PREFIX.size], _LIMITS)
    body = memoryview(data)[PREFIX.size :]
    if len(body) != header + payload:
        raise WireError(f"a frame of {header + payload} bytes has {len(body)}")
    # Copied: what is decoded may be written to.
    value = decode(parse_header(body[:header]).get("value"), memoryview(bytearray(body[header:])), _LIMITS)
    if not isinstance(value, dict):
        raise WireError("a message is a dict")
    return value


def pack_turn(turn: Turn[Any]) -> bytes:
    """A task, and what became of it so far."""
    task = {"kind": turn.task.kind, **turn.task.as_message()}
    return pack({"task": task, **_history(turn)})


def unpack_turn(data: bytes) -> Turn[Any]:
    """The turn that :func:`pack_turn` was given.

    Raises:
        WireError: the bytes are none of its.
        UsageError: the kind of task is not installed here.
    """
    message = unpack(data)
    fields = message["task"]
    kind = TASKS.load(fields.pop("kind"), where="--executor")
    task: Task[Any] = kind.from_message(fields)
    return Turn(task, **_read_history(message))


def pack_outcome(outcome: Outcome, task: Task[Any]) -> bytes:
    """What came of ``task``."""
    match outcome:
        case Result():
            times = {
                "tries": outcome.tries,
                "seconds": outcome.seconds,
                "started_at": outcome.started_at.isoformat(),
            }
            return pack({"is": "result", "answer": task.pack_answer(outcome.answer), **times})
        case Turn():
            return pack({"is": "turn", **_history(outcome)})
        case Refused(error):
            return pack({"is": "refused", "error": error.as_dict()})
        case Failed(error):
            return pack_failure(error)


def is_refusal(data: bytes) -> bool:
    """Whether a packed outcome says that the slot could not start."""
    return bool(unpack(data)["is"] == "refused")


def pack_failure(error: AutogradeError) -> bytes:
    """The outcome of a task that cannot even be read."""
    return pack({"is": "failed", "error": error.as_dict()})


def unpack_outcome(data: bytes, task: Task[Any]) -> Outcome:
    """What came of ``task``, from the bytes of :func:`pack_outcome`.

    Raises:
        WireError: the bytes are none of its, or the answer is none to that task.
    """
    message = unpack(data)
    try:
        match message["is"]:
            case "result":
                history = _read_history(message)
                return Result(task.key, task.unpack_answer(message["answer"]), **history)
            case "turn":
                return Turn(task, **_read_history(message))
            case "refused":
                return Refused(_error(message["error"]))
            case "failed":
                return Failed(_error(message["error"]))
            case other:
                raise WireError(f"an outcome of the kind {other!r}")
    except (KeyError, TypeError, ValueError) as error:
        raise WireError(f"no outcome of a task: {error}") from error


def _history(turn: Turn[Any]) -> dict[str, Any]:
    started = None if turn.started_at is None else turn.started_at.isoformat()
    return {"tries": turn.tries, "seconds": turn.seconds, "started_at": started}


def _read_history(message: dict[str, Any]) -> dict[str, Any]:
    started = message["started_at"]
    return {
        "tries": int(message["tries"]),
        "seconds": float(message["seconds"]),
        "started_at": None if started is None else datetime.fromisoformat(started),
    }


def _error(told: dict[str, Any]) -> AutogradeError:
    kind = getattr(errors, str(told["error"]), RunnerError)
    if not (isinstance(kind, type) and issubclass(kind, AutogradeError)):
        kind = RunnerError
    return kind(str(told["what"]), where=told.get("where"), fix=told.get("fix"))
