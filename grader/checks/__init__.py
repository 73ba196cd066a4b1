"""What authors of hidden suites import, and students in public tests: points, comparisons, gradient checks."""

from grader.checks.close import CheckFailed, assert_close
from grader.checks.declared import (
    assert_differentiable,
    assert_gradients_flow,
    assert_registered,
    parameters,
    untouched,
)
from grader.checks.gradients import gradcheck
from grader.checks.points import points
from grader.sandbox.faults import ContractError, StudentError, StudentFault

__all__ = [
    "CheckFailed",
    "ContractError",
    "StudentError",
    "StudentFault",
    "assert_close",
    "assert_differentiable",
    "assert_gradients_flow",
    "assert_registered",
    "gradcheck",
    "parameters",
    "points",
    "untouched",
]
