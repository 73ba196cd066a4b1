"""Questions for a conversation about a student's own code: made of their own changes and of the course's wrong variants.

Everything is drawn offline and deterministically: the same submissions and the same secret give the same questions.
"""

from __future__ import annotations

import difflib
import hashlib
import hmac
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from grader.records import CheckResult, Report
from grader.review.own_code import Function
from grader.text import clean, counted
from grader.validation.variants import Variant

#: Questions on a sheet.
COUNT = 3
#: Lines of a change that a question shows.
_LONGEST_CHANGE = 24
#: What is asked where no variant fits: a pattern in a line of code, what it becomes, and what the examiner should hear.
_TURNS: tuple[tuple[str, str, str], ...] = (
    (r"\.mean\(", ".sum(", "the value grows with the number of entries, and gradients with it: the step size means something else"),
    (r"\.sum\(", ".mean(", "the value is divided by the number of entries, and gradients with it"),
    (r"keepdims?=True", "keepdim=False", "the axis is gone: what follows broadcasts along another axis, or fails where shapes do not fit"),
    (r"\bdim=1\b", "dim=0", "it runs over the batch in place of each example's own entries"),
    (r"\bdim=0\b", "dim=1", "it runs over each example's entries in place of the batch"),
    (r"\baxis=1\b", "axis=0", "it runs over the batch in place of each example's own entries"),
    (r"\baxis=0\b", "axis=1", "it runs over each example's entries in place of the batch"),
    (r"\.zero_grad\(\)", ".zero_grad  # not called", "gradients of earlier batches are added up"),
    (r"\.detach\(\)", "", "the graph is kept: gradients flow where they should not, and memory grows"),
    (r"\.eval\(\)", ".train()", "dropout and batch normalisation behave as in training: results change from call to call, and with the batch"),
    (r"\.train\(\)", ".eval()", "dropout does nothing and batch normalisation does not learn its averages"),
    (r"\bno_grad\(\)", "enable_grad()", "a graph is built for nothing: memory and time"),
    (r" - (\w+\.max\([^)]*\))", "", "the exponential overflows for large scores"),
    (r"\.permute\(", ".reshape(", "the shape is the same, and the entries are in other places"),
    (r"\.transpose\(", ".reshape(", "the shape may be the same, and the entries are in other places"),
    (r"\brange\((\d+), ", r"range(\1 + 1, ", "the first step is left out"),
    (r" \* ", " + ", "what was scaled is shifted"),
    (r" @ ", " * ", "entries are multiplied one by one, where shapes allow it at all"),
    (r" - ", " + ", "the sign of the second term is wrong"),
    (r" < ", " <= ", "the border belongs to the other case"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class HandedIn:
    """One submission of a student: when it came, its functions and its report (None where it has no score)."""

    received_at: datetime
    functions: tuple[Function, ...]
    report: Report | None


@dataclass(frozen=True, slots=True)
class Question:
    """One question: the code that it is about, and for the examiner what to hear and where the question is from."""

    kind: Literal["change", "variant", "turn", "explain"]
    asks: str
    code: str
    where: str
    listen_for: str


def questions_for(
    uploads: Sequence[HandedIn], variants: Sequence[Variant], seed: bytes, count: int = COUNT
) -> list[Question]:
    """The questions for one student.

    One is about the student's own change between two submissions where there is one, the others about what would happen if
    a line were another one: first by wrong variants whose text stands in the student's code, then by common turns, each in
    a function of its own.

    Args:
        uploads: the student's submissions, the first received first.
        variants: the course's.
        seed: what the choice follows from.
        count: how many.

    """
    if not uploads:
        return []
    functions = uploads[-1].functions
    pools: list[list[tuple[str, Question]]] = [
        _shuffled(_changes(uploads), seed),
        _shuffled(_by_variants(functions, variants), seed),
        _shuffled(_turns(functions), seed),
        _shuffled(_explanations(functions), seed),
    ]
    found: list[Question] = []
    used: set[str] = set()
    for number, pool in enumerate(pools):
        for name, question in pool:
            # One question about a change is enough: the other submissions have told what there was to tell.
            if len(found) < count and name not in used and not (number == 0 and found):
                used.add(name)
                found.append(question)
    return found


def _shuffled(questions: Iterator[tuple[str, Question]], seed: bytes) -> list[tuple[str, Question]]:
    """In an order that follows from the seed and from each question's own text."""

    def place(item: tuple[str, Question]) -> bytes:
        return hmac.digest(seed, f"{item[0]}\x1f{item[1].asks}\x1f{item[1].code}".encode(), hashlib.sha256)

    return sorted(questions, key=place)


def _changes(uploads: Sequence[HandedIn]) -> Iterator[tuple[str, Question]]:
    """What the student changed in a function when a check began to pass, or the points went down."""
    for before, after in itertools.pairwise(uploads):
        old = {(item.file, item.name): item for item in before.functions}
        gained = _gained(before.report, after.report)
        for item in after.functions:
            earlier = old.get((item.file, item.name))
            if earlier is None or earlier.text == item.text or "NotImplementedError" in earlier.text:
                continue
            change = _diff(earlier, item)
            if not change:
                continue
            effect = "; ".join(f"`{check.id}` ({clean(check.message)[:200]})" for check in gained[:2])
            yield (
                item.name,
                Question(
                    "change",
                    f"Between your submissions of {before.received_at:%d %b, %H:%M} and {after.received_at:%d %b, %H:%M} (UTC) you "
                    f"changed `{item.name}` like this. What was wrong before, and how did you find out?",
                    change,
                    f"{item.file}, line {item.first}",
                    f"checks that passed afterwards, with what they said before: {effect}"
                    if effect
                    else "no check passed that had not passed before: a reason of the student's own",
                ),
            )


def _gained(before: Report | None, after: Report | None) -> list[CheckResult]:
    """The checks that passed after a change, as they were before it."""
    if before is None or after is None:
        return []
    full = {check.id for check in after.checks if check.score is not None and check.score >= check.max_score}
    return [
        check
        for check in before.checks
        if check.id in full and check.score is not None and check.score < check.max_score
    ]


def _diff(old: Function, new: Function) -> str:
    lines = list(difflib.unified_diff(old.shown.splitlines(), new.shown.splitlines(), lineterm="", n=2))[2:]
    if len(lines) > _LONGEST_CHANGE:
        more = f"# ... and {counted(len(lines) - _LONGEST_CHANGE, 'more line')} of the change"
        lines = [*lines[:_LONGEST_CHANGE], more]
    return "\n".join(lines)


def _by_variants(functions: Sequence[Function], variants: Sequence[Variant]) -> Iterator[tuple[str, Question]]:
    """Wrong variants whose text the student wrote as well, spaces aside, in a line of a function."""
    for variant in variants:
        if variant.kind != "wrong" or len(variant.edits) != 1:
            continue
        edit = variant.edits[0]
        old, new = edit.find.strip(), edit.replace.strip()
        if not old or not new or "\n" in old or "\n" in new or len(old) < 4:
            continue
        pattern = re.compile(r"\s*".join(re.escape(part) for part in re.findall(r"\w+|[^\w\s]", old)))
        for item in functions:
            if item.file != edit.file:
                continue
            for at, line in enumerate(item.text.splitlines()):
                if (match := pattern.search(line)) is not None:
                    changed = f"{line[: match.start()]}{new}{line[match.end() :]}"
                    checks = ", ".join(f"`{name}`" for name in variant.expect)
                    heard = f"{clean(variant.why)} (variant {variant.name}; it fails {checks})"
                    yield item.name, _what_if(item, at, line, changed, heard, "variant")
                    break


def _turns(functions: Sequence[Function]) -> Iterator[tuple[str, Question]]:
    """Common changes of one line, of lines that are code and have one of the patterns."""
    for item in functions:
        for at, line in enumerate(item.text.splitlines()):
            code = line.partition("#")[0]
            if (
                at == 0
                or not code.strip()
                or '"""' in code
                or code.lstrip().startswith(("def ", "class ", "@", '"', "'"))
            ):
                continue
            for pattern, to, heard in _TURNS:
                changed = re.sub(pattern, to, code, count=1)
                if changed != code:
                    yield item.name, _what_if(item, at, line, changed, heard, "turn")
                    break


def _what_if(
    item: Function, at: int, line: str, changed: str, heard: str, kind: Literal["variant", "turn"]
) -> Question:
    return Question(
        kind,
        f"In `{item.name}`, line {item.first + at}: what happens if this line becomes the other one? Which of the checks would "
        "see it, and on what inputs would nobody notice?",
        f"- {clean(line.strip())}\n+ {clean(changed.strip())}",
        f"{item.file}, line {item.first + at}",
        heard,
    )


def _explanations(functions: Sequence[Function]) -> Iterator[tuple[str, Question]]:
    """For whoever wrote too little for other questions."""
    for item in functions:
        yield (
            item.name,
            Question(
                "explain",
                f"Go through `{item.name}` line by line: which shape does each value have, and which line would you write "
                "differently today?",
                item.shown,
                f"{item.file}, line {item.first}",
                "shapes that are right, and a reason for at least one line",
            ),
        )
