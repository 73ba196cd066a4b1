"""nbgrader's gradebook beside our store: scores once, marks kept, agreement in both directions, and drift named."""

from __future__ import annotations

import csv
import dataclasses
import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from grader.cli.main import app
from grader.course import load_course
from grader.errors import AuthoringError
from grader.files import remove_tree
from grader.nbgrader import attempts
from grader.nbgrader.check_points import check_notebook
from grader.nbgrader.diff import differences
from grader.nbgrader.feedback_bundle import assemble
from grader.nbgrader.layout import NbgraderLayout, open_gradebook
from grader.nbgrader.run_step import run_step
from grader.nbgrader.sync import sync
from grader.nbgrader.transfer import take_in
from grader.reports import publish_feedback
from grader.store import Ledger, Store
from tests.support import gradebook as small

# nbgrader and its database layer warn of their own doings.
pytestmark = pytest.mark.filterwarnings("ignore")
IN_TIME = datetime(2030, 1, 10, 11, tzinfo=UTC)
"""Before the due date."""


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A course whose source and release nbgrader has made; tests work on copies of what it hands out."""
    return prepared(tmp_path_factory.mktemp("course"))


def prepared(root):
    course = load_course(small.write_course(root))
    layout = NbgraderLayout(course)
    sync(layout, list(course.assignments.values()), wheel=False)
    assert run_step(layout, "GenerateAssignment", "hw") == ""
    return layout


def blank(layout):
    return (layout.released("hw") / "hw.ipynb").read_bytes()


def hand_in(layout, student, *, scores=(4.0, 2.5, 1.5), received=IN_TIME, text="x = 1\n", **fields):
    """Store a submission with its report, as `collect` and `grade` do."""
    assignment, store = layout.course.assignment("hw"), layout.store
    files = {"work.py": f"# {student}\n{text}".encode(), "hw.ipynb": blank(layout)}
    submission = store.put_submission("hw", student, files, received_at=received)[0]
    if scores is not None:
        store.record(submission, small.report_of(assignment, files, scores, **fields))
    return submission


def in_step(layout):
    done = sync(layout, [layout.course.assignment("hw")], wheel=False)
    assert done.problems == []
    return done


def diff(layout):
    return differences(layout, [layout.course.assignment("hw")])


def grades(layout, student):
    with open_gradebook(layout) as gradebook:
        notebook = gradebook.find_submission_notebook("hw", "hw", student)
        return {
            grade.name: (grade.auto_score, grade.manual_score, grade.needs_manual_grade) for grade in notebook.grades
        }


def total(layout, student):
    with open_gradebook(layout) as gradebook:
        submission = gradebook.find_submission("hw", student)
        return submission.score, submission.late_submission_penalty or 0, submission.max_score


def mark(layout, student, points, comment="well said", question="why"):
    """What formgrader does when somebody types points and a comment."""
    with open_gradebook(layout) as gradebook:
        grade = gradebook.find_grade(question, "hw", "hw", student)
        grade.manual_score, grade.needs_manual_grade = points, False
        if question == "why":
            gradebook.find_comment(question, "hw", "hw", student).manual_comment = comment
        gradebook.db.commit()


def row(layout, student):
    rows = layout.store.standing(layout.course, layout.course.assignment("hw"), by="student")
    return next(item for item in rows if item.owner == student)


def upload(layout, student, work, secret, when):
    """What `nbgrader collect` leaves of an upload that came by the exchange."""
    folder = layout.submitted("hw", student)
    folder.mkdir(parents=True)
    (folder / "work.py").write_text(work)
    (folder / "hw.ipynb").write_bytes(blank(layout))
    (folder / "timestamp.txt").write_text(when)
    (folder / "submission_secret.txt").write_text(secret)


def answered(layout, student, words="an answer"):
    """The same submission with its question answered."""

    def write(cells):
        for cell in cells:
            if cell["metadata"].get("nbgrader", {}).get("grade_id") == "why":
                cell["source"] = words

    return small.edited(blank(layout), write)


@pytest.fixture(scope="module")
def graded(base):
    """Eight students: full marks, partial, none, held, late, very late, answered; graded by nbgrader, never executed."""
    assignment = base.course.assignment("hw")
    hand_in(base, "ada")
    hand_in(base, "alan", scores=(2.0, 2.5, 0.0))
    hand_in(base, "emmy", scores=(0.0, 0.0, 0.0))
    hand_in(base, "grace", scores=(4.0, None, 1.5))
    hand_in(base, "hedy", scores=(1 / 3, 2.5, 0.0), received=IN_TIME + timedelta(days=1, hours=3))
    hand_in(base, "kurt", received=IN_TIME + timedelta(days=9))
    files = {"work.py": b"# radia\n", "hw.ipynb": answered(base, "radia")}
    submission = base.store.put_submission("hw", "radia", files, received_at=IN_TIME)[0]
    base.store.record(submission, small.report_of(assignment, files, (4.0, 0.0, 0.0)))
    in_step(base)
    assert run_step(base, "Autograde", "hw") == ""
    in_step(base)
    return base


def test_scores_are_the_reports_own(graded):
    """Every check's score is the report's to the last digit; a held one has none and waits for a person."""
    assert {name: told[0] for name, told in grades(graded, "hedy").items()} == {
        "test_double": 1 / 3, "test_half": 2.5, "test_both": 0.0, "why": 0.0,
    }  # fmt: skip
    assert grades(graded, "grace")["test_half"] == (None, None, True)
    assert grades(graded, "grace")["test_double"] == (4.0, None, False)
    assert grades(graded, "radia")["why"] == (None, None, True)
    assert grades(graded, "ada")["why"] == (0.0, None, False), "an answer that is the stub's own needs nobody"
    assert diff(graded) == []


def test_lateness_costs_what_our_reports_say(graded):
    """Two days begun cost a fifth, nine days cost everything; in time costs nothing."""
    score, penalty, most = total(graded, "hedy")
    assert (score, most) == pytest.approx((1 / 3 + 2.5, 13))
    assert score - penalty == pytest.approx(row(graded, "hedy").final_score)
    assert penalty == pytest.approx(0.2 * score)
    assert total(graded, "kurt")[:2] == (8.0, 8.0)
    assert total(graded, "ada")[:2] == (8.0, 0)


def test_cells_show_the_report(graded):
    """A number where something was earned, an error where nothing was, the message and hint, never stderr."""
    import nbformat

    cells = {
        student: {
            cell.metadata.nbgrader.grade_id: cell
            for cell in nbformat.read(graded.autograded("hw", student) / "hw.ipynb", 4).cells
            if cell.metadata.get("nbgrader", {}).get("grade")
        }
        for student in ("alan", "grace")
    }
    partial = cells["alan"]["test_double"].outputs
    assert [output.output_type for output in partial] == ["stream", "execute_result"]
    assert partial[0].name == "stdout"
    assert "what is wrong with test_double" in partial[0].text
    assert "Add it to itself." in partial[0].text
    assert partial[1].data == {"text/plain": "2.0"}
    (none,) = cells["alan"]["test_both"].outputs
    assert none.output_type == "error"
    (held,) = cells["grace"]["test_half"].outputs
    assert (held.output_type, held.ename) == ("error", "HeldForStaff")
    assert "for staff: Traceback" in "\n".join(held.traceback)


def test_marks_and_comments_survive_grading_again_and_reach_every_total(graded):
    """Marked in formgrader, stored by us with who and when, kept by a forced autograde, part of all totals."""
    mark(graded, "radia", 4.5)
    in_step(graded)
    assert run_step(graded, "Autograde", "hw", "radia") == ""
    assert grades(graded, "radia")["why"] == (None, 4.5, False)
    kept = graded.store.marks("hw")["radia"]["why"]
    assert (kept.points, kept.comment, kept.submission_id) == (4.5, "well said", row(graded, "radia").submission.id)
    assert kept.marker
    assert (row(graded, "radia").raw_score, row(graded, "radia").max_score) == (8.5, 13.0)
    assert total(graded, "radia")[0] == 8.5
    assert diff(graded) == []
    folder = graded.course.root / "pages"
    publish_feedback(graded.course, graded.course.assignment("hw"), graded.store, folder)
    page = (folder / "radia" / "index.html").read_text()
    assert "well said" in page
    assert "8.5 <small>of 13 points" in page


def test_a_mark_on_a_held_check_settles_it(graded):
    """Staff give the points that the broken check could not; both sides count them."""
    mark(graded, "grace", 2.0, question="test_half")
    in_step(graded)
    assert row(graded, "grace").raw_score == 7.5
    assert total(graded, "grace")[0] == 7.5
    assert diff(graded) == []


def test_export_counts_everything_and_quotes(graded, tmp_path):
    """One row a student, written part and lateness included; a name with a comma stays one cell."""
    from grader.nbgrader.plugins import GradesCsv

    with open_gradebook(graded) as gradebook:
        GradesCsv(to=str(tmp_path / "grades.csv"), course_file=str(graded.course.path)).export(gradebook)
    with (tmp_path / "grades.csv").open() as stream:
        rows = {line["student_id"]: line for line in csv.DictReader(stream)}
    assert rows["hedy"]["last_name"] == "Jr"
    assert rows["hedy"]["first_name"] == "Hedy Smith,"
    for student in ("ada", "alan", "hedy", "kurt", "radia"):
        assert float(rows[student]["score"]) == pytest.approx(row(graded, student).final_score, abs=1e-5)
    assert {rows[student]["status"] for student in ("ada", "alan", "hedy", "kurt", "radia")} == {"graded"}
    assert (rows["sofya"]["score"], rows["sofya"]["status"]) == ("0", "nothing handed in")


def test_feedback_is_for_its_student(graded):
    """No hidden check's message, no rubric, nothing for staff; report, files and a zip are in the bundle."""
    assert run_step(graded, "GenerateFeedback", "hw", "alan") == ""
    folder = graded.feedback("hw", "alan")
    page = (folder / "hw.html").read_text()
    assert "what is wrong with test_double" in page
    assert "Add it to itself." in page
    assert '<a href="#test_double">test_double</a>' in page
    style = page.partition('<template shadowrootmode="open">')[2].partition("</style>")[0]
    assert "max-width: 928px" in style, "58rem: nbgrader's page makes a rem of 10 pixels"
    assert "rem;" not in style
    for secret in (
        "¶",
        "what is wrong with test_both",
        "model answer",
        "Everything.",
        "for staff: Traceback",
        "<script",
    ):
        assert secret not in page, secret
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} == {
        "hw.html", "bundle.zip", "report/index.html", "report/report.json", "files/work.py", "timestamp.txt",
        "submission_secret.txt",
    }  # fmt: skip
    told = json.loads((folder / "report" / "report.json").read_text())
    assert [check["message"] for check in told["checks"]][2] == ""


