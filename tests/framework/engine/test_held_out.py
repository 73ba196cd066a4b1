"""Held-out data: whose it is, where it goes, what of it can come back, and what staff read of who seems to know it."""

from __future__ import annotations

import pytest

from grader.course import UploadConfig, held_out_key, load_course
from grader.engine.carried import compressed, sift
from grader.engine.outcomes import NOT_SHOWN
from grader.grading import grade_uploads
from grader.intake import Upload
from grader.records import Report, Verdict
from tests.support.builder import Homework, build_course

pytestmark = pytest.mark.runner

COURSE = """\
course: {name: Digits, timezone: UTC}
sandbox: {minimum: []}
assignments:
  digits:
    title: Digits
    files: [digits.py]
    data: {set: digits8x8, train: 300, test: 60, flat: true}
    profiles:
      cpu:
        limits: {wall_s: 60, cpu_s: 30, memory_mb: 512, check_s: 5}
        thresholds: {accuracy: {zero: 0.3, full: 0.6, suspect: 0.99}}
"""
WORK = '''\
"""The solution."""
import os

import torch

SEEN = []


def note(x: torch.Tensor) -> float:
    """How much was seen; the sum of x in a metric's place."""
    SEEN.append(1)
    print("noted", len(SEEN))
    return float(x.sum())


def process() -> int:
    """The number of things seen in this process."""
    print("asked")
    return len(SEEN)


def train(x: torch.Tensor, y: torch.Tensor):
    """A model."""
    SEEN.append(1)
    print("training")
    centres = torch.stack([x[y == k].mean(dim=0) for k in range(10)])
    return lambda inputs: -torch.cdist(inputs, centres)
'''
SUITE = '''\
"""Hidden checks."""
import pytest

from grader.checks import points


@points(1)
def test_a_before(student, public_data):
    """Before, on public data."""
    assert student.process() == 0, "a fresh process"
    student.note(public_data.train[0][:4])


@points(1)
def test_b_sum(student, held_out, record):
    """Held-out data, first."""
    assert student.process() == 0, "the process of earlier checks"
    record("first", student.note(held_out.inputs))


@pytest.fixture
def model(student, held_out):
    """A trained model, by a fixture that names held-out data."""
    return student.train(*held_out.train)


@points(4)
def test_c_accuracy(student, model, held_out, award, record, untrained):
    """Held-out data, again."""
    record("seen", student.process())
    record("second", float(held_out.inputs.sum()))
    untrained(held_out.known(30).accuracy(model), metric="accuracy")
    award(held_out.accuracy(model), metric="accuracy")


@points(1)
def test_d_after(student):
    """After."""
    assert student.process() == 0, "the process of held-out checks"


@points(1)
def test_e_late(request, student):
    """A check that asks for held-out data while it runs, for those who ask for it."""
    if student.has("ask_late"):
        request.getfixturevalue("held_out")
'''
FILES = {
    "solution": WORK,
    "other": WORK + "\n# other files, another attempt\n",
    "late": WORK + "\nask_late = 1\n",
    "raises": WORK.replace('    SEEN.append(1)\n    print("training")', "    raise ValueError('x' * 5000)"),
}


@pytest.fixture(scope="session")
def reports(tmp_path_factory) -> dict[str, Report]:
    """Reports by what was handed in, the solution twice."""
    root = tmp_path_factory.mktemp("digits")
    course = load_course(build_course(root, COURSE, Homework("digits", {"digits.py": WORK}, suite=SUITE)))
    uploads = {name: Upload({"digits.py": text.encode()}) for name, text in FILES.items()}
    uploads["again"] = uploads["solution"]
    uploads["carries"] = Upload(
        {"digits.py": WORK.encode(), "weights.pt": bytes(range(256)) * 40, "readme.md": b"x" * 9000}
    )
    graded = grade_uploads(course, course.assignment("digits"), list(uploads.values()), slots=1)
    return dict(zip(uploads, graded, strict=True))


def check_of(report, name):
    return next(check for check in report.checks if check.id == name)


def test_held_out_checks_have_a_worker_that_no_other_check_has(reports):
    """It is fresh when they begin, serves those that stand together, and ends with them."""
    report = reports["solution"]
    assert report.score == report.max_score, {c.id: (c.verdict.value, c.message, c.staff) for c in report.checks}
    assert report.metrics["seen"].value == 2


def test_the_test_part_belongs_to_attempt_and_check(reports):
    """Two checks of an attempt see two draws, other files others; the same files see the same again."""
    first, second = reports["solution"].metrics["first"].value, reports["solution"].metrics["second"].value
    assert len({first, second, reports["other"].metrics["first"].value, reports["other"].metrics["second"].value}) == 4
    assert reports["again"].timeless() == reports["solution"].timeless()


def test_keys_differ_by_assignment_attempt_and_check():
    """And by the course's secret; lengths of their parts cannot be shifted against each other."""
    parts = [
        ("backprop", 1, "a"),
        ("mnist", 1, "a"),
        ("mnist", 2, "a"),
        ("mnist", 2, "b"),
        ("mnis", 12, "b"),
        ("mnis", 1, "2b"),
    ]
    keys = {held_out_key(bytes(32), *part) for part in parts} | {held_out_key(b"x" * 32, *parts[0])}
    assert len(keys) == 7
    assert {len(key) for key in keys} == {32}
    assert held_out_key(bytes(32), *parts[0]) == held_out_key(bytes(32), *parts[0])


