"""The engine through the real runner: many small submissions graded in one batch, and what their reports say."""

from __future__ import annotations

import json
from contextlib import closing

import pytest

from grader.course import load_course
from grader.engine.measurement import Plan
from grader.grading import grade_uploads
from grader.grading.slot import Slot, Work
from grader.intake import Upload
from grader.records import Report, Verdict
from tests.support.tiny import BASICS, PLAIN, SUITE, handed_in, write_course

WRONG, ERROR, TIME, MEMORY, DIED, PROTOCOL, PARTIAL, SKIPPED = (
    Verdict.WRONG_ANSWER, Verdict.RUNTIME_ERROR, Verdict.TIME_LIMIT, Verdict.MEMORY_LIMIT, Verdict.WORKER_DIED,
    Verdict.PROTOCOL_ERROR, Verdict.PARTIAL, Verdict.SKIPPED,
)  # fmt: skip

#: Checks that need basics.py; all but the one of plain.py.
OF_BASICS = tuple(
    line.removeprefix("def ").partition("(")[0]
    for line in SUITE.splitlines()
    if line.startswith("def test_") and "test_total" not in line
)
ADD = ("test_add", "test_add_probe")


def every(verdict, checks=OF_BASICS):
    return dict.fromkeys(checks, verdict)


def add(body):
    """`add` with another body."""
    return "\nimport ctypes, os, sys, time\n\ndef add(x, y):\n" + "".join(f"    {line}\n" for line in body.splitlines())


def notebook_of(*sources):
    """A notebook with nothing but these cells."""
    cells = [{"cell_type": "code", "source": source, "metadata": {}, "outputs": []} for source in sources]
    return {"hw.ipynb": json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}).encode()}