def test_another_attempt_and_another_submission_reach_the_gradebook(graded):
    """Graded again, and handed in again: after a sync the gradebook has the attempt that counts."""
    assignment = graded.course.assignment("hw")
    submission = row(graded, "emmy").submission
    files = graded.store.files(submission)
    graded.store.record(submission, small.report_of(assignment, files, (4.0, 0.0, 0.0)))
    assert {item.student for item in diff(graded)} == {"emmy"}
    in_step(graded)
    assert diff(graded) == []
    hand_in(graded, "emmy", scores=(4.0, 2.5, 0.0), received=IN_TIME + timedelta(minutes=1), text="y = 2\n")
    assert {item.what for item in diff(graded)} == {"submission"}
    in_step(graded)
    assert diff(graded) == []
    assert total(graded, "emmy")[0] == 6.5


def test_what_nbgrader_collected_is_stored_and_graded_once(graded, monkeypatch):
    """A folder that came by the exchange becomes a submission; its report is looked up, and graded where there is none."""
    upload(graded, "sofya", "# sofya\n", "secret", "2030-01-10 11:30:00.000000 UTC")
    assignment, calls = graded.course.assignment("hw"), []

    def grade(layout, store, item, submission):
        calls.append(submission.owner)
        return store.record(submission, small.report_of(item, store.files(submission), (2.0, 2.5, 1.5)))

    monkeypatch.setattr(attempts, "_grade", grade)
    assert run_step(graded, "Autograde", "hw", "sofya") == ""
    assert run_step(graded, "Autograde", "hw", "sofya") == ""
    assert calls == ["sofya"]
    submission = take_in(graded, graded.store, "hw", "sofya")
    assert submission.received_at == datetime(2030, 1, 10, 11, 30, tzinfo=UTC)
    assert sorted(file.path for file in submission.files) == ["hw.ipynb", "work.py"]
    assert total(graded, "sofya")[0] == 6.0
    assert assignment.kept_fraction(submission.received_at) == 1.0
    in_step(graded)
    assert diff(graded) == []


