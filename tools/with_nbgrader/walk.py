"""Walks through nbgrader's own commands, from a fresh copy of the course to feedback and grades: `make nbgrader`.

For every assignment of the course and a class of twelve: release, fetch, submit, collect, grade, marks, feedback, export.
At the end nbgrader's gradebook must say what our reports say, to the last point. Nothing listens anywhere.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from rich.console import Console

from grader.course import Assignment, Course, load_course, read_questions, read_suite
from grader.nbgrader.layout import NbgraderLayout, open_gradebook
from grader.release.strip import make_stubs
from grader.store import Standing
from tests.support import notebooks
from tools.formgrader.browser import Browser, find
from tools.with_nbgrader.course import ROOT, Fresh, copy_course, only
from tools.with_nbgrader.people import Person, copy_bundle, make_people, write_inbox, write_work
from tools.with_nbgrader.tables import Row, tables

CLASS = 12
#: Which of the class has an extension, and which has a check's score overridden by a mark.
EXTENDED, OVERRIDDEN = 7, 4


class Walk:
    """The walk of one course; every method is a leg of it, and raises AssertionError where something is not as it must be."""

    def __init__(self, fresh: Fresh, due: datetime) -> None:
        self.fresh = fresh
        self.due = due
        self.course: Course = load_course(fresh.root / "autograde.yml")
        self.layout = NbgraderLayout(self.course)
        self.rows: list[Row] = []

    def prepare(self) -> None:
        """Sources, roster and dates; a second sync changes nothing."""
        self.fresh.run("autograde", "gradebook", "sync")
        again = json.loads(self.fresh.run("autograde", "gradebook", "sync", "--json"))
        assert not any(again.values()), f"a second sync changed something: {again}"

    def release(self, assignment: Assignment) -> None:
        """Staff make and release it; whoever fetches it and solves it passes `nbgrader validate`, a stub does not."""
        name = assignment.name
        self.fresh.run("nbgrader", "generate_assignment", name)
        self.fresh.run("nbgrader", "release_assignment", name)
        assert name in self.fresh.run("nbgrader", "list"), "nbgrader list does not know it"
        # nbgrader asks for an answer to every written question as well; here it is the code that matters.
        answers = {f"{name}.ipynb": notebooks.answered(notebooks.released(assignment), "An answer.")}
        for words, files in (("Success!", assignment.solution_files()), ("VALIDATION FAILED", make_stubs(assignment))):
            folder = self.fresh.student("validator") / f"{name}-{words.split()[0].strip('!')}"
            copy_bundle(self.layout.released(name), folder, {**files, **answers})
            told = self.fresh.run("nbgrader", "validate", f"{name}.ipynb", where=folder)
            assert words in told, f"validate does not say {words!r}:\n{told[-3000:]}"

    def hand_in(self, assignment: Assignment, people: Sequence[Person]) -> None:
        """Students fetch, work and submit by the exchange; the others' work lies in an inbox."""
        for person in people:
            if person.way == "exchange":
                home = self.fresh.student(person.student)
                self.fresh.run("nbgrader", "fetch_assignment", assignment.name, where=home)
                self._submit(assignment, person, person.earlier or person.files)
        write_inbox(people, self.fresh.folder / "inbox" / assignment.name, self.due)

    def _submit(self, assignment: Assignment, person: Person, files: Any) -> None:
        home = self.fresh.student(person.student)
        write_work(home / assignment.name, files)
        self.fresh.run("nbgrader", "submit", assignment.name, f"--student={person.student}", where=home)

    def grade(self, assignment: Assignment, people: Sequence[Person]) -> None:
        """Collect both ways, grade, autograde. What came by the exchange is graded within `nbgrader autograde`."""
        name = assignment.name
        self.fresh.run("nbgrader", "collect", name)
        self.fresh.run("autograde", "collect", name, str(self.fresh.folder / "inbox" / name))
        self.fresh.run("autograde", "grade", name)
        self.fresh.run("autograde", "gradebook", "sync", name)
        owners = {item.id: item.owner for item in self.layout.store.submissions(name)}
        graded = {owners[attempt.submission_id] for attempt in self.layout.store.attempts(name)}
        exchange = {person.student for person in people if person.way == "exchange"}
        assert graded == {person.student for person in people} - exchange, "who was graded before nbgrader autograde"
        self.fresh.run("nbgrader", "autograde", name)
        graded = {owners[attempt.submission_id] for attempt in self.layout.store.attempts(name)}
        assert graded >= exchange, f"nbgrader autograde graded {graded & exchange} only"

    def resubmit(self, assignment: Assignment, people: Sequence[Person]) -> None:
        """Somebody hands in again by the exchange, after grading."""
        name = assignment.name
        for person in people:
            if person.earlier:
                self._submit(assignment, person, person.files)
        self.fresh.run("nbgrader", "collect", name, "--update")
        self.fresh.run("autograde", "gradebook", "sync", name)
        self.fresh.run("autograde", "grade", name)
        self.fresh.run("autograde", "gradebook", "sync", name)
        self.fresh.run("nbgrader", "autograde", name)

    def mark(self, assignment: Assignment, people: Sequence[Person]) -> None:
        """What formgrader does: points and comments for what was answered, and a mark in place of a check's score."""
        name = assignment.name
        with open_gradebook(self.layout) as gradebook:
            for number, person in enumerate(people):
                for question in read_questions(assignment.notebook_source):
                    grade = gradebook.find_grade(question.id, name, name, person.student)
                    assert grade.needs_manual_grade == person.answers, (person.student, question.id)
                    if person.answers:
                        grade.manual_score, grade.needs_manual_grade = question.points * (number % 4) / 4, False
                        grade.extra_credit = 0.5 if number % 4 == 3 else None
                        comment = gradebook.find_comment(question.id, name, name, person.student)
                        comment.manual_comment = f"Number {number}: the **second** step is missing."
            check = read_suite(assignment.hidden_folder)[0]
            grade = gradebook.find_grade(check.id, name, name, people[OVERRIDDEN].student)
            grade.manual_score = check.points / 2
            gradebook.db.commit()
        self.fresh.run("autograde", "gradebook", "sync", name)

    def hand_back(self, assignment: Assignment, people: Sequence[Person]) -> None:
        """Feedback for everybody, to the exchange, and from there to those who use it."""
        name = assignment.name
        self.fresh.run("nbgrader", "generate_feedback", name)
        self.fresh.run("nbgrader", "release_feedback", name)
        for person in people:
            if person.way == "exchange":
                home = self.fresh.student(person.student)
                self.fresh.run("nbgrader", "fetch_feedback", name, where=home)
                pages = list((home / name / "feedback").rglob(f"{name}.html"))
                assert pages, f"{person.student} finds no feedback"
                assert "bundle" in pages[0].read_text() or "Download report" in pages[0].read_text()

    def compare(self, assignment: Assignment, people: Sequence[Person]) -> None:
        """The gradebook's numbers are our reports' own, for every student, check and total."""
        name = assignment.name
        rows = {row.owner: row for row in self.layout.store.standing(self.course, assignment, by="student")}
        with open_gradebook(self.layout) as gradebook:
            for person in people:
                entry = gradebook.find_submission(name, person.student)
                self._compare(assignment, person, rows[person.student], entry)
            assert {entry.student.id for entry in gradebook.assignment_submissions(name)} == {p.student for p in people}
        told = self.fresh.run("autograde", "gradebook", "diff", name)
        assert "agree" in told, told

    def _compare(self, assignment: Assignment, person: Person, row: Standing, entry: Any) -> None:
        who = f"{assignment.name}, {person.student} ({person.role})"
        assert row.attempt is not None, who
        report = self.layout.store.reports([row.attempt.id])[row.attempt.id]
        assert report.score is not None, who
        share = report.score / report.max_score
        lost = [(check.id, check.score, check.message) for check in report.checks if check.score != check.max_score]
        assert person.least <= share <= person.most, f"{who} has {share:.3f} of the points: {lost}"
        for name in person.lost:
            assert name in {check for check, *_ in lost}, f"{who}: {name} saw nothing"
        (notebook,) = entry.notebooks
        grades = {grade.name: grade for grade in notebook.grades}
        for check in report.checks:
            assert grades[check.id].auto_score == check.score, f"{who}: {check.id}"
            assert grades[check.id].max_score == check.max_score, f"{who}: {check.id}"
        marks = sum(
            mark.points or 0.0 for mark in row.marks.values() if mark.question not in {c.id for c in report.checks}
        )
        marks += sum(mark.extra for mark in row.marks.values())
        override = next((mark for mark in row.marks.values() if mark.question in grades and mark.points is not None
                         and mark.question in {c.id for c in report.checks}), None)  # fmt: skip
        checks = report.score
        if override is not None:
            checks += (override.points or 0.0) - next(
                c.score or 0.0 for c in report.checks if c.id == override.question
            )
        assert abs(entry.score - (checks + marks)) < 1e-9, f"{who}: {entry.score} is not {checks} + {marks}"
        assert row.raw_score is not None
        assert abs(entry.score - row.raw_score) < 1e-9, who
        penalty = entry.late_submission_penalty or 0.0
        late = person.days > 0 and person.student not in assignment.extensions
        assert (penalty > 0) == late, f"{who}: penalty {penalty}"
        assert row.final_score is not None
        assert abs(max(0.0, entry.score - penalty) - row.final_score) < 1e-6, who
        assert entry.max_score == row.max_score, who
        self.rows.append(
            Row(
                assignment.name,
                person.student,
                person.role,
                report.score,
                marks,
                penalty,
                row.final_score,
                entry.score - penalty,
            )
        )

    def look_at_feedback(self, assignment: Assignment, people: Sequence[Person]) -> None:
        """A page and a zip for each, with the report, the score and what people said; nothing of anybody else's."""
        name = assignment.name
        for person in people:
            folder = self.layout.feedback(name, person.student)
            page = (folder / f"{name}.html").read_text(encoding="utf-8")
            assert "<script" not in page, person.student
            with zipfile.ZipFile(folder / "bundle.zip") as bundle:
                inside = {Path(item).name for item in bundle.namelist()}
                assert {"index.html", "report.json", f"{name}.html"} <= inside, (person.student, inside)
                told = next(item for item in bundle.namelist() if item.endswith("report.json"))
                score = json.loads(bundle.read(told))["score"]
            (row,) = [row for row in self.rows if (row.assignment, row.student) == (name, person.student)]
            assert score == row.checks, person.student
            if person.answers:
                assert "step is missing" in page, person.student
            for other in people:
                assert other is person or f"/{other.student}/" not in page, (person.student, other.student)

    def finish(self) -> None:
        """The exported grades are these, and the two sides agree as a whole."""
        path = self.fresh.folder / "grades.csv"
        self.fresh.run("nbgrader", "export", "--to", str(path))
        exported = {
            (line["assignment"], line["student_id"]): line
            for line in csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))
        }
        for row in self.rows:
            line = exported[row.assignment, row.student]
            assert abs(float(line["score"]) - row.final) < 1e-5, (row, line)
            assert abs(float(line["late_submission_penalty"]) - row.penalty) < 1e-5, (row, line)
            assert line["needs_manual_grade"] == "no", (row, line)
        walked = {row.assignment for row in self.rows}
        for (name, student), line in exported.items():
            if name in walked and student not in {row.student for row in self.rows if row.assignment == name}:
                assert float(line["score"]) == 0, line
        self.fresh.run("autograde", "gradebook", "diff", *walked)

    def pictures(self, assignment: Assignment, people: Sequence[Person], folder: Path) -> None:
        """What a browser shows of three students' feedback, where this machine has one."""
        program = find()
        if program is None:
            return
        browser = Browser(program, width=1200, height=1600)
        try:
            for number in (3, 8, 10):
                page = self.layout.feedback(assignment.name, people[number].student) / f"{assignment.name}.html"
                browser.go(page.as_uri())
                browser.picture(folder / f"{assignment.name}-{number}-top.png")
                height = browser.ask("document.documentElement.scrollHeight")
                for part, share in (("middle", 0.5), ("end", 1.0)):
                    browser.ask(f"window.scrollTo(0, {share} * {height} - 800)")
                    browser.picture(folder / f"{assignment.name}-{number}-{part}.png")
        finally:
            browser.close()