def test_what_is_printed_beside_held_out_data_is_not_shown(reports):
    """Other checks show it."""
    outputs = {check.id: check.output for check in reports["solution"].checks}
    assert outputs["test_a_before"] == "asked\nnoted 1\n"
    assert outputs["test_b_sum"] == outputs["test_c_accuracy"] == NOT_SHOWN
    assert outputs["test_d_after"] == "asked\n"


def test_an_exception_beside_held_out_data_is_short(reports):
    """Its type is told, and where it was raised; of its text little."""
    check = check_of(reports["raises"], "test_c_accuracy")
    assert check.verdict is Verdict.RUNTIME_ERROR
    assert "ValueError" in check.message
    assert len(check.message) < 700
    assert check.place is not None


def test_held_out_data_cannot_be_asked_for_while_a_check_runs(reports):
    """The worker is others' by then: staff read of the author's mistake, and no inputs cross."""
    check = check_of(reports["late"], "test_e_late")
    assert check.verdict is not Verdict.ACCEPTED
    assert "while the check was running" in check.staff


def test_a_model_that_knows_before_it_is_trained_is_reported(reports):
    """To staff, not to the student, and it costs nothing. Here the suite hands over one that is trained."""
    report = reports["solution"]
    assert [flag.partition(" ")[0] for flag in report.flags] == ["test_c_accuracy:"]
    assert "before any training" in report.flags[0]
    assert not report.for_student().flags


def test_data_files_that_are_not_taken_are_named(reports):
    """The student reads which, staff read of large ones, and a page of text is nobody's business."""
    report = reports["carries"]
    assert report.score == report.max_score
    assert "`weights.pt` (11 kB)" in report.message
    assert "readme" not in report.message
    assert "weights.pt" in report.flags[0]


SOLUTION = {"a.py": b"".join(b"def f%d(x):\n    return x + %d\n" % (k, k) for k in range(200))}


@pytest.mark.parametrize(
    ("files", "kept", "flagged"),
    [
        (SOLUTION, {"a.py"}, ""),
        ({**SOLUTION, "table.csv": b"1,2\n", "T.TXT": b"x"}, {"a.py", "table.csv", "T.TXT"}, ""),
        ({**SOLUTION, "a.csv": b"1" * 3000, "b.csv": b"2" * 3000}, {"a.py", "a.csv"}, ""),
        ({**SOLUTION, "large.csv": b"1" * 9000, "small.csv": b"2"}, {"a.py", "small.csv"}, "large.csv"),
        ({**SOLUTION, "w.npy": b"1", "w.pth": b"1", "w": b"1", "x.zip": b"1"}, {"a.py"}, ""),
        ({**SOLUTION, "w.npz": bytes(9000)}, {"a.py"}, "w.npz"),
        ({**SOLUTION, "figure.png": bytes(90_000), "a.ipynb": b"{}", "x.pyc": b""}, {"a.py"}, ""),
        ({**SOLUTION, **{f"{'n' * 200}{k}.txt": b"" for k in range(100)}}, None, "were left out"),
    ],
)
def test_what_reaches_the_sandbox(files, kept, flagged):
    """Python files, and small data files of the kinds that are named; a long name counts as what it says."""
    got = sift(files, UploadConfig(), compressed(SOLUTION))
    assert got.problem is None
    assert set(got.files) == kept if kept is not None else len(got.files) < 25
    assert any(flagged in flag for flag in got.flags) if flagged else not got.flags
    assert bool(got.note) == bool(
        {name for name in files if name not in got.files and not name.endswith((".png", ".ipynb", ".pyc"))}
    )


@pytest.mark.parametrize("name", ["a.ipynb", "a.ipynb.json", "a.ipynb.txt"])
def test_a_notebook_is_no_data_file_that_is_missed(name):
    """Modules are taken from it under whatever name; it says nothing that grading goes without it."""
    got = sift({**SOLUTION, name: bytes(9000)}, UploadConfig(), compressed(SOLUTION))
    assert (set(got.files), got.note, got.flags) == ({"a.py"}, "", ())


@pytest.mark.parametrize("spelling", ["text", "comment", "names", "helpers", "csv"])
def test_data_in_the_source_shows_however_it_is_spelt(spelling):
    """What is compressed cannot be smaller than what it says."""
    import random

    data = random.Random(1).randbytes(20_000)
    spelt = {
        "text": {"a.py": SOLUTION["a.py"] + f"DATA = {data!r}\n".encode()},
        "comment": {"a.py": SOLUTION["a.py"] + f"# {data.hex()}\n".encode()},
        "names": {"a.py": SOLUTION["a.py"], **{f"m_{data[k : k + 40].hex()}.py": b"" for k in range(0, 20_000, 40)}},
        "helpers": {"a.py": SOLUTION["a.py"], **{f"m{k}.py": f"D = {data[k : k + 500]!r}\n".encode() for k in range(0, 20_000, 500)}},
        "csv": {"a.py": SOLUTION["a.py"], "d.csv": data.hex().encode()},
    }[spelling]  # fmt: skip
    rules = UploadConfig(data_kb=100)
    assert compressed(spelt) > 18_000
    assert any("compressed" in flag for flag in sift(spelt, rules, compressed(SOLUTION)).flags)
    assert not sift(SOLUTION, rules, compressed(SOLUTION)).flags


def test_too_much_source_is_not_graded():
    """The limit is the assignment's, and said."""
    got = sift({"a.py": b"#" * 3000}, UploadConfig(source_kb=2), compressed(SOLUTION))
    assert "3 kB" in (got.problem or "")
    assert "2 kB" in (got.problem or "")
    assert not got.files
