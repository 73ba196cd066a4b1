"""Measures `autograde similar` on a made-up class with disguised copies: what it finds, and how long it takes.

``python -m tools.similarity.measure backprop --size 1000 --copies 120``. With ``--real FOLDER`` the entries of a folder, one a
student, are added as independent students; copies are made of them too.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from grader.course import load_course
from grader.intake import read_submission
from grader.similarity import find_pairs, handed_in
from grader.similarity.pairs import Index, prints_of
from grader.store.store import Store
from tools.similarity.disguise import LEVELS, disguise
from tools.similarity.made_class import make_class


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("--size", type=int, default=1000)
    parser.add_argument("--copies", type=int, default=120)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--real", type=Path, help="folder with one entry for each real student")
    options = parser.parse_args()
    course = load_course(None)
    assignment = course.assignment(options.name)
    made = make_class(assignment, options.size, options.copies, options.seed)
    students, copies = dict(made.students), dict(made.copies)
    if options.real:
        add_real(options.real, students, copies, options.seed)
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        for owner, files in students.items():
            store.put_submission(assignment.name, owner, files, received_at=datetime.now(UTC))
        began, wall = time.process_time(), time.monotonic()
        found = handed_in(course, assignment, store, names=True)
        read = time.monotonic() - wall
        pairs = find_pairs(found.works, found.given, most=2 * len(copies))
        took, wall = time.process_time() - began, time.monotonic() - wall
        store.close()
    works = found.works
    print(f"{len(works)} students, {len(copies)} copies, {len(found.unread)} unread")
    print(f"{wall:.1f} s ({read:.1f} s of it reading); processor time of this process {took:.1f} s")
    at = {work.owner: number for number, work in enumerate(works)}
    strength = Index([prints_of(work.units) - found.given for work in works]).strength()
    judge(strength, {(at[source], at[copy]): level for copy, (source, level) in copies.items()})
    true = {frozenset((copy, source)) for copy, (source, _) in copies.items()}
    first = [frozenset((pair.first.owner, pair.second.owner)) in true for pair in pairs]
    print(
        f"of the first {len(copies)} pairs of the list, {sum(first[: len(copies)])} are copies; of all {len(first)}, {sum(first)}"
    )


def judge(strength: np.ndarray, copies: dict[tuple[int, int], int]) -> None:
    """Recall where no pair, 0.1 % and 1 % of the pairs that are no copies are listed as well."""
    is_copy = np.zeros(strength.shape, dtype=bool)
    for one, two in copies:
        is_copy[min(one, two), max(one, two)] = True
    upper = np.triu(np.ones(strength.shape, dtype=bool), 1)
    others = np.sort(strength[upper & ~is_copy])[::-1]
    print(f"pairs that are no copies: {len(others)}")
    for label, rank in (("0", 0), ("0.1 %", len(others) // 1000), ("1 %", len(others) // 100)):
        by_level = {level: [0, 0] for level in LEVELS}
        for (one, two), level in copies.items():
            by_level[level][0] += bool(strength[one, two] > others[rank])
            by_level[level][1] += 1
        found = sum(hit for hit, _ in by_level.values())
        levels = ", ".join(f"level {level}: {hit}/{of}" for level, (hit, of) in by_level.items())
        to_4 = [counts for level, counts in by_level.items() if level <= 4]
        recall = sum(hit for hit, _ in to_4) / sum(of for _, of in to_4)
        print(f"at {label} false pairs: recall {found / len(copies):.3f}, levels 0 to 4 {recall:.3f} ({levels})")


def add_real(folder: Path, students: dict, copies: dict, seed: int) -> None:
    """Add real students, and a copy of each at one level."""
    rng = random.Random(seed)
    for number, entry in enumerate(sorted(folder.iterdir())):
        files = {name: data for name, data in read_submission(entry).files.items() if name.endswith(".py")}
        students[f"r{number:04}"] = files
        level = LEVELS[number % 5]
        students[f"k{number:04}"] = {
            name: disguise(data.decode(), level, rng.randrange(1 << 30)).encode() for name, data in files.items()
        }
        copies[f"k{number:04}"] = (f"r{number:04}", level)


if __name__ == "__main__":
    main()