#: Each submission: its files, and the verdict of every check that it does not pass.
CLASS = {
    # right ones
    "solution": (handed_in(), {}),
    "solution again": (handed_in(), {}),
    "other types": (handed_in("import numpy as np\nadd = lambda x, y: (x + y).numpy().astype('f8')\nmean = lambda x: x.mean()\npair = lambda x: [2 * x, x / 2]\n"), {}),
    "extra tuple values": (handed_in("pair = lambda x: (2 * x, x / 2, 'cache', object())\n"), {}),
    "requires grad": (handed_in("def add(x, y):\n    return (x + y).requires_grad_()\n"), {}),
    "subclass of a right tensor": (handed_in("class T(torch.Tensor): pass\nadd = lambda x, y: (x + y).as_subclass(T)\n"), {}),
    "overwrites its arguments": (handed_in("def add(x, y):\n    y += x\n    out = y.clone()\n    x.zero_(); y.zero_()\n    return out\n"), {}),
    "prints": (handed_in("def mean(x):\n    print('the mean of', x.shape, '\\x1b[31m')\n    return float(x.mean())\n"), {}),
    "own helper": (handed_in("from helper import add\n", helper_py="def add(x, y):\n    return y + x\n"), {}),
    "own helper of a free file": (handed_in("from helper import add\n", helper_py="import torch\ndef add(x, y):\n    return torch.add(x, y)\n"), {}),
    "files with names of ours": (
        handed_in(
            torch_py="raise SystemExit\n", numpy_py="raise SystemExit\n", conftest_py="raise SystemExit\n", json_py="raise SystemExit\n",
            sitecustomize_py="import os; os._exit(0)\n", usercustomize_py="import os; os._exit(0)\n", pytest_ini="[pytest]\naddopts = --co\n",
            tests__test_tiny_py="def test_add(): pass\n", grader____init___py="raise SystemExit\n", probes_py="raise SystemExit\n",
            pyproject_toml="[tool.pytest.ini_options]\naddopts = '--co'\n",
        ),
        {},
    ),
    "a notebook alone": (notebook_of(f"%%part basics.py\n{BASICS}print(add)\nraise SystemExit", f"!ls\n{PLAIN}", "import os; os._exit(0)"), {}),
    # wrong ones
    "wrong sign": (handed_in("add = lambda x, y: -x - y\n"), every(WRONG, ADD)),
    "a notebook with a wrong sign": (
        notebook_of("%time import torch", "def add(x, y):\n    return -x - y", "def mean(x:\n", "%%writefile plain.py\n" + PLAIN),
        {**every(WRONG, ADD), **every(ERROR, ("test_mean", "test_reference"))},
    ),
    "one case right": (handed_in("def add(x, y):\n    return x + y if x.ndim == 2 and len(x) < 3 else x - y\n"), every(WRONG, ADD)),
    "None": (handed_in("def add(x, y):\n    x + y\n"), {"test_add": WRONG, "test_add_probe": ERROR}),
    "number for a tensor": (handed_in("add = lambda x, y: 1.5\n"), every(WRONG, ADD)),
    "list for a tensor": (handed_in("add = lambda x, y: (x + y).tolist()\n"), {"test_add": WRONG}),
    "tensor for a float": (handed_in("mean = lambda x: x\n"), every(WRONG, ("test_mean", "test_reference"))),
    "mean is wrong": (handed_in("mean = lambda x: 40.0\n"), every(WRONG, ("test_mean", "test_reference"))),
    "string for a float": (handed_in("mean = lambda x: '2.0'\n"), every(WRONG, ("test_mean", "test_reference"))),
    "pair too short": (handed_in("pair = lambda x: (2 * x,)\n"), {"test_pair": WRONG}),
    "pair is a tensor": (handed_in("pair = lambda x: 2 * x\n"), {"test_pair": WRONG}),
    "key is missing": (handed_in("table = lambda x: {'double': 2 * x}\n"), {"test_table": WRONG}),
    "loose too short": (handed_in("loose = lambda x: x[:1]\n"), {"test_loose": WRONG}),
    "loose too odd": (handed_in("loose = lambda x: ({'a': 1}, 'b')\n"), {"test_loose": WRONG}),
    "loose is None": (handed_in("loose = lambda x: None\n"), {"test_loose": WRONG}),
    "loose wrong": (handed_in("loose = lambda x: (x, x + 3)\n"), {"test_loose": WRONG}),
    "does not raise": (handed_in("positive = lambda x: x\n"), {"test_raises": WRONG}),
    "raises otherwise": (handed_in("def positive(x):\n    raise KeyError('negative')\n"), {"test_raises": WRONG}),
    "raises the like at import": (handed_in("raise ValueError('negative')\n"), every(ERROR)),
    "fails in the probe": (handed_in("add = lambda x, y: [x, y]\n"), {"test_add": WRONG, "test_add_probe": ERROR}),
    "function is missing": (handed_in("del add\n"), every(WRONG, ADD)),
    "class is missing": (handed_in("del Net\n"), every(WRONG, ("test_net", "test_probe"))),
    "method is missing": (handed_in("del Net.name\n"), {"test_net": WRONG}),
    "attribute is missing": (handed_in("class Net(Net):\n    def __init__(self, n):\n        super().__init__(n)\n        self.fc = self.layer\n        del self.layer\n    def forward(self, x):\n        return self.scale * self.fc(x)\n"), {"test_net": WRONG}),
    "no gradient": (handed_in("scaled = lambda x: 3 * x.detach()\n"), {"test_leaf": WRONG}),
    "changes its argument": (handed_in("def scaled(x):\n    out = 3 * x\n    x.data.mul_(2)\n    return out\n"), {"test_leaf": WRONG}),
    "file is missing": ({"basics.py": BASICS.encode()}, {"test_total": WRONG}),
    "nothing": ({}, every(WRONG, (*(name for name in OF_BASICS if name not in ("test_bug", "test_skip")), "test_total"))),
    "stub": (handed_in("def add(x, y):\n    raise NotImplementedError('add: write your solution here')\n"), every(ERROR, ADD)),
    "quality is half": (handed_in("quality = lambda: 0.7\n"), {"test_quality": PARTIAL}),
    "quality is low": (handed_in("quality = lambda: 0.1\n"), {"test_quality": WRONG}),
    "quality is NaN": (handed_in("quality = lambda: float('nan')\n"), {"test_quality": WRONG}),
    "quality is infinite": (handed_in("quality = lambda: float('inf')\n"), {}),
    "share is a quarter": (handed_in("share = lambda: 0.25\n"), {"test_share": PARTIAL}),
    "share is too large": (handed_in("share = lambda: 1e9\n"), {}),
    "share is NaN": (handed_in("share = lambda: float('nan')\n"), {"test_share": WRONG}),
    "asks for a bug": (handed_in("ask_for_a_bug = True\n"), {"test_bug": Verdict.GRADER_ERROR}),
    "asks for a skip": (handed_in("ask_for_a_skip = True\n"), {"test_skip": SKIPPED}),
    # errors
    "syntax error": ({"basics.py": b"x = 1\n\ndef add(x, y):\n    return x +\n", "plain.py": PLAIN.encode()}, every(ERROR)),
    "not text": ({"basics.py": b"\xff\xfe\x00x = 1\n", "plain.py": PLAIN.encode()}, every(ERROR)),
    "null bytes": ({"basics.py": b"x = 1\0\n", "plain.py": PLAIN.encode()}, every(ERROR)),
    "raises": (handed_in("import torch\ndef inner(x):\n    return torch.ones(2) @ torch.ones(3)\ndef add(x, y):\n    return inner(x)\n"), every(ERROR, ADD)),
    "raises at import": (handed_in("raise RuntimeError('at import')\n"), every(ERROR)),
    "exits at import": (handed_in("import sys\nsys.exit(0)\n"), every(ERROR)),
    "ends at import": (handed_in("import os\nos._exit(0)\n"), every(DIED)),
    "hangs at import": (handed_in("print('imported')\nwhile True: pass\n"), every(TIME)),
    "hangs": (handed_in(add("print('called')\nwhile True: time.sleep(1)")), every(TIME, ADD)),
    "crashes": (handed_in(add("ctypes.string_at(0)")), every(DIED, ADD)),
    "exits": (handed_in(add("os._exit(0)")), every(DIED, ADD)),
    "eats memory": (handed_in(add("return torch.ones(10**11)")), every(MEMORY, ADD)),
    "floods": (handed_in(add("while True: print('spam' * 1000)")), every(ERROR, ADD)),
    "writes to the wire": (handed_in(add("os.write(3, b'x' * 99)\ntime.sleep(3)")), every(PROTOCOL, ADD)),
    "control characters": (handed_in("def add(x, y):\n    raise ValueError('\\x1b[2J\\u202ered\\x00')\n"), every(ERROR, ADD)),
    "state is lost with the worker": (handed_in(add("os._exit(1)") + "def once():\n    _calls.append(1)\n    return len(_calls)\n"), every(DIED, ADD)),
    # forbidden modules
    "forbidden import": (handed_in(plain="import torch\n"), {"test_total": WRONG}),
    "forbidden from-import": (handed_in(plain="from torch.nn import functional\n"), {"test_total": WRONG}),
    "forbidden in a function": (handed_in(plain="def total(x):\n    import torch\n    return x.sum(axis=1)\n"), {"test_total": WRONG}),
    "forbidden by a helper": (handed_in(plain="from helper import total\n", helper_py="import torch\ndef total(x):\n    return x.sum(axis=1)\n"), {"test_total": WRONG}),
    "forbidden by importlib": (handed_in(plain="import importlib\nt = importlib.import_module('torch')\n"), {"test_total": WRONG}),
    "forbidden by __import__": (handed_in(plain="t = __import__('torch')\n"), {"test_total": WRONG}),
    "forbidden by exec": (handed_in(plain="exec('import torch')\n"), {"test_total": WRONG}),
    "forbidden by sys.modules": (handed_in(plain="import sys\nt = sys.modules['torch']\n"), {"test_total": WRONG}),
    "forbidden by modules of sys": (handed_in(plain="from sys import modules\nt = modules['torch']\n"), {"test_total": WRONG}),
    "forbidden by another name of sys": (handed_in(plain="import sys as s\nt = s.modules['torch']\n"), {"test_total": WRONG}),
    "forbidden by the other module": (handed_in(plain="import basics\ntotal = lambda x: basics.torch.tensor(x).sum(1).numpy()\n"), {}),
    # cheats: what is patched in the worker changes nothing on the trusted side
    "patches comparisons": (handed_in("import numpy as np, builtins, json\ntorch.allclose = torch.equal = np.allclose = np.isclose = lambda *a, **k: True\nadd = lambda x, y: x\n"), every(WRONG, ADD)),
    "always equal": (handed_in("class Yes:\n    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = lambda *a: True\n    def __getattr__(self, name):\n        return Yes()\n    __float__ = lambda self: 2.0\nadd = lambda x, y: Yes()\nmean = lambda x: Yes()\nlevel = LEVEL = Yes()\n"),
        every(WRONG, (*ADD, "test_mean", "test_reference", "test_level")) | {"test_add_probe": WRONG}),
    "tensor that lies": (handed_in("class Liar(torch.Tensor):\n    @classmethod\n    def __torch_function__(cls, func, types, args=(), kwargs=None):\n        if func.__name__ in ('detach', 'as_subclass', 'cpu'):\n            return super().__torch_function__(func, types, args, kwargs or {})\n        return True\nadd = lambda x, y: (x - y).as_subclass(Liar)\n"), {"test_add": WRONG, "test_add_probe": ERROR}),
    "patches probes": (handed_in("import sys, types\nfake = types.ModuleType('_probes')\nfake.apply = lambda f, v: [2.0, 3.0]\nfake.train = lambda m, s: {'before': 2.0, 'after': 1.0}\nsys.modules['_probes'] = fake\nadd = lambda x, y: x\n"), {"test_add": WRONG, "test_add_probe": WRONG}),
    # leaves something behind for the next
    "leaves things": (handed_in("import os\ntorch.left = 1\nopen('left.txt', 'w').write('x')\ntorch.manual_seed(3)\n"), {}),
    "finds things": (handed_in("import os\nif hasattr(torch, 'left') or os.path.exists('left.txt'):\n    raise RuntimeError('found')\n"), {}),
}  # fmt: skip

