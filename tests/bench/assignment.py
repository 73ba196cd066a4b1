"""The bench assignment in one place: its checks, its submissions and what each must score, as values and as text.

``jobs/solution.py`` and ``jobs/checks.py`` are the only copies of the work. From them come the text of our hidden
suite, of nbgrader's test cells and of Otter's test files, and of every submission: the tools do the same job.
"""

from __future__ import annotations

import ast
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

JOBS = Path(__file__).parent / "jobs"
SOLUTION = (JOBS / "solution.py").read_text()
CHECKS = (JOBS / "checks.py").read_text()
POINTS = 2  # each; asserted against checks.py below
FULL = 10.0  # of a whole submission

#: Deliberate mistakes: what is edited in the solution, and the checks that must lose their points by it.
WRONG: tuple[tuple[str, str, str, str], ...] = (
    ("softmax-overflows", "scores - scores.max(dim=-1, keepdim=True).values", "scores", "softmax"),
    ("loss-summed", "labels].mean()", "labels].sum()", "cross_entropy"),
    ("distances-squared", ".sum(dim=2).sqrt()", ".sum(dim=2)", "distances"),
    ("never-steps", "        optimiser.step()\n", "", "accuracy"),
    ("gradient-raises", "return gradient / len(labels)", 'raise ValueError("not done yet")', "gradient"),
)
#: Submissions repeat this pattern: 0 is right, k is the k-th mistake. Any six in a row hold right and wrong ones.
PATTERN = (0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 0)


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its name, its title, the student's functions that it calls, and its function's source text."""

    name: str
    title: str
    calls: tuple[str, ...]
    source: str

    @property
    def body(self) -> str:
        """The check's statements, without indentation or title, for a notebook where the functions are globals."""
        node = ast.parse(self.source).body[0]
        assert isinstance(node, ast.FunctionDef)
        lines = self.source.splitlines()[node.body[1].lineno - 1 :]
        return textwrap.dedent("\n".join(lines)).replace("student.", "")


@dataclass(frozen=True, slots=True)
class Submission:
    """One student's work: the whole module's source, and the points that each check must give it."""

    owner: str
    kind: str
    source: str
    expected: dict[str, float]

    @property
    def total(self) -> float:
        """The score that every tool must arrive at."""
        return sum(self.expected.values())


def functions(source: str) -> dict[str, str]:
    """Top-level functions of ``source`` by name, as text; comments up to the next function belong to the one before."""
    parts = re.split(r"(?m)^(?=def )", source)[1:]
    return {part[4 : part.index("(")]: part.rstrip() for part in parts}


def checks() -> list[Check]:
    """All checks, in the order of their source."""
    found = []
    for name, source in functions(CHECKS).items():
        node = ast.parse(source).body[0]
        assert isinstance(node, ast.FunctionDef)
        calls = dict.fromkeys(re.findall(r"student\.(\w+)", source))
        title = ast.get_docstring(node) or ""
        found.append(Check(name.removeprefix("check_"), title, tuple(calls), source))
    assert f"\nPOINTS = {POINTS}\n" in CHECKS
    assert POINTS * len(found) == FULL
    return found


def submissions(count: int) -> list[Submission]:
    """``count`` submissions, the same ones every time; any shorter list is the beginning of a longer one."""
    full = {check.name: float(POINTS) for check in checks()}
    made = []
    for number in range(count):
        choice = PATTERN[number % len(PATTERN)]
        owner = f"s{number:03d}"
        source, expected, kind = SOLUTION, full, "right"
        if choice:
            kind, find, replace, lost = WRONG[choice - 1]
            assert SOLUTION.count(find) == 1, find
            source, expected = SOLUTION.replace(find, replace), {**full, lost: 0.0}
        made.append(Submission(owner, kind, f"{source}\n\n# handed in by {owner}\n", expected))
    return made


def autograde_suite() -> str:
    """Our hidden suite: the checks as pytest functions with points."""
    head = (
        '"""Hidden checks of the bench assignment (generated)."""\n\n'
        "import torch\n\nfrom grader.checks import assert_close, points\n"
    )
    tests = [f"\n\n@points({POINTS})\n{check.source.replace('def check_', 'def test_')}\n" for check in checks()]
    return head + "".join(tests)


NOTEBOOK_IMPORTS = "import torch\nfrom torch import nn\nfrom torch.testing import assert_close"


def otter_test(check: Check) -> str:
    """One Otter test file in its exception-based form: the check as a function of the student's functions."""
    return (
        "import torch\nfrom otter.test_files import test_case\nfrom torch.testing import assert_close\n\n"
        f'OK_FORMAT = False\n\nname = "{check.name}"\npoints = {POINTS}\n\n\n'
        f"@test_case(points={POINTS}, hidden=False)\ndef test_{check.name}({', '.join(check.calls)}):\n"
        f"{textwrap.indent(check.body, '    ')}\n"
    )
