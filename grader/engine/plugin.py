"""The pytest plugin: fixtures for hidden suites, and ``pytest HIDDEN --submission PATH`` for their authors.

Loaded into every pytest run of an environment that has Autograde, students' included, so it imports nothing heavy
and does nothing unless a submission is given.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from grader.engine.outcomes import CaseOutcome, CaseState
    from grader.engine.own_constants import CheckedConstants
    from grader.engine.run import SubmissionRun
    from grader.engine.session import Session
    from grader.engine.show import Show

STATE = pytest.StashKey["GradingState"]()
_CASE = pytest.StashKey["CaseState"]()


class GradingState:
    """The submission under test, and the outcome of each case that ran."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.run: SubmissionRun | None = None
        self.outcomes: dict[str, CaseOutcome] = {}
        self.metrics: dict[str, Any] = {}
        self.collect_errors: list[str] = []
        self.brief = False

    def current(self) -> SubmissionRun:
        """The submission under test."""
        if self.run is None:
            raise pytest.UsageError("no submission is being graded")
        return self.run

    def begin(self, run: SubmissionRun, *, brief: bool = False) -> None:
        """Take up a submission; ``brief`` as in :class:`~grader.engine.measurement.Plan`."""
        self.run = run
        self.brief = brief
        self.outcomes = {}
        self.metrics = {}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the author's mode."""
    group = parser.getgroup("autograde")
    group.addoption("--submission", metavar="PATH", help="folder, zip or file to run a hidden suite on, sandboxed")
    group.addoption("--profile", default="cpu", help="profile of the course to grade under (default: cpu)")
    group.addoption("--attempt-seed", type=int, default=None, help="seed of the attempt")
    group.addoption("--constants-of", metavar="ID", help="grade under the constants of this student or team")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker; in the author's mode, open a session for the suite that is named."""
    config.addinivalue_line("markers", "points(value, hint, visibility, timeout): what a check is worth")
    config.addinivalue_line("markers", "without(*names): what torch has ready under these names does not run")
    path = config.getoption("--submission", default=None)
    if path and STATE not in config.stash:
        config.stash[STATE] = _author_state(config, Path(path))


def _author_state(config: pytest.Config, path: Path) -> GradingState:
    from grader.course import load_course
    from grader.course.drawn_constants import constants_of
    from grader.engine.device import require_device
    from grader.engine.own_constants import Draws
    from grader.engine.run import open_run
    from grader.engine.session import Session
    from grader.errors import AutogradeError
    from grader.intake import read_submission

    try:
        suite = next((Path(arg.split("::")[0]).resolve() for arg in config.args), Path.cwd())
        folder = next((p for p in (suite, *suite.parents) if p.name == "hidden"), None)
        if folder is None:
            raise pytest.UsageError(
                "--submission needs a hidden suite: pytest assignments/NAME/hidden --submission PATH"
            )
        course = load_course(folder.parent.parent.parent / "autograde.yml")
        assignment = course.assignment(folder.parent.name)
        session = Session(course, assignment, assignment.profile(config.getoption("--profile")), course.state)
        require_device(assignment, session.profile)
        upload = read_submission(path)
    except AutogradeError as error:
        raise pytest.UsageError(str(error)) from None
    owner = config.getoption("--constants-of")
    draws = Draws(constants_of(assignment, session.secret, owner)) if owner else None
    prepared = session.prepare(upload.files, config.getoption("--attempt-seed"), problem=upload.problem, draws=draws)
    if prepared.problem:
        raise pytest.UsageError(prepared.problem)
    state = GradingState(session)
    state.begin(open_run(session, prepared))
    return state


def pytest_unconfigure(config: pytest.Config) -> None:
    """Close what the author's mode opened."""
    state = config.stash.get(STATE, None)
    if state is not None and config.getoption("--submission", default=None):
        if state.run is not None:
            state.run.close()
        state.session.close()


def case_id(item: pytest.Item) -> str:
    """A case's id, the same from whatever folder pytest was started: file name, function and parameters."""
    return f"{item.path.name}::{item.name}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Set clock and seeds for one case."""
    state = item.config.stash.get(STATE, None)
    if state is not None and state.run is not None:
        from grader.engine.outcomes import CaseState, sees_held_out, spec_of, without

        assert isinstance(item, pytest.Function)
        case = item.stash[_CASE] = CaseState(apart=sees_held_out(item))
        spec = spec_of(item)
        title = spec.title if spec.visibility == "visible" else ""
        shows = "show" in item.fixturenames
        state.run.begin_case(
            case_id(item), spec.timeout, title, apart=case.apart, fresh=case.apart and shows, without=without(item)
        )
        _seed_trusted(state.run.case_seed, devices=state.session.profile.device == "cuda")
    return (yield)