#: Its worker breaks the protocol and hangs up, whichever is noticed first.
SABOTAGE = handed_in(
    "import sys\nfor name, module in list(sys.modules.items()):\n    if name.startswith('grader'):\n        for key in ('WireError', 'check_prefix', 'decode'):\n            if hasattr(module, key):\n                setattr(module, key, lambda *a, **k: True)\nadd = lambda x, y: x\n"
)


@pytest.fixture(scope="session")
def reports(tmp_path_factory) -> dict[str, Report]:
    """Reports by submission, all graded in one batch."""
    course = load_course(write_course(tmp_path_factory.mktemp("tiny")))
    uploads = [Upload(dict(files)) for files, _ in CLASS.values()]
    uploads += [Upload(SABOTAGE), Upload({}, problem="the zip ends in the middle")]
    graded = grade_uploads(course, course.assignment("tiny"), uploads, slots=2)
    return dict(zip([*CLASS, "sabotage", "broken zip"], graded, strict=True))


def lost(report):
    return {check.id: check.verdict for check in report.checks if check.verdict is not Verdict.ACCEPTED}


def check_of(report, name):
    return next(check for check in report.checks if check.id == name)


def message(reports, submission, check="test_add"):
    return check_of(reports[submission], check).message


@pytest.mark.parametrize("name", CLASS)
def test_verdicts(reports, name):
    """Each submission loses exactly the checks that it must, each with the right verdict."""
    told = {check.id: (check.verdict.value, check.message, check.staff[-800:]) for check in reports[name].checks}
    assert lost(reports[name]) == CLASS[name][1], {key: told[key] for key in lost(reports[name])}


