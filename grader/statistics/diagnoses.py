"""What students read most often: messages that say the same but for numbers, and who had them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from grader.statistics.histories import GradedUpload, History
from grader.text import clean

_CASES = re.compile(r" \(\d+ of \d+ cases passed\)$")
_NUMBERS = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?![\w])")
_TRACEBACK = "Traceback (most recent call last):"
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing that messages say, as the first student had it, and the students who read it in some attempt."""

    text: str
    owners: tuple[str, ...]
    open: int
    """How many of them still have it in their last submission."""


def kind_of(message: str) -> str:
    """What a message says, whatever its numbers are; of a traceback its last line. Empty where there is no message."""
    return _NUMBERS.sub("#", plain(message))


def plain(message: str) -> str:
    """A message in one line, without the count of its cases; of a traceback the error alone."""
    text = _CASES.sub("", clean(message).strip())
    if text.startswith(_TRACEBACK):
        lines = [line for line in text.splitlines()[1:] if line and not line.startswith(" ")]
        text = lines[0] if lines else text
    return " ".join(text.split())[:_LONGEST]


def diagnoses_of(check: str, histories: Iterable[History], most: int = 5) -> tuple[Diagnosis, ...]:
    """The commonest things that the messages of a check say, those that most students read first."""
    texts: dict[str, str] = {}
    owners: dict[str, dict[str, bool]] = {}
    for history in histories:
        for number, upload in enumerate(history.uploads, start=1):
            outcome = upload.checks.get(check)
            if outcome is None or outcome.full or not outcome.message:
                continue
            kind = kind_of(outcome.message)
            texts.setdefault(kind, plain(outcome.message))
            owners.setdefault(kind, {})[history.owner] = number == len(history.uploads)
    found = [Diagnosis(texts[kind], tuple(who), sum(who.values())) for kind, who in owners.items()]
    return tuple(sorted(found, key=lambda item: -len(item.owners))[:most])


def longest_stay(check: str, uploads: Sequence[GradedUpload]) -> int:
    """In how many submissions in a row a student was told the same by a check."""
    longest, running, before = 0, 0, ""
    for upload in uploads:
        outcome = upload.checks.get(check)
        kind = kind_of(outcome.message) if outcome is not None and not outcome.full else ""
        running = running + 1 if kind and kind == before else int(bool(kind))
        before, longest = kind, max(longest, running)
    return longest
