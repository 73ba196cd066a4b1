"""Archives for platforms: Moodle's feedback files, Gradescope's results, and a grader for its container."""

from __future__ import annotations

import io
import json
import re
import subprocess
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grader.cli.main import app
from grader.course import load_course
from grader.errors import MachineError, UsageError
from grader.exports import (
    ARCHIVES,
    Grade,
    GradeState,
    Source,
    gradescope_autograder,
    gradescope_run,
    open_archive,
    read_table,
)
from grader.exports.gradescope_results import as_json, results
from grader.records import CheckResult, Metric, Place, Report, Verdict
from grader.store import Store
from tests.support import lms_files, lms_readers
from tests.support.builder import Homework, build_course

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


def check(number=1, score: float | None = 3.0, **more):
    fields = {"title": f"Check {number}", "verdict": Verdict.PARTIAL, "max_score": 4.0, **more}
    return CheckResult(id=f"test_{number}", score=score, **fields)


def report(*checks, verdict=Verdict.PARTIAL, score: float | None = 3.0, **more):
    return Report(
        assignment="backprop", verdict=verdict, score=score, max_score=4.0, checks=checks or (check(),), seed=1,
        profile="cpu", grader_version="v", submission_digest="0" * 64, **more,
    )  # fmt: skip


def hand_in(course, owner, what=None, at=NOON):
    store = Store(course.state)
    submission, _ = store.put_submission("backprop", owner, {"a.py": owner.encode()}, received_at=at)
    if what is not None:
        store.record(submission, what.model_copy(update={"submission_digest": submission.digest}))


@pytest.fixture
def course(tiny_course):
    """The tiny course: a team of two has 3 of 4 points, kurt is held, evelyn is not graded."""
    course = load_course(tiny_course)
    hand_in(course, "team-rho", report())
    hand_in(
        course,
        "kurt",
        report(check(score=None, verdict=Verdict.GRADER_ERROR), verdict=Verdict.GRADER_ERROR, score=None),
    )
    hand_in(course, "evelyn")
    return course


def source_of(course):
    return Source(course, course.assignment("backprop"), Store(course.state))


def worksheet(course, path):
    rows = [Grade(s.id, s.name, s.email or "", True, GradeState.NOT_SUBMITTED) for s in course.roster.students]
    path.write_bytes(lms_files.moodle_worksheet(rows))
    return path


def export(course, *arguments):
    return CliRunner().invoke(app, ["export", "backprop", "--course", str(course.path), *map(str, arguments)])


