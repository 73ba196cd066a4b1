"""Mutation: slips that a person could make, put into a solution one at a time. Source to source; nothing runs here.

Making mutants (:func:`grader.validation.mutation.generate.make_mutants`) needs libcst and mutmut, of the extra ``authoring``. The
rest, which is here, needs the standard library alone.
"""

from grader.validation.mutation.instrument import TELL, instrument
from grader.validation.mutation.meaning import changed_functions, functions, meaning
from grader.validation.mutation.mutant import Mutant

__all__ = ["TELL", "Mutant", "changed_functions", "functions", "instrument", "meaning"]
