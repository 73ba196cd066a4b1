"""What stops several checks is said once: the checks that lost points, by what stopped them."""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.records import Verdict
from grader.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from grader.records import CheckResult

_PASSED = (Verdict.ACCEPTED, Verdict.SKIPPED)
#: How a message refers to the check that shows a cause in full; see grader.engine.names.
_REFERS = re.compile(r': see "(?P<title>[^\n]+)"\.(?: \(\d+ of \d+ cases passed\))?$')
_CASES = re.compile(r" \(\d+ of \d+ cases passed\)$")
_TRACEBACK = "Traceback (most recent call last):"


@dataclass(frozen=True, slots=True)
class Cause:
    """What stopped a check, and others with it.

    ``first`` says it in full; ``others`` lost points by the same. ``above`` is True where the page has said it already.
    """

    first: CheckResult
    others: tuple[CheckResult, ...] = ()
    above: bool = False

    @property
    def sentence(self) -> str:
        """How many more checks it stops; empty where there are none."""
        return f"The same cause affects {counted(len(self.others), 'more check')}." if self.others else ""


def causes_of(checks: Sequence[CheckResult], said: str = "") -> list[Cause]:
    """The checks that lost points, grouped by what stopped them, in the order of the first of each group.

    Args:
        checks: of one report, as its reader may see them.
        said: what the page says about the submission as a whole: it is not repeated.

    """
    titles = {check.title.rstrip("."): check.id for check in checks}
    lost = [check for check in checks if check.verdict not in _PASSED]
    keys = {check.id: _key(check) for check in lost}
    groups: dict[Hashable, list[CheckResult]] = {}
    for check in lost:
        refers = _REFERS.search(check.message)
        target = titles.get(refers["title"]) if refers else None
        groups.setdefault(keys.get(target or "", keys[check.id]), []).append(check)
    return [_cause(group, said) for group in groups.values()]


def passed(checks: Iterable[CheckResult]) -> list[CheckResult]:
    """The checks that lost nothing, or did not run."""
    return [check for check in checks if check.verdict in _PASSED]


def _cause(group: Sequence[CheckResult], said: str) -> Cause:
    # One that refers to another may come before it, where hidden checks lie between.
    first = next((check for check in group if not _REFERS.search(check.message)), group[0])
    others = tuple(check for check in group if check is not first)
    above = bool(said) and first.message == said
    return Cause(first.model_copy(update={"message": ""}) if above else first, others, above)


def _key(check: CheckResult) -> Hashable:
    """What two checks that were stopped by the same have in common; a check's own id where it stands alone."""
    if not check.message:
        return check.id
    if check.place is not None and check.message.startswith(_TRACEBACK):
        # Values differ from check to check, and so does the way there; the line and the kind of error do not.
        return check.place.file, check.place.line, _type_of(check.message)
    return check.verdict, _CASES.sub("", check.message), check.place.line if check.place else 0


def _type_of(message: str) -> str:
    """The type of the exception behind a traceback."""
    return next((line.partition(":")[0] for line in message.split("\n")[1:] if not line.startswith(" ")), "")