def test_patching_the_grader_in_the_worker_gains_nothing(reports):
    """A submission that overwrites our own functions beside it loses every check that needs it, and no other."""
    found = lost(reports["sabotage"])
    assert set(found) == set(OF_BASICS)
    assert set(found.values()) <= {PROTOCOL, DIED}


def test_full_marks(reports):
    """The solution gets all points and the verdict accepted; the report says under what conditions."""
    report = reports["solution"]
    assert report.verdict is Verdict.ACCEPTED
    assert report.score == report.max_score == sum(check.max_score for check in report.checks)
    assert {"python", "torch", "numpy", "isolation"} <= set(report.environment)
    assert all(check.title and not check.message and not check.hint for check in report.checks)


def test_the_same_submission_gets_the_same_report(reports):
    """Files, grader version and seed decide the whole report, random numbers of the student's included."""
    assert reports["solution"].timeless() == reports["solution again"].timeless()
    assert reports["solution"].seed == reports["solution again"].seed
    assert reports["solution"].metrics["noise"] == reports["solution again"].metrics["noise"]


def test_other_submissions_have_other_seeds(reports):
    """The seed follows from what was handed in."""
    assert len({report.seed for report in reports.values()}) == len({r.submission_digest for r in reports.values()})
    assert len({report.seed for report in reports.values()}) > 70


def test_cases_share_the_points_of_their_check(reports):
    """Half of the cases right is half of the points, and the message says how many."""
    check = check_of(reports["one case right"], "test_add")
    assert (check.score, check.max_score) == (4.0, 8.0)
    assert "2 of 4 cases passed" in check.message
    assert check.hint == "Plus."
    assert reports["one case right"].verdict is Verdict.PARTIAL