def test_what_has_no_report_is_graded_in_the_sandbox(graded):
    """Within nbgrader's own command, for real: a notebook alone, one function right, one wrong, its test cells made up."""
    code = "%%part work.py\ndef double(x):\n    return 2 * x\n\n\ndef half(x):\n    return x\n"

    def write(cells):
        for cell in cells:
            told = cell["metadata"].get("nbgrader", {})
            if told.get("grade_id") == "part-work-double":
                cell["source"] = code
            elif told.get("grade") and cell["cell_type"] == "code":
                cell |= {"source": "8", "outputs": [{"output_type": "execute_result", "data": {"text/plain": "8"}}]}

    folder = graded.submitted("hw", "team0")
    folder.mkdir(parents=True)
    (folder / "hw.ipynb").write_bytes(small.edited(blank(graded), write))
    (folder / "timestamp.txt").write_text("2030-01-10 11:30:00.000000 UTC")
    try:
        assert run_step(graded, "Autograde", "hw", "team0") == ""
    finally:
        attempts._WARM.close()  # nbgrader's own process keeps it until it ends
    in_step(graded)
    attempt = row(graded, "team0").attempt
    report = graded.store.reports([attempt.id])[attempt.id]
    assert [check.verdict.value for check in report.checks] == ["accepted", "wrong_answer", "wrong_answer"]
    assert "taken from `hw.ipynb`" in report.message
    assert {name: told[0] for name, told in grades(graded, "team0").items()} == {
        "test_double": 4.0, "test_half": 0.0, "test_both": 0.0, "why": 0.0,
    }  # fmt: skip
    assert diff(graded) == []


