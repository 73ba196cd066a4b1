"""Verdicts in words: what a chip says, with a sign and a tone, so that colour is never alone in saying it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from grader.records import Verdict
from grader.reports.formatting import DASH

if TYPE_CHECKING:
    from collections.abc import Mapping

Tone = Literal["good", "partial", "bad", "quiet", "held"]


@dataclass(frozen=True, slots=True)
class Wording:
    """How one verdict is said."""

    word: str
    sign: str
    tone: Tone
    says: str
    """One sentence for the student."""


WORDINGS: Mapping[Verdict, Wording] = {
    Verdict.ACCEPTED: Wording("Accepted", "✓", "good", "Everything that this check tests is right."),
    Verdict.PARTIAL: Wording("Partly right", "◐", "partial", "Some of the points were earned."),
    Verdict.WRONG_ANSWER: Wording("Wrong answer", "✗", "bad", "The code ran, but its result is wrong."),
    Verdict.RUNTIME_ERROR: Wording("Raised an error", "!", "bad", "The code stopped with an error of its own."),
    Verdict.NOT_RUN: Wording("Did not run", "!", "bad", "The upload could not be read, so none of it ran."),
    Verdict.TIME_LIMIT: Wording("Out of time", "◷", "bad", "The code did not finish within its time limit."),
    Verdict.MEMORY_LIMIT: Wording("Out of memory", "▲", "bad", "The code asked for more memory than it may use."),
    Verdict.WORKER_DIED: Wording("Process ended", "✗", "bad", "The code ended its own process during this check."),
    Verdict.PROTOCOL_ERROR: Wording(
        "Unusable answer", "✗", "bad", "The code returned something that could not be read."
    ),
    Verdict.SKIPPED: Wording("Not run", DASH, "quiet", "This check did not run."),
    Verdict.GRADER_ERROR: Wording(
        "Held for staff", "…", "held", "Something failed on our side. Staff will look into it. This is not a zero."
    ),
    Verdict.SYSTEM_ERROR: Wording(
        "Held for staff", "…", "held", "Something failed on our side. Staff will look into it. This is not a zero."
    ),
}
