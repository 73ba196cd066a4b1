"""What a check cell of the released notebook does: it runs the public tests of the part that a hidden check looks at."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from grader.student import public_tests
from grader.student.public_tests import Outcome, PublicTest


class PublicTestsFail(AssertionError):
    """Public tests of this part fail, or it is not written yet. A notebook shows the message without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def check(check_id: str, names: Sequence[str], folder: Path | None = None) -> None:
    """Run the public tests that look at ``names``, for the hidden check ``check_id``.

    Only failures of ``names`` themselves count; what a neighbour's failure hides is said.

    Raises:
        PublicTestsFail: one of them fails, or waits for a function that is not written; the message is the test's own.
    """
    folder = folder or Path()
    tests = [test for test in public_tests.read_tests(folder / "public") if any(map(test.mentions, names))]
    if not tests:
        sys.stdout.write(f"{check_id} is run by the course's grader after you submit; no public test covers its part\n")
        return
    found = public_tests.run([test.id for test in tests], folder)
    if found.unreadable:
        path, reason = next(iter(found.unreadable.items()))
        raise PublicTestsFail(f"{path} cannot be run: {reason}")
    if not found.cases:
        raise PublicTestsFail(f"the public tests could not be run; try: pytest {folder / 'public'}")
    order = public_tests.defined_names(folder) or list(names)
    own, others = _sorted(found.cases, tests, set(names), order)
    _raise_for(own)
    passed = len({case.test for case in own} - {case.test for case in own if case.message})
    if own:
        sys.stdout.write(
            f"{_count(passed)} of this part. The grader tests more: run `pytest public` for all public tests\n"
        )
    else:
        sys.stdout.write(f"{check_id} has no public test of its own; tests of other parts use it\n")
    for case in others:
        waiting = f"`{case.unwritten}` is not written yet" if case.unwritten else case.message.partition("\n")[0]
        sys.stdout.write(f"not counted here: {_name(case)} also tests another part ({waiting})\n")


def _sorted(
    cases: Sequence[Outcome], tests: Sequence[PublicTest], names: set[str], order: Sequence[str]
) -> tuple[list[Outcome], list[Outcome]]:
    """The cases that stand for ``names``, and the failed ones that stand for others."""
    by_id = {public_tests.key_of(test.id): test for test in tests}
    own, others = [], []
    for case in cases:
        mine = public_tests.owners(by_id[public_tests.key_of(case.test)], case.case, order)
        # A class is its methods', and a method its class's.
        related = {part for name in names for part in (name, name.partition(".")[0])}
        stands = bool(mine & names) or bool({name.partition(".")[0] for name in mine} & related) or not mine
        if stands and not (case.unwritten and not _is_of(case.unwritten, names)):
            own.append(case)
        elif case.message and not case.skipped:
            others.append(case)
    return own, others


def _is_of(function: str, names: set[str]) -> bool:
    """Whether an unwritten function is one of ``names``, or a method of one, or one that only the part itself has."""
    head = function.partition(".")[0]
    return function in names or head in names or any(name.partition(".")[0] == head for name in names)


def _raise_for(own: Sequence[Outcome]) -> None:
    failed = [case for case in own if case.message and not case.skipped]
    if not failed:
        return
    unwritten = sorted({case.unwritten for case in failed if case.unwritten})
    wrong = [case for case in failed if not case.unwritten]
    if not wrong:
        raise PublicTestsFail(f"not written yet: {', '.join(f'`{name}`' for name in unwritten)}")
    tests = {case.test for case in own}
    bad = {case.test for case in wrong}
    listed = "\n\n".join(f"{_name(case)}: {case.message}" for case in wrong)
    rest = f"\n\nnot written yet: {', '.join(f'`{name}`' for name in unwritten)}" if unwritten else ""
    fails = "public test fails" if len(tests) == 1 else "public tests fail"
    raise PublicTestsFail(f"{len(bad)} of {len(tests)} {fails}:\n{listed}{rest}")


def _name(case: Outcome) -> str:
    """The test's name, with the case's brackets."""
    name, bracket, rest = case.case.partition("[")
    return name.rpartition("::")[2] + bracket + rest


def _count(number: int) -> str:
    return f"{number} public test passes" if number == 1 else f"{number} public tests pass"


__all__ = ["PublicTestsFail", "check"]