def _seed_trusted(seed: int, *, devices: bool) -> None:
    """Seed this side's global generators, so that nothing leaks from one submission to the next.

    ``devices``: those of GPUs too. torch notes for each kind of device, with a stack trace, that it is to be seeded
    once it is used, which takes longer than many a check.
    """
    import random

    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - the legacy generator is what a suite might use by accident
    if devices:
        torch.manual_seed(seed)
    else:
        torch.default_generator.manual_seed(seed)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn what a case raised into its outcome."""
    report = yield
    state = item.config.stash.get(STATE, None)
    if state is not None and state.run is not None and (call.when == "call" or call.excinfo is not None):
        _observe(state, item, call)
    if state is not None and state.run is not None and call.when == "teardown":
        _finish(state, item)
    return report


def _observe(state: GradingState, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    from dataclasses import replace

    from grader.engine.outcomes import judge
    from grader.records import Verdict

    error = call.excinfo.value if call.excinfo else None
    case = item.stash[_CASE]
    outcome = judge(error, case)
    state.current().note_shown(error)
    outcome = replace(outcome, seconds=call.duration, place=state.current().place(error, outcome.verdict))
    if outcome.verdict is Verdict.GRADER_ERROR and error is not None:
        outcome = replace(outcome, message=f"{type(error).__name__}: {str(error)[:300]}")
    previous = state.outcomes.get(case_id(item))
    # A teardown that fails after a check has failed must not hide why the check failed.
    if previous is None or previous.fraction >= 1.0:
        state.outcomes[case_id(item)] = outcome


def _finish(state: GradingState, item: pytest.Item) -> None:
    from dataclasses import replace

    from grader.engine.outcomes import NOT_SHOWN

    outcome = state.outcomes.get(case_id(item))
    output = state.current().end_case()
    if output and item.stash[_CASE].apart:
        output = NOT_SHOWN
    if outcome is not None:
        state.outcomes[case_id(item)] = replace(outcome, output=output, figures=tuple(item.stash[_CASE].figures))
    for name, metric in item.stash[_CASE].metrics.items():
        state.metrics[name] = metric


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """In the author's mode, say what the submission would score."""
    state = config.stash.get(STATE, None)
    if state is None or not config.getoption("--submission", default=None) or not state.outcomes:
        return
    from grader.engine.outcomes import combine, spec_of

    items: dict[str, list[pytest.Function]] = {}
    for item in terminalreporter._session.items:  # noqa: SLF001 - pytest has no public way to the items here
        items.setdefault(item.originalname, []).append(item)
    terminalreporter.section("points")
    total = possible = 0.0
    for cases in items.values():
        outcomes = [state.outcomes[case_id(item)] for item in cases if case_id(item) in state.outcomes]
        if not outcomes:
            continue
        result = combine(spec_of(cases[0]), outcomes)
        total += result.score or 0.0
        possible += result.max_score
        terminalreporter.write_line(
            f"{result.score or 0:6.2f} /{result.max_score:6.2f}  {result.verdict.value:14} {result.id}"
        )
        if result.message:
            terminalreporter.write_line("      " + result.message.replace("\n", "\n      "))
        if result.place:
            terminalreporter.write_line(f"      {result.place.file}, line {result.place.line}. {result.place.what}")
        for figure in result.figures:
            terminalreporter.write_line(f"      figure: {figure.title}. {figure.description}")
    for metric in state.metrics.values():
        terminalreporter.write_line(f"metric {metric.name} = {metric.value}")
    for name, outcome in state.outcomes.items():
        for flag in outcome.flags:
            terminalreporter.write_line(f"for staff: {name}: {flag}")
    terminalreporter.write_line(f"{total:6.2f} /{possible:6.2f}  in all")


# -- fixtures --------------------------------------------------------------------------------------------------------


@pytest.fixture
def grading(request: pytest.FixtureRequest) -> GradingState:
    """The state of the grading run; what the other fixtures build on."""
    state = request.config.stash.get(STATE, None)
    if state is None:
        raise pytest.UsageError("this is a hidden suite: run it with --submission PATH, or by `autograde grade`")
    return state


@pytest.fixture
def student(grading: GradingState) -> Any:
    """The submission under test, as a proxy: ``student.softmax(x)``."""
    return grading.current().student


@pytest.fixture
def probe(grading: GradingState) -> Any:
    """The author's probes, run beside the student's code: ``probe.train(model, x, y)``."""
    return grading.current().probes


@pytest.fixture
def reference(grading: GradingState) -> Any:
    """The solution, on the trusted side, with the constants of whoever is graded."""
    return grading.session.reference_under(grading.current().prepared.draws.values)


@pytest.fixture
def constants(request: pytest.FixtureRequest, grading: GradingState) -> CheckedConstants:
    """The constants of whoever is graded: ``constants.hidden_size``, ``constants.assert_own(hidden_size=net.hidden)``."""
    from grader.engine.own_constants import checked_constants

    draws, check = grading.current().prepared.draws, request.node.originalname
    return checked_constants(grading.session.assignment, draws, request.node.stash[_CASE], check)