def members(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {info.filename: archive.read(info) for info in archive.infolist()}


def safe(name):
    """Whether a member's name leads nowhere but into the folder that the zip is unpacked in, on any system."""
    parts = name.split("/")
    return (
        name.isprintable()
        and not any(part in ("", ".", "..") or part != part.strip(" .") or len(part) > 120 for part in parts)
        and not any(sign in name for sign in '\\:*?"<>|\u202e\u200f\x00')
    )


# -- Moodle's feedback -----------------------------------------------------------------------------------------------------


def test_moodle_finds_each_participants_page(course, tmp_path):
    """The team's two members have one each; who is held or not graded has none, and is named."""
    path = tmp_path / "feedback.zip"
    sheet = worksheet(course, tmp_path / "worksheet.csv")
    result = export(course, "--format", "moodle-feedback", "--into", sheet, "--out", path)
    assert result.exit_code == 1  # kurt and evelyn wait
    assert "not written (held): kurt" in result.output
    found = lms_readers.moodle_feedback(path.read_bytes(), range(500, 510))
    assert {number: list(files) for number, files in found.items()} == {500: ["feedback.html"], 501: ["feedback.html"]}
    assert b"Ada Lovelace" in found[500]["feedback.html"]
    assert b"Grace Hopper" in found[501]["feedback.html"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_same_results_make_the_same_archive(course, tmp_path):
    """So that Moodle skips pages that it has. The time on the page is that of its making."""
    sheet = read_table(worksheet(course, tmp_path / "worksheet.csv"))
    one, other = (open_archive("moodle-feedback").pack(source_of(course), sheet).content for _ in range(2))
    assert list(members(one)) == list(members(other))
    results_of = open_archive("gradescope-results")
    assert results_of.pack(source_of(course), None).content == results_of.pack(source_of(course), None).content


def test_moodles_zip_needs_the_worksheet(course, tmp_path):
    """Not another table, and not none."""
    result = export(course, "--format", "moodle-feedback")
    assert (result.exit_code, "is made for Moodle's grading worksheet" in result.output) == (2, True)
    other = tmp_path / "report.csv"
    other.write_bytes(lms_files.moodle_report([Grade("ada", "Ada", "ada@example.org", True, GradeState.HELD)]))
    result = export(course, "--format", "moodle-feedback", "--into", other)
    assert (result.exit_code, "no column Identifier" in result.output) == (2, True)


@pytest.mark.slow
def test_a_thousand_hostile_names_harm_no_member_and_no_page(tmp_path, tiny_course):
    """Every participant gets the own page under a harmless name, and no page runs what a student is called."""
    names = [name.replace("\x00", "") for name in lms_files.hostile(1000)]
    text = json.dumps(
        {
            "course": {"name": "Tiny", "timezone": "UTC"},
            "roster": {"students": [{"id": f"s{n}", "name": name or "x"} for n, name in enumerate(names)]},
            "assignments": {"backprop": {"title": "Backpropagation", "files": ["backprop.py"]}},
        }
    )
    folder = build_course(
        tmp_path / "hostile",
        # What JSON writes as a surrogate pair is a character in YAML.
        re.sub(r"\\ud[89ab]..\\ud[c-f]..", lambda pair: str(json.loads(f'"{pair[0]}"')), text),
        Homework("backprop", {"backprop.py": '"""A solution."""\n'}),
    ).parent
    course = load_course(folder)
    # Twenty pages with fifty hostile texts each: a page costs more than a text.
    few = range(0, 1000, 50)
    store = Store(course.state)
    for n in few:
        checks = [
            check(number, message=text, hint=text, output=text, title=text or "x")
            for number, text in enumerate(names[n : n + 50], 1)
        ]
        submission, _ = store.put_submission("backprop", f"s{n}", {"a.py": f"{n}".encode()}, received_at=NOON)
        made = report(*checks, message=names[n]).model_copy(update={"submission_digest": submission.digest})
        store.record(submission, made)
    rows = [Grade(f"s{n}", name, f"s{n}@x.org", True, GradeState.HELD) for n, name in enumerate(names)]
    data = lms_files.moodle_worksheet(rows).replace(b"Email address", b"ID number").replace(b"@x.org", b"")
    packed = open_archive("moodle-feedback").pack(source_of(course), read_table(Path("worksheet.csv"), data))
    files = members(packed.content)
    assert all(map(safe, files))
    found = lms_readers.moodle_feedback(packed.content, range(500, 1500))
    assert sorted(found) == [500 + n for n in few]
    for number, pages in found.items():
        text = pages["feedback.html"].decode()
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert "\u202e" not in text, number
    packed = open_archive("gradescope-results").pack(source_of(course), None)
    files = members(packed.content)
    assert all(map(safe, files))
    assert sorted(files) == sorted(f"s{n}/results.json" for n in few)
    for data in files.values():
        total, seen, tests = lms_readers.gradescope_results(data)
        assert (total, seen, len(tests)) == (3.0, True, 50)
        text = "".join(test["name"] + test["output"] for test in tests.values())
        assert not any(sign in text for sign in "\x00\x1b\u202e\u200f\x07")


def test_every_name_makes_a_harmless_member():
    """Also one that is a path, a device of Windows, or imitates another participant's folder."""
    from grader.exports.archive import member_name

    for name in [*lms_files.hostile(1000, seed=7), "", "../../etc/passwd", "Ada_501_assignfeedback_file_"]:
        part = f"{member_name(name, otherwise='Participant')}_7_assignfeedback_file_"
        assert safe(part), name
        assert part.split("_", 4)[1:4] == ["7", "assignfeedback", "file"]


# -- Gradescope's results --------------------------------------------------------------------------------------------------


def test_gradescope_reads_each_students_results(course, tmp_path):
    """The totals are those of the grades, lateness counted; who is held has no file, rather than a zero."""
    path = tmp_path / "results.zip"
    assert export(course, "--format", "gradescope-results", "--out", path).exit_code == 1
    found = {name: lms_readers.gradescope_results(data)[0] for name, data in members(path.read_bytes()).items()}
    assert found == {"ada/results.json": 3.0, "grace/results.json": 3.0}
    hand_in(course, "0012", report(), at=datetime(2026, 12, 6, tzinfo=UTC))
    assert export(course, "--format", "gradescope-results", "--out", path).exit_code == 1
    total, _, tests = lms_readers.gradescope_results(members(path.read_bytes())["0012/results.json"])
    assert (total, tests["1"]["score"]) == (pytest.approx(2.4), 3.0)


def test_results_keep_what_students_may_see():
    """A hidden check has title and points alone; an after_due one waits in Gradescope; staff text is nowhere."""
    made = report(
        check(
            1,
            message="wrong",
            hint="try",
            output="42",
            staff="traceback",
            place=Place(file="a.py", line=3, first=1, lines=()),
        ),
        check(2, message="secret", visibility="hidden"),
        check(3, message="later", visibility="after_due"),
        check(4, score=4.0, verdict=Verdict.ACCEPTED, hint="not needed"),
    )
    _, seen, tests = lms_readers.gradescope_results(as_json(results(made)))
    assert tests["1"]["output"] == "a.py:3\n\nwrong\n\nHint: try\n\nPrinted:\n42"
    assert (tests["2"]["output"], tests["2"]["score"], tests["2"]["visibility"]) == ("", 3.0, "visible")
    assert (tests["3"]["output"], tests["3"]["visibility"]) == ("later", "after_due_date")
    assert (tests["4"]["output"], tests["4"]["status"]) == ("", "passed")
    assert not seen
    assert "traceback" not in as_json(results(made)).decode()


def test_results_have_the_leaderboard(course):
    """By the course's titles and directions; a metric that is not finite is left out."""
    columns = course.assignment("backprop").leaderboard
    made = report(metrics={"test_accuracy": Metric(name="test_accuracy", value=0.9)})
    assert results(made, columns)["leaderboard"] == [{"name": "Accuracy", "value": 0.9, "order": "desc"}]
    made = report(metrics={"test_accuracy": Metric(name="test_accuracy", value=None)})
    assert results(made, columns)["leaderboard"] == []


def test_a_held_report_has_no_results():
    """Gradescope would show a zero."""
    with pytest.raises(ValueError, match="held"):
        results(report(verdict=Verdict.SYSTEM_ERROR, score=None))


# -- Gradescope's container ------------------------------------------------------------------------------------------------


@pytest.fixture
def container(course, monkeypatch, tmp_path):
    """The autograder zip, unpacked."""
    monkeypatch.setattr(gradescope_autograder, "own_wheel", lambda: ("autograde-0-py3-none-any.whl", b"wheel"))
    (course.root / "assignments" / "backprop" / "variants.yml").write_text("secret variants")
    packed = open_archive("gradescope-autograder").pack(source_of(course), None)
    folder = tmp_path / "source"
    with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
        archive.extractall(folder)
        modes = {info.filename: info.external_attr >> 16 & 0o777 for info in archive.infolist()}
    assert (modes["setup.sh"], modes["run_autograder"], modes["README.txt"]) == (0o755, 0o755, 0o644)
    return folder


def test_the_zip_has_a_grader_and_nothing_of_the_class(course, container):
    """It loads as a course of one assignment that grades alike, with another secret, and without roster and variants."""
    packed = load_course(container / "course")
    assert (list(packed.assignments), packed.roster.students) == (["backprop"], ())
    assert packed.sandbox.minimum == ("landlock", "seccomp")
    from grader.course import course_secret, grader_version

    ours = grader_version(course.assignment("backprop"), "cpu")
    assert grader_version(packed.assignment("backprop"), "cpu") == ours
    secret = course_secret(course.state)
    assert course_secret(packed.state) != secret
    everything = b"".join(path.read_bytes() for path in container.rglob("*") if path.is_file())
    for word in (b"Ada Lovelace", b"ada@example.org", secret.hex().encode(), b"secret variants"):
        assert word not in everything


def test_the_zip_says_what_it_needs(container):
    """Memory, time, points and Python; scripts are such that bash reads them, and stand at the root."""
    text = (container / "README.txt").read_text()
    for words in ("at least 4096 MB", "Python 3.11", "at least 3 minutes", "Autograder points: 4"):
        assert words in text
    for name in ("setup.sh", "run_autograder"):
        subprocess.run(["bash", "-n", str(container / name)], check=True)
        assert (container / name).read_bytes().startswith(b"#!")
    assert "torch==" in (container / "requirements.txt").read_text()
    assert "+cu" not in (container / "requirements.txt").read_text()


def test_a_profile_for_a_gpu_is_refused(tiny_course):
    """Gradescope has none."""
    path = tiny_course / "autograde.yml"
    path.write_text(path.read_text().replace("gpu: {data", "gpu: {device: cuda, data"))
    course = load_course(path)
    source = Source(course, course.assignment("backprop"), Store(course.state), "gpu")
    with pytest.raises(UsageError, match="no GPU"):
        open_archive("gradescope-autograder").pack(source, None)


def run(container, monkeypatch, made, *arguments):
    monkeypatch.setattr(gradescope_run, "grade", lambda *_: made)
    out = container / "results" / "results.json"
    code = gradescope_run.main(
        ["backprop", "--course", str(container / "course"), "--submission", "x", "--out", str(out), *arguments]
    )
    return code, out.read_bytes() if out.exists() else None


def test_the_container_writes_results(container, monkeypatch):
    """What Gradescope then reads is the report's score."""
    code, data = run(container, monkeypatch, report())
    assert (code, lms_readers.gradescope_results(data)[0]) == (0, 3.0)


def test_what_is_held_writes_no_results(container, monkeypatch, capsys):
    """Gradescope says that the autograder failed; staff read why, and no student has a zero."""
    held = report(
        check(score=None, verdict=Verdict.GRADER_ERROR, staff="boom"), verdict=Verdict.GRADER_ERROR, score=None
    )
    assert run(container, monkeypatch, held) == (1, None)
    assert "test_1: grader_error\nboom" in capsys.readouterr().out


def test_a_container_that_is_too_small_says_so(tmp_path, container, monkeypatch, capsys):
    """Before torch is imported, with the place of the setting."""
    limit = tmp_path / "memory.max"
    limit.write_text(f"{768 * 2**20}\n")
    with pytest.raises(MachineError, match="has 768 MB of memory, and grading needs 4096 MB"):
        gradescope_run.check_memory(4096, [tmp_path / "none", limit])
    limit.write_text("max\n")
    gradescope_run.check_memory(4096, [limit])
    limit.write_text(f"{768 * 2**20}\n")
    monkeypatch.setattr(gradescope_run, "_LIMITS", (limit,))
    assert run(container, monkeypatch, report(), "--memory", "4096") == (3, None)
    assert "Container Specifications" in capsys.readouterr().out


def test_every_archive_is_tried_here():
    """One that is added has its tests."""
    assert ARCHIVES.names() == ("moodle-feedback", "gradescope-results", "gradescope-autograder")