def test_feedback_stays_with_the_upload_that_it_is_for(graded):
    """A worse upload comes by the exchange: the better one is handed over again, with the secret its student looks by."""
    first = (graded.submitted("hw", "sofya") / "submission_secret.txt").read_text()
    remove_tree(graded.submitted("hw", "sofya"))
    upload(graded, "sofya", "# worse\n", "another secret", "2030-01-10 11:40:00.000000 UTC")
    in_step(graded)
    submission = next(
        item for item in graded.store.submissions("hw") if b"worse" in graded.store.files(item).get("work.py", b"")
    )
    files = graded.store.files(submission)
    graded.store.record(submission, small.report_of(graded.course.assignment("hw"), files, (0.0, 0.0, 0.0)))
    in_step(graded)
    folder = graded.submitted("hw", "sofya")
    assert (folder / "work.py").read_text() == "# sofya\n"
    assert (folder / "submission_secret.txt").read_text() == first == "secret"
    assert graded.handed("hw", "sofya").secrets[str(submission.id)] == "another secret"
    assert total(graded, "sofya")[0] == 6.0
    assert diff(graded) == []


def test_decisions_of_the_store_reach_the_gradebook(graded):
    """An extension and an override that were given by a command make the gradebook's number the store's."""
    ledger, now = Ledger(graded.course, graded.store), datetime(2030, 1, 20, tzinfo=UTC)
    before = total(graded, "hedy")
    due = graded.course.assignment("hw").due
    ledger.extend("hw", "hedy", due + timedelta(days=1), author="staff", comment="ill", now=now)
    in_step(graded)
    assert diff(graded) == []
    score, penalty, _ = total(graded, "hedy")
    assert penalty == pytest.approx(0.1 * score), "two days late for all, one for her"
    for points in (score + 1.5, 0.25):
        ledger.override("hw", "hedy", points, author="staff", comment="set by hand", now=now)
        assert {(item.student, item.what) for item in diff(graded)} == {("hedy", "late penalty")}
        in_step(graded)
        assert diff(graded) == []
        score, penalty, _ = total(graded, "hedy")
        assert score - penalty == pytest.approx(points) == row(graded, "hedy").final_score
    ledger.override("hw", "hedy", None, author="staff", comment="taken back", now=now)
    ledger.extend("hw", "hedy", None, author="staff", comment="taken back", now=now)
    in_step(graded)
    assert diff(graded) == []
    assert total(graded, "hedy") == before


