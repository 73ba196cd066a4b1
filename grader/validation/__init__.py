"""Validation: how good a hidden suite is, measured by variants of its solution and by mutants of it."""

from grader.validation.accept import accept
from grader.validation.campaign import Options, validate
from grader.validation.result import Flake, Measured, MutantResult, Validation

__all__ = ["Flake", "Measured", "MutantResult", "Options", "Validation", "accept", "validate"]
