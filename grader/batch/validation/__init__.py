"""Validation: how good a hidden suite is, measured by variants of its solution and by mutants of it."""

from grader.batch.validation.measure import Options, validate
from grader.batch.validation.result import Flake, Measured, MutantResult, Validation

__all__ = ["Flake", "Measured", "MutantResult", "Options", "Validation", "validate"]
