"""When two grader versions would run alike: they differ in hints, comments and layout of the suite, or in thresholds.

A grader version is a hash, and says only that something changed. What is written down here says what: a digest of all
that a run depends on, beside the hints, which a report shows and nothing reads, and the thresholds, which only ``award`` reads
unless the suite does so itself. Where a suite looks at its own text, nothing of this can be known.
"""

from __future__ import annotations

import ast
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grader.course.identity import grading_config, grading_files
from grader.course.suite import read_suite
from grader.python_source import parse

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from grader.course.course import Assignment

#: Names by which a suite could read its own source, or a threshold beside ``award``.
_LOOKS_AT_ITSELF = frozenset(
    {
        "inspect",
        "linecache",
        "tokenize",
        "ast",
        "traceback",
        "__doc__",
        "__file__",
        "__code__",
        "getsource",
        "open",
        "Path",
    }
)


@dataclass(frozen=True, slots=True)
class Described:
    """A grader version, taken apart.

    ``run``: a digest of what a run depends on, hints and thresholds aside; None where that cannot be told. ``hints`` by
    check. ``thresholds`` by metric. ``awards``: the metric that each check awards, where it awards one, once; None where
    thresholds may be read in another way.
    """

    run: str | None
    hints: Mapping[str, str]
    thresholds: Mapping[str, Any]
    awards: Mapping[str, str] | None

    def as_dict(self) -> dict[str, Any]:
        """As JSON-ready data."""
        awards = None if self.awards is None else dict(self.awards)
        return {"run": self.run, "hints": dict(self.hints), "thresholds": dict(self.thresholds), "awards": awards}


def describe(assignment: Assignment, profile_name: str) -> Described:
    """Take apart the grader version of an assignment under a profile.

    Raises:
        AuthoringError: the suite cannot be read.
    """
    config = grading_config(assignment, profile_name)
    thresholds = config.pop("thresholds")
    # A run depends on the values that it was given, which its report holds, and on where a solution has them.
    config["constants"] = [(constant.file, constant.variable) for constant in assignment.constants.values()]
    if not config["constants"]:
        del config["constants"]
    digest = hashlib.sha256(json.dumps(config, sort_keys=True, separators=(",", ":")).encode())
    trees: dict[str, ast.Module] = {}
    for label, name, path in grading_files(assignment):
        content = path.read_bytes()
        # Probes run where the suite is not.
        if label == "hidden" and name.endswith(".py") and name != "probes.py":
            try:
                trees[name] = parse(content, str(path))
            except SyntaxError:
                trees[name] = ast.parse("import inspect")  # nothing is known of it; a run says what is wrong
                continue
            if name.rpartition("/")[2].startswith("test_"):
                _without_hints(trees[name])
                content = ast.dump(trees[name]).encode()
        digest.update(f"\n{label}/{len(name)}/{len(content)}/{name}\n".encode())
        digest.update(content)
    names = {name for tree in trees.values() for name in _names(tree)}
    return Described(
        run=None if names & _LOOKS_AT_ITSELF else digest.hexdigest()[:32],
        hints={check.id: check.hint for check in read_suite(assignment.hidden_folder)},
        thresholds=thresholds,
        awards=None if "thresholds" in names else _awards(list(trees.values())),
    )


def _without_hints(tree: ast.Module) -> None:
    """Remove the hints of checks, in place."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
            for call in node.decorator_list:
                if isinstance(call, ast.Call) and _called(call) == "points":
                    call.keywords = [keyword for keyword in call.keywords if keyword.arg != "hint"]


def _called(call: ast.AST) -> str:
    """The name of what is called; empty where that is no name, or nothing is called."""
    target = call.func if isinstance(call, ast.Call) else None
    return target.attr if isinstance(target, ast.Attribute) else target.id if isinstance(target, ast.Name) else ""


def _names(tree: ast.Module) -> Iterator[str]:
    """Every name that code uses, and every text that could be one."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name):
                yield name.partition(".")[0]
            case ast.ImportFrom(module=str(name)):
                yield name.partition(".")[0]
            case ast.Constant(value=str(name)) if name.isidentifier():
                yield name


def _awards(trees: Collection[ast.Module]) -> dict[str, str] | None:
    """The metric of each check that awards one, once and in one case; None where that is not all that there is to it."""
    found: dict[str, str] = {}
    calls = [node for tree in trees for node in ast.walk(tree) if _called(node) in ("award", "record")]
    used = [
        node
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id in ("award", "record")
    ]
    named = [_metric(call) for call in calls]
    if len(used) != len(calls) or None in named:
        return None  # one is handed on, or its metric is not written out
    elsewhere = [call for call in calls if _called(call) == "award"]
    for node in (node for tree in trees for node in ast.walk(tree)):
        if not (isinstance(node, ast.FunctionDef) and node.name.startswith("test")):
            continue
        mine = [one for one in ast.walk(node) if _called(one) == "award"]
        elsewhere = [call for call in elsewhere if call not in mine]
        metrics = [metric for call in mine if (metric := _metric(call))]
        if metrics and (len(mine) > 1 or _has_cases(node) or named.count(metrics[0]) != 1):
            return None  # a metric has more than one value
        if metrics:
            found[node.name] = metrics[0]
    if elsewhere:
        return None  # in a helper or a fixture
    return found


def _metric(call: ast.AST) -> str | None:
    """The metric that a call of award or record names; empty where it names none, None where it is not written out."""
    assert isinstance(call, ast.Call)
    if any(keyword.arg is None for keyword in call.keywords) or any(isinstance(one, ast.Starred) for one in call.args):
        return None
    if _called(call) == "award":
        named = next((keyword.value for keyword in call.keywords if keyword.arg == "metric"), ast.Constant(""))
    else:
        named = next((keyword.value for keyword in call.keywords if keyword.arg == "name"), None) or (
            call.args[0] if call.args else ast.Name("unknown")
        )
    return named.value if isinstance(named, ast.Constant) and isinstance(named.value, str) else None


def _has_cases(node: ast.FunctionDef) -> bool:
    return any(isinstance(one, ast.Call) and _called(one) == "parametrize" for one in node.decorator_list)
