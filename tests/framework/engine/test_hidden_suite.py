"""What a suite does with cases that ran out of wall time alone."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from grader.engine import hidden_suite as suite_module
from grader.engine.hidden_suite import Ran, Suite
from grader.engine.outcomes import CaseOutcome
from grader.engine.runner import why_not_collected
from grader.engine.session import Prepared
from grader.errors import AuthoringError
from grader.records import Verdict
from grader.sandbox.trusted.worker import WAITED, SandboxFault

ACCEPTED = CaseOutcome(Verdict.ACCEPTED, 1.0)
LATE = CaseOutcome(Verdict.TIME_LIMIT, 0.0, "too slow")


def waits(label, **more):
    """A case that ran out of wall time in a function."""
    return CaseOutcome(Verdict.TIME_LIMIT, 0.0, f"too slow {WAITED}", waited=True, label=label, **more)


class Run:
    """A run that can be given up."""

    def __init__(self, used=1.0, fault=None):
        self.prepared, self.seed, self.fault = Prepared({}, "0" * 64, 1), 7, fault
        self.clock = SimpleNamespace(patience={}, wall_s=40.0, waited=used)

    def give_up(self, fault):
        """Note the fault."""
        self.fault = fault

    def close(self):
        """Nothing to close."""


@pytest.fixture
def settle(monkeypatch):
    """Settle first outcomes by second ones, in the order of the cases; give what stands and which were tried again."""

    def run(first, second, used=1.0, fault=None):
        tried = []
        monkeypatch.setattr(suite_module, "open_run", lambda *_, **__: Run(used, fault))
        monkeypatch.setattr(suite_module, "case_id", lambda item: item)

        class Played(Suite):
            def __init__(self):
                self.session = SimpleNamespace(modules={"a": "a.py"})
                self.passes = 0

            def _pass(self, items, run, *, brief=False):
                if len(items) == len(first) and not self.passes:
                    self.passes += 1
                    return Ran(dict(first), {})
                tried.append((items[0], run.seed))
                return Ran({items[0]: second[items[0]]}, {})

        main = Run()
        return Played().run(list(first), main).outcomes, tried, main

    return run


def test_only_what_waited_is_tried_again(settle):
    """Everything else stands as it is, a time limit by processor time as well."""
    first = {"x": ACCEPTED, "y": LATE, "z": waits("f")}
    outcomes, tried, run = settle(first, {"z": ACCEPTED})
    assert outcomes == {"x": ACCEPTED, "y": LATE, "z": ACCEPTED}
    assert [case for case, _ in tried] == ["z"]
    assert run.fault is None


def test_a_function_that_waits_in_two_second_tries_is_not_tried_a_third_time(settle):
    """As it is not called in a third check; another function is."""
    first = {case: waits("f") for case in "abc"} | {"d": waits("g")}
    outcomes, tried, _ = settle(first, {"a": waits("f"), "b": waits("f"), "d": ACCEPTED})
    assert [case for case, _ in tried] == ["a", "b", "d"]
    assert outcomes["c"].waited
    assert outcomes["d"] is ACCEPTED


def test_one_second_try_settles_an_import(settle):
    """And where it computed this time, nobody is told that it waits."""
    first = {case: waits("a.py") for case in "ab"}
    outcomes, tried, _ = settle(first, {"a": CaseOutcome(Verdict.TIME_LIMIT, 0.0, "too slow", label="a.py")})
    assert [case for case, _ in tried] == ["a"]
    assert outcomes["b"].message == "too slow"


def test_second_tries_end_as_well(settle):
    """Together they have as much wall time as all checks had."""
    first = {case: waits(case) for case in "abcdef"}
    _, tried, _ = settle(first, {case: waits(case) for case in "abcdef"}, used=15.0)
    assert len(tried) == 3


def test_what_fails_on_our_side_in_a_second_try_makes_no_verdict(settle):
    """The whole try does not count."""
    _, _, run = settle({"a": waits("f")}, {"a": waits("f")}, fault=SandboxFault("gone"))
    assert isinstance(run.fault, SandboxFault)


def raised(code, file, cause=None):
    """The exception that ``code`` raises as if it stood in ``file``."""
    try:
        exec(compile(code, str(file), "exec"), {})
    except BaseException as error:  # noqa: BLE001 - whatever it raises is what is looked at
        return error
    raise AssertionError("nothing was raised")


def test_what_stops_a_suite_from_being_collected_is_named_with_its_line(tmp_path):
    """The author's own file and line, whatever was raised further in; our own errors as they are; what pytest wraps."""
    file = tmp_path / "test_x.py"
    assert why_not_collected(raised("x = 1\npointz(4)", file), tmp_path) == (
        f"{file}:2: NameError: name 'pointz' is not defined"
    )
    deep = raised("\nimport json\njson.loads('{')", file)
    assert why_not_collected(deep, tmp_path).startswith(f"{file}:3: JSONDecodeError: Expecting")
    assert why_not_collected(raised("def (", file), tmp_path) == f"{file}:1: SyntaxError: invalid syntax"
    wrapped = RuntimeError("ImportError while importing test module")
    wrapped.__cause__ = raised("import nothing_of_this_name", file)
    assert why_not_collected(wrapped, tmp_path) == (
        f"{file}:1: ModuleNotFoundError: No module named 'nothing_of_this_name'"
    )
    ours = AuthoringError("points must be a number", where="test_x.py:3", fix="write it like @points(4)")
    assert why_not_collected(ours, tmp_path) == str(ours)