def test_an_extension_counts_in_both(graded):
    """One in autograde.yml reaches the gradebook and every lateness; one that was granted there alone is told, and kept."""
    path = graded.course.path
    before = path.read_text()
    path.write_text(
        before.replace(
            "    due: 2030-01-10T12:00\n", "    due: 2030-01-10T12:00\n    extensions: {hedy: 2030-01-11T12:00}\n"
        )
    )
    try:
        layout = NbgraderLayout(load_course(path))
        assert {(item.student, item.what) for item in diff(layout)} >= {("hedy", "extension"), ("hedy", "late penalty")}
        in_step(layout)
        assert diff(layout) == []
        score, penalty, _ = total(layout, "hedy")
        assert penalty == pytest.approx(0.1 * score), "two days late for all, one for her"
        assert score - penalty == pytest.approx(row(layout, "hedy").final_score)
        with open_gradebook(layout) as gradebook:
            assert gradebook.find_submission("hw", "hedy").extension == timedelta(days=1)
            gradebook.grant_extension("hw", "kurt", days=3)
        in_step(layout)
        (told,) = diff(layout)
        assert (told.student, told.what, told.ours, told.gradebook) == (
            "kurt",
            "extension",
            "0:00:00",
            "3 days, 0:00:00",
        )
        assert "autograde extend hw kurt --until 2030-01-13T12:00" in told.fix
        with open_gradebook(layout) as gradebook:
            gradebook.grant_extension("hw", "kurt")
    finally:
        path.write_text(before)
    in_step(graded)
    assert diff(graded) == []
    with open_gradebook(graded) as gradebook:
        assert gradebook.find_submission("hw", "hedy").extension is None, (
            "what was given by the course is taken back with it"
        )


def test_an_assignment_that_nobody_handed_in_need_not_be_in_the_gradebook(graded):
    """A course may keep some of its assignments in nbgrader; one with submissions of which it knows nothing is a difference."""
    later = dataclasses.replace(graded.course.assignment("hw"), name="later")
    assert differences(graded, [later]) == []
    graded.store.put_submission("later", "ada", {"work.py": b"x = 1"}, received_at=IN_TIME)
    (missing,) = differences(graded, [later])
    assert (missing.assignment, missing.what, missing.fix) == ("later", "assignment", "autograde gradebook sync later")


def test_differences_are_told_with_exit_code_1(graded, monkeypatch):
    """Somebody edits the gradebook by hand: the command names student, cell and both numbers."""
    from typer.testing import CliRunner

    runner = CliRunner()
    arguments = ["gradebook", "diff", "hw", "--course", str(graded.course.path), "--json"]
    assert runner.invoke(app, arguments).exit_code == 0
    with open_gradebook(graded) as gradebook:
        gradebook.find_grade("test_double", "hw", "hw", "ada").auto_score = 1.0
        gradebook.db.commit()
    result = runner.invoke(app, arguments)
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert ("ada", "score of test_double", "4", "1") in {
        (item["student"], item["what"], item["ours"], item["gradebook"]) for item in told
    }
    assert run_step(graded, "Autograde", "hw", "ada") == ""
    assert runner.invoke(app, arguments).exit_code == 0


def test_a_new_gradebook_gets_the_marks_back(graded, monkeypatch):
    """The store is complete: a lost gradebook is made anew from it, marks and comments included."""
    monkeypatch.setenv("AUTOGRADE_GRADEBOOK_DB", f"sqlite:///{graded.root / 'second.db'}")
    sync(graded, [graded.course.assignment("hw")], wheel=False)
    assert run_step(graded, "GenerateAssignment", "hw") == ""
    assert run_step(graded, "Autograde", "hw") == ""
    assert in_step(graded).marks_restored >= 2
    assert grades(graded, "radia")["why"][1] == 4.5
    assert diff(graded) == []


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (
            lambda cells: cells[-1].metadata.nbgrader.update(points=100),
            "`test_both` has 100 points in the notebook and 1.5",
        ),
        (lambda cells: cells[-1].metadata.nbgrader.update(grade_id="test_half"), "`test_half` is used twice"),
        (lambda cells: cells.pop(), "`test_both` has no cell in the notebook"),
        (lambda cells: cells[-1].metadata.nbgrader.pop("grade_id"), "no grade_id"),
        (lambda cells: cells[-1].metadata.nbgrader.update(grade_id="test_new"), "no hidden check of that name"),
    ],
    ids=["points", "twice", "missing", "nameless", "unknown"],
)
def test_drift_between_notebook_and_suite_is_named(base, change, what):
    """Points and ids stand in the suite; a notebook that says otherwise is an error that names file and cell."""
    import nbformat

    path = base.source("hw") / "hw.ipynb"
    notebook = nbformat.read(path, 4)
    change(notebook.cells)
    with pytest.raises(AuthoringError, match=what) as caught:
        check_notebook(notebook, base.course.assignment("hw"), path)
    assert "hw.ipynb" in caught.value.where