@pytest.fixture
def seed(grading: GradingState) -> int:
    """The seed of this case."""
    return grading.current().case_seed


@pytest.fixture
def rng(seed: int) -> Any:
    """A torch.Generator for this case."""
    import torch

    return torch.Generator().manual_seed(seed)


@pytest.fixture
def np_rng(seed: int) -> Any:
    """A numpy Generator for this case."""
    import numpy as np

    return np.random.default_rng(seed)


@pytest.fixture
def profile(grading: GradingState) -> Any:
    """The profile: ``.name``, ``.budget``, ``.thresholds``."""
    return grading.session.profile


@pytest.fixture
def public_data(grading: GradingState) -> Any:
    """The public parts of the assignment's data: ``.train`` and ``.validation``, ``(x, y)`` each."""
    return grading.session.data.public


@pytest.fixture
def held_out(request: pytest.FixtureRequest, grading: GradingState) -> Any:
    """The assignment's data, with a secret test part whose labels stay on this side.

    The test part is drawn for this check of this attempt. A check that asks for it runs in a worker apart from the other
    checks', and what the student's code prints there is not shown: one that needs public data takes ``public_data``.
    """
    from grader.errors import AuthoringError

    if not request.node.stash[_CASE].apart:
        raise AuthoringError(
            "the fixture `held_out` was asked for while the check was running",
            fix="name it among the arguments of the check, or of a fixture that it names",
        )
    return grading.session.held_out(grading.current().seed, request.node.originalname)


@pytest.fixture
def untrained(request: pytest.FixtureRequest, grading: GradingState) -> Callable[..., None]:
    """``untrained(value, metric=...)``: what a model could do before any training, which costs nothing.

    Staff read of a value that would earn points: the submission has brought with it what it should have learnt.
    """
    return functools.partial(_untrained, grading, request.node.stash[_CASE])


def _untrained(grading: GradingState, case: CaseState, value: float, *, metric: str) -> None:
    threshold = grading.session.profile.thresholds[metric]
    if math.isfinite(value) and threshold.fraction(value) > 0:
        case.flags.append(f"{metric} would be {value:.4g} before any training: look for weights or data in the files")


@pytest.fixture
def record(request: pytest.FixtureRequest, grading: GradingState) -> Callable[[str, float], None]:
    """``record("parameters", n)`` records a metric without points."""
    return functools.partial(_record, grading, request.node.stash[_CASE])


def _record(grading: GradingState, case: CaseState, name: str, value: float) -> None:
    from grader.records import Metric

    number = float(value)
    columns = {column.metric: column.direction for column in grading.session.assignment.leaderboard}
    threshold = grading.session.profile.thresholds.get(name)
    direction = threshold.direction if threshold else columns.get(name, "higher")
    case.metrics[name] = Metric(name=name, value=number if math.isfinite(number) else None, direction=direction)


@pytest.fixture
def show(request: pytest.FixtureRequest, grading: GradingState) -> Show:
    """Draws for the student what their model did with public examples: ``show.masks(held_out.examples(3), predict, classes=NAMES)``."""
    from grader.engine.show import Show

    curve = grading.session.curves.get(request.node.originalname)
    return Show(request.node.stash[_CASE], grading.current().clock, wanted=not grading.brief, curve=curve)


@pytest.fixture
def award(request: pytest.FixtureRequest, grading: GradingState) -> Callable[..., None]:
    """``award(value, metric="test_accuracy")`` gives points by the profile's threshold; ``award(0.5)`` a fraction."""
    return functools.partial(_award, grading, request.node.stash[_CASE])


def _award(grading: GradingState, case: CaseState, value: float, *, metric: str | None = None) -> None:
    from grader.engine.outcomes import suspicion
    from grader.errors import AuthoringError

    if case.fraction is not None:
        raise AuthoringError("`award` was called twice in one test", fix="call it once, with the final value")
    number = float(value)
    if metric is None:
        case.fraction = min(max(number, 0.0), 1.0) if math.isfinite(number) else 0.0
        return
    thresholds: Mapping[str, Any] = grading.session.profile.thresholds
    if metric not in thresholds:
        raise AuthoringError(
            f"there is no threshold for the metric {metric!r}",
            where=f"autograde.yml: assignments.{grading.session.assignment.name}.profiles.{grading.session.profile.name}.thresholds",
            fix=f"add `{metric}: {{zero: ..., full: ...}}`",
        )
    _record(grading, case, metric, number)
    case.awarded = metric
    case.fraction = thresholds[metric].fraction(number)
    if thresholds[metric].is_suspect(number):
        case.flags.append(suspicion(metric, number, thresholds[metric].suspect))