def test_a_check_keeps_its_visibility_and_hint(reports):
    """Visibility goes into the report; a hint only where points were lost."""
    assert check_of(reports["solution"], "test_mean").visibility == "after_due"
    assert check_of(reports["solution"], "test_raises").visibility == "hidden"
    assert check_of(reports["solution"], "test_add").hint == ""
    assert check_of(reports["wrong sign"], "test_add").hint == "Plus."


@pytest.mark.parametrize(
    ("submission", "check", "told"),
    [
        ("wrong sign", "test_add", "the sum has the opposite sign"),
        ("None", "test_add", "`add` should return a Tensor; it returned None."),
        ("number for a tensor", "test_add", "`add` should return a Tensor; it returned a float."),
        ("list for a tensor", "test_add", "`add` should return a Tensor; it returned a list"),
        ("tensor for a float", "test_mean", "`mean` should return a float; it returned a Tensor."),
        ("string for a float", "test_mean", "`mean` should return a float; it returned a str."),
        ("pair too short", "test_pair", "`pair` should return a tuple of 2 values (a Tensor, a Tensor); it returned a tuple of 1 value (a Tensor)."),
        ("pair is a tensor", "test_pair", "`pair` should return a tuple of 2 values"),
        ("key is missing", "test_table", "no key 'half'; it has 'double'"),
        ("loose too short", "test_loose", "not enough values to unpack"),
        ("loose is None", "test_loose", "could not work with"),
        ("loose too odd", "test_loose", "could not work with"),
        ("loose wrong", "test_loose", "the second should be one more than the first"),
        ("does not raise", "test_raises", "should have raised an exception here; it did not"),
        ("function is missing", "test_add", "`basics.py` does not define `add`."),
        ("class is missing", "test_net", "`basics.py` does not define `Net`."),
        ("method is missing", "test_net", "has no method `name`"),
        ("attribute is missing", "test_net", "has no attribute or method `layer`"),
        ("file is missing", "test_total", "`plain.py` is missing from your submission, which has basics.py."),
        ("nothing", "test_add", "`basics.py` is missing from your submission, which has no Python file."),
        ("raises otherwise", "test_raises", "KeyError: 'negative'"),
        ("fails in the probe", "test_add_probe", "The check's own code failed on what your code gave it: "),
        ("stub", "test_add", "`add` is not written yet (`basics.py`, line"),
        ("changes its argument", "test_leaf", "the argument after the call"),
        ("syntax error", "test_add", 'File "basics.py", line 4'),
        ("raises at import", "test_mean", "RuntimeError: at import"),
        ("exits at import", "test_mean", "SystemExit"),
        ("ends at import", "test_mean", "Importing `basics.py` failed"),
        ("hangs at import", "test_mean", "Importing `basics.py` failed"),
        ("hangs", "test_add", "did not finish in the time"),
        ("crashes", "test_add", "SIGSEGV"),
        ("exits", "test_add", "exit code 0"),
        ("eats memory", "test_add", "512 MiB"),
        ("floods", "test_add", "printed more than"),
        ("writes to the wire", "test_add", "grader's channel"),
        ("asks for a skip", "test_skip", "only with a GPU"),
        ("forbidden import", "test_total", "`plain.py` imports `torch` in line"),
        ("forbidden by a helper", "test_total", "`helper.py` imports `torch` in line 1"),
        ("forbidden by sys.modules", "test_total", "uses `sys.modules`"),
    ],
)  # fmt: skip
def test_messages_say_what_is_wrong(reports, submission, check, told):
    """The student is told, in the words of the assignment, what is wrong and where."""
    assert told in message(reports, submission, check)


def test_a_traceback_is_the_students_own(reports):
    """The frames of the student's files with their lines, and none of ours or of torch."""
    text = message(reports, "raises")
    assert text.startswith("Traceback (most recent call last):")
    assert "in add\n    return inner(x)" in text
    assert "in inner\n    return torch.ones(2) @ torch.ones(3)" in text
    assert text.count("File ") == 2
    assert "RuntimeError" in text
    assert "worker_process.py" not in text


def test_hostile_text_is_cleaned(reports):
    """No control or bidirectional character of a student's reaches a report."""
    for name in ("control characters", "prints"):
        text = "".join(check.message + check.output for check in reports[name].checks)
        assert not any(bad in text for bad in "\x1b\u202e\0")
    assert "red" in message(reports, "control characters")


def test_what_was_printed_is_kept_with_its_check(reports):
    """Output goes to the check during which it was printed."""
    assert "the mean of" in check_of(reports["prints"], "test_mean").output
    assert check_of(reports["prints"], "test_add").output == ""
    assert "spam" in check_of(reports["floods"], "test_add").output


