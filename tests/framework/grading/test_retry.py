"""One retry policy: how often a slot tries a task, a runner is started, and what that comes to in all."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import grader
from grader.errors import AuthoringError, RunnerError
from grader.grading.serve import Turn, serve, start
from grader.retry import RETRIES, RetryPolicy

ROOT = Path(grader.__file__).parent


class FakeSlot:
    """A slot whose runner starts as ``starts`` says, and is always up."""

    work = None

    def __init__(self, starts=(), running=True):
        self.outcomes = list(starts)
        self.started = self.closed = 0
        self.running = running

    def start(self):
        """Count the start; fail as told."""
        self.started += 1
        if self.outcomes and (outcome := self.outcomes.pop(0)) is not None:
            raise outcome

    def close(self):
        """Count it."""
        self.closed += 1


class FakeTask:
    """A task that gives one answer after another: an exception, a held answer or one that stands."""

    key = 7

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = 0

    def ask(self, slot):
        """Give the next answer."""
        self.asked += 1
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def fault(self, answer):
        """Only the word `held` is held."""
        return "a fault of ours" if answer == "held" else None

    def give_up(self, work, fault):
        """Say why."""
        return f"given up: {fault}"


DEAD = RunnerError("the runner died")


def test_the_total_can_be_read_off():
    """A submission is graded at most `most` times before it is held: tries in a runner, times runners."""
    assert (RETRIES.in_runner, RETRIES.runners, RETRIES.most) == (3, 3, 9)
    assert RetryPolicy(in_runner=2, runners=5).most == 10


@pytest.mark.parametrize("field", ["in_runner", "runners", "starts"])
def test_a_policy_without_a_try_is_refused(field):
    """Zero tries would hold every submission."""
    with pytest.raises(ValueError, match="at least one"):
        RetryPolicy(**{field: 0})


@pytest.mark.parametrize("runners", [1, 2, 3, 5])
def test_a_task_is_asked_as_often_as_the_policy_says(runners):
    """The last try comes in a turn of its own, after all others; then the task is given up, with the last reason."""
    policy = RetryPolicy(runners=runners)
    task = FakeTask(*[DEAD] * 10)
    outcome = serve(FakeSlot(), Turn(task), policy=policy)
    if runners > 1:
        assert isinstance(outcome, Turn)
        assert outcome.tries == task.asked == runners - 1
        outcome = serve(FakeSlot(), outcome, policy=policy)
    assert (outcome.key, outcome.answer, outcome.tries) == (7, "given up: the runner died", runners)
    assert task.asked == runners


def test_a_held_answer_is_tried_again_and_one_that_stands_is_not():
    """What a runner reports as our own fault counts as a try, like a runner that died."""
    task = FakeTask("held", "right", "never")
    outcome = serve(FakeSlot(), Turn(task))
    assert (outcome.answer, outcome.tries, task.asked) == ("right", 2, 2)


def test_the_first_start_is_kept_over_turns():
    """The result of a task that waited for its last try says when it was begun first, and counts all its seconds."""
    turn = serve(FakeSlot(), Turn(FakeTask(DEAD, DEAD, "right")))
    result = serve(FakeSlot(), turn)
    assert result.started_at == turn.started_at
    assert result.seconds >= turn.seconds
    assert result.tries == 3


def test_an_executor_that_is_closed_tries_no_more():
    """Closing kills runners; that is not a try, and nothing is started for it."""
    task, slot = FakeTask(DEAD, "right"), FakeSlot()
    with pytest.raises(RunnerError, match="died"):
        serve(slot, Turn(task), lambda: True)
    assert (task.asked, slot.started) == (1, 0)


def test_a_runner_that_is_down_is_started_first():
    """A slot without a runner starts one before it asks."""
    slot = FakeSlot(running=False)
    assert serve(slot, Turn(FakeTask("right"))).answer == "right"
    assert slot.started == 1


def test_a_runner_is_started_as_often_as_the_policy_says():
    """One that is killed as it warms up is started again; after that it concerns every task."""
    slot = FakeSlot(starts=[DEAD] * 3)
    start(slot)
    assert (slot.started, slot.closed) == (4, 3)
    slot = FakeSlot(starts=[DEAD] * 9)
    with pytest.raises(RunnerError):
        start(slot)
    assert slot.started == RETRIES.starts


def test_a_fault_that_will_not_go_away_is_not_tried_again():
    """A suite that cannot be collected is no better the second time."""
    slot = FakeSlot(starts=[AuthoringError("no suite")])
    with pytest.raises(AuthoringError):
        start(slot)
    assert slot.started == 1


def test_no_other_module_counts_tries():
    """The numbers exist once: whoever retries a grading reads them from the policy."""
    counts = []
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            counts += [
                f"{path.relative_to(ROOT)}: {target.id}"
                for target in targets
                if isinstance(node, ast.Assign | ast.AnnAssign)
                and isinstance(target, ast.Name)
                and ("TRIES" in target.id or "STARTS" in target.id)
            ]
    assert counts == ["retry.py: RETRIES"]
