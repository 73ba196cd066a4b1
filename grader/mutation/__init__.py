"""Mutation: slips that a person could make, put into a solution one at a time. Source to source; nothing runs here."""

from grader.mutation.generate import Mutant, make_mutants
from grader.mutation.instrument import TELL, instrument
from grader.mutation.meaning import changed_functions, functions, meaning

__all__ = ["TELL", "Mutant", "changed_functions", "functions", "instrument", "make_mutants", "meaning"]