def test_generate_assignment_refuses_drift(base):
    """Nbgrader's own command stops, and says which cell."""
    path = base.source("hw") / "hw.ipynb"
    good = path.read_text()
    path.write_text(good.replace('"points": 1.5', '"points": 15'))
    try:
        log = run_step(base, "GenerateAssignment", "hw")
    finally:
        path.write_text(good)
        assert run_step(base, "GenerateAssignment", "hw") == ""
    assert "`test_both` has 15 points in the notebook and 1.5 by the assignment" in log


def test_nothing_hidden_is_beside_the_notebook(base):
    """Every file of the folder is handed out: there is none but the bundle's, and no solution in the notebook."""
    from grader.release import assignment_secrets, find_leaks
    from grader.release.build import read_folder

    files = read_folder(base.released("hw"))
    assert sorted(files) == [
        ".devcontainer/devcontainer.json", "POLICIES.md", "README.md", "conftest.py", "hw.ipynb", "public/test_work.py",
        "pyproject.toml", "requirements.txt", "work.py",
    ]  # fmt: skip
    assert find_leaks(files, assignment_secrets(base.course.assignment("hw"))) == []
    assert Store(base.course.state).state == base.course.state


def test_export_leaves_blank_who_was_not_graded_there(tmp_path, monkeypatch):
    """Who handed in, and was not put through nbgrader yet, has no 0 that an LMS would import."""
    from nbgrader.api import MissingEntry

    from grader.nbgrader import plugins

    def missing(name, student):
        raise MissingEntry(f"{student} has no submission of {name}")

    student = SimpleNamespace(id="sofya", last_name="Kovalevskaya", first_name="Sofya", email="")
    assignment = SimpleNamespace(name="hw", duedate=None, max_score=13.0)
    gradebook = SimpleNamespace(assignments=[assignment], students=[student], find_submission=missing)
    rows = {}
    course = SimpleNamespace(assignments={"hw"}, assignment=lambda name: name)
    for submission in (None, object()):
        standing = [SimpleNamespace(owner="sofya", submission=submission)]
        store = SimpleNamespace(standing=lambda *_, by, standing=standing: standing)
        monkeypatch.setattr(plugins, "layout_at", lambda _, store=store: SimpleNamespace(course=course, store=store))
        plugins.GradesCsv(to=str(tmp_path / "grades.csv"), course_file="autograde.yml").export(gradebook)
        with (tmp_path / "grades.csv").open() as stream:
            (rows[submission is not None],) = csv.DictReader(stream)
    assert (rows[False]["score"], rows[False]["status"]) == ("0", "nothing handed in")
    assert (rows[True]["score"], rows[True]["raw_score"], rows[True]["status"]) == ("", "", "not graded")


def test_links_within_our_report_become_words_in_the_bundles_page():
    """Our report stands in a shadow tree, where no fragment leads: what linked to a figure says that it is below."""
    from grader.nbgrader import feedback_bundle

    report = '<style>:root { --a: 1rem }</style><main><a href="#test_a-1">See it</a> <a href="report.json">report.json</a></main>'
    page = feedback_bundle._with("<body>x</body>", {"report/index.html": report.encode()}, "")
    assert "See it, below" in page
    assert 'href="#' not in page
    assert "report/report.json in the zip" in page


@pytest.mark.parametrize(
    "head", ["<head><title>hw</title></head>", '<head><meta name="viewport" content="width=device-width"></head>']
)
def test_a_feedback_page_fits_a_telephone(head):
    """The page says once that it is as wide as the screen, whichever template nbgrader has."""
    page, _ = assemble(f"<html>{head}<body><p>hw</p></body></html>", {}, title="hw")
    assert page.count('name="viewport"') == 1
    assert page.index("Content-Security-Policy") < page.index("viewport")
