"""A class of any size for one assignment: independent students, and copies of some of them whose pairs are known.

An independent student is the course's solution with some of its right and wrong variants put in at random, said in a style of
their own. All of them come from one text, so that they are more alike than people are who have never met.
"""

from __future__ import annotations

import ast
import random
from dataclasses import dataclass

from grader.course import Assignment
from grader.errors import AuthoringError
from grader.validation.variants import apply, read_variants
from tools.similarity.disguise import LEVELS, disguise, restyle, rewrite
from tools.similarity.synonyms import Synonyms


@dataclass(frozen=True, slots=True)
class MadeClass:
    """Files by student; and of each copy the student it is of, and its level of disguise."""

    students: dict[str, dict[str, bytes]]
    copies: dict[str, tuple[str, int]]


def make_class(assignment: Assignment, size: int, copies: int, seed: int = 0) -> MadeClass:
    """``size`` students, of whom ``copies`` are copies, as many at each level."""
    rng = random.Random(f"{assignment.name} {seed}")
    variants = [item for item in read_variants(assignment) if item.kind != "equivalent"]
    solution = assignment.solution_files()
    students = {f"s{at:04}": _student(solution, variants, rng) for at in range(size - copies)}
    sources = rng.sample(sorted(students), copies)
    made: dict[str, tuple[str, int]] = {}
    for at, source in enumerate(sources):
        name, level = f"c{at:04}", LEVELS[at % len(LEVELS)]
        files = {file: disguise(data.decode(), level, seed + at).encode() for file, data in students[source].items()}
        if level == max(LEVELS):  # only some of it is taken over; the rest is their own
            files = _half(files, _student(solution, variants, rng), rng)
        students[name], made[name] = files, (source, level)
    return MadeClass(students, made)


def _student(solution, variants, rng):
    files = dict(solution)
    chosen = [v for v in variants if rng.random() < (0.35 if v.kind == "right" else 0.06)]
    rng.shuffle(chosen)
    for variant in chosen:
        try:
            changed = apply(variant, files)
            for data in changed.values():
                ast.parse(data)
        except (AuthoringError, SyntaxError):
            continue  # two variants of the same lines
        files = changed
    rate = rng.uniform(0.0, 0.3)
    words = Synonyms(rng, rng.uniform(0.3, 0.9))
    return {file: _styled(data.decode(), rng, rate, words).encode() for file, data in files.items()}


def _styled(source, rng, rate, words):
    tree = ast.fix_missing_locations(words.visit(ast.parse(source)))
    restyle(tree, rng, rate)
    rewrite(tree, rng, rate)
    return ast.unparse(tree)


def _half(copied, own, rng):
    """Of each function the copy or the own version."""
    files = {}
    for file, data in own.items():
        theirs = {n.name: n for n in ast.parse(copied[file]).body if isinstance(n, ast.FunctionDef | ast.ClassDef)}
        tree = ast.parse(data)
        tree.body = [
            theirs[n.name] if getattr(n, "name", "") in theirs and rng.random() < 0.5 else n for n in tree.body
        ]
        files[file] = ast.unparse(ast.fix_missing_locations(tree)).encode()
    return files