def test_thresholds_give_fractions(reports):
    """Halfway between zero and full is half of the points, and the metric is recorded."""
    check = check_of(reports["quality is half"], "test_quality")
    assert check.score == pytest.approx(2.0)
    assert check.message == "quality is 0.7; full points need more."
    assert reports["quality is half"].metrics["quality"].value == 0.7
    assert check_of(reports["share is a quarter"], "test_share").score == pytest.approx(1.0)


def test_a_metric_that_is_no_number_is_recorded_as_none(reports):
    """NaN and infinity do not get into JSON; NaN earns nothing."""
    assert reports["quality is NaN"].metrics["quality"].value is None
    assert reports["quality is infinite"].metrics["quality"].value is None
    assert check_of(reports["quality is NaN"], "test_quality").score == 0
    json.loads(reports["quality is NaN"].model_dump_json(), parse_constant=pytest.fail)


def test_a_bug_in_the_suite_holds_the_attempt(reports):
    """A grader_error has no score; the student is told nothing of it but that it is ours, staff get the traceback."""
    report = reports["asks for a bug"]
    check = check_of(report, "test_bug")
    assert report.verdict is Verdict.GRADER_ERROR
    assert report.held
    assert report.score is None
    assert check.score is None
    assert "fault on our side" in check.message
    assert "12345" not in report.for_student().model_dump_json()
    assert "ZeroDivisionError" in check.staff
    assert "12345" in check.staff


def test_a_function_that_hangs_is_called_twice_and_no_more(reports):
    """Of four cases two run out of time; the others are told so at once."""
    report = reports["hangs"]
    assert check_of(report, "test_add").output.count("called") == 2
    assert report.score == report.max_score - 8 - 1


def test_an_import_that_fails_is_not_tried_again(reports):
    """A module that hangs is imported once, and the rest of the suite is judged without it."""
    report = reports["hangs at import"]
    assert "".join(check.output for check in report.checks).count("imported") == 1
    assert report.score == check_of(report, "test_total").max_score


def test_what_is_right_counts_beside_what_crashes(reports):
    """After a worker was lost the next check gets a fresh one."""
    for name in ("crashes", "exits", "eats memory", "floods", "writes to the wire"):
        assert reports[name].score == reports[name].max_score - 9, name


def test_an_upload_that_cannot_be_read_gets_a_report(reports):
    """A broken zip scores zero with the reason; no worker is needed for it."""
    report = reports["broken zip"]
    assert report.score == 0
    assert report.verdict is Verdict.NOT_RUN
    assert "could not be read: the zip ends in the middle" in report.message
    assert [check.id for check in report.checks] == [check.id for check in reports["solution"].checks]


def test_student_reports_hold_no_staff_text(reports):
    """What staff may read is gone from the student's copy, and no message shows an expected value unasked."""
    for report in reports.values():
        student = report.for_student()
        assert all(not check.staff for check in student.checks)
        assert "expected:" not in message({"x": student}, "x", "test_add")
    assert "expected:\n2" in message(reports, "mean is wrong", "test_mean")  # which has reveal=True


def test_reports_survive_json(reports):
    """Every report is what it was after a trip through JSON."""
    for report in reports.values():
        assert Report.model_validate_json(report.model_dump_json()) == report


def test_a_brief_measurement_learns_the_same_and_runs_less(tmp_path):
    """Once a case has failed, the check's others are left out, and nobody looks for the reason; verdicts stay the same."""
    course = load_course(write_course(tmp_path))
    assignment = course.assignment("tiny")
    files, _ = CLASS["one case right"]
    with closing(Slot(Work(course, assignment, assignment.profile("cpu"), tmp_path / "state"))) as slot:
        plan = Plan(seeds=(1,), stages=(OF_BASICS,), vouched=True)
        ((whole,), (brief,)) = (
            slot.measure(dict(files), plan.model_copy(update={"brief": on})) for on in (False, True)
        )
    assert [(check.id, check.verdict) for check in brief.checks] == [
        (check.id, check.verdict) for check in whole.checks
    ]
    assert {check.id for check in brief.checks if check.verdict is not Verdict.ACCEPTED} >= set(ADD)
    assert "should be" not in check_of(brief, "test_add").message
    assert check_of(brief, "test_add").message != check_of(whole, "test_add").message