def main() -> int:
    """Walk; a path that is named with --keep has the course afterwards."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("pictures", nargs="?", default="build/nbgrader", help="where pictures of feedback go")
    reader.add_argument("--only", action="append", default=[], metavar="NAME", help="an assignment; all by default")
    reader.add_argument("--keep", metavar="DIR", help="work in this folder and leave it there")
    told = reader.parse_args()
    console = Console(width=140)
    with tempfile.TemporaryDirectory(prefix="autograde-nbgrader-") as aside:
        folder = Path(told.keep or aside).resolve()
        if folder.is_dir() and any(folder.iterdir()):
            reader.error(f"{folder} is not empty")
        course = load_course(ROOT / "autograde.yml")
        students = course.roster.students[:CLASS]
        due = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
        walk = Walk(copy_course(folder, due, students[EXTENDED].id), due)
        names = only(told.only, list(walk.course.assignments))
        try:
            walk.prepare()
            for name in names:
                assignment = walk.course.assignment(name)
                people = make_people(assignment, students)
                assert len(people) == CLASS
                for leg in (
                    walk.hand_in,
                    walk.grade,
                    walk.resubmit,
                    walk.mark,
                    walk.hand_back,
                    walk.compare,
                    walk.look_at_feedback,
                ):
                    if leg == walk.hand_in:
                        walk.release(assignment)
                    leg(assignment, people)
                walk.pictures(assignment, people, Path(told.pictures))
                console.print(f"{name}: {len(people)} students agree")
            walk.finish()
        finally:
            tables(walk.rows, walk.fresh.steps, console)
    console.print(f"{len(walk.rows)} students of {len(names)} assignments: the gradebook's scores are our reports' own")
    return 0


if __name__ == "__main__":
    sys.exit(main())
