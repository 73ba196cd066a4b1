"""Reading a submission: bounded in time and memory, whatever its text is."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
from types import SimpleNamespace

import pytest

from grader.course.models import ForbidRule
from grader.engine.outcomes import CheckSpec
from grader.engine.reading import Reader
from grader.engine.runner import grade
from grader.errors import SystemFault
from grader.intake.assemble import Assembled
from grader.records import Verdict

RULES = {"a.py": ForbidRule(modules=("torch",)), "b.py": ForbidRule(names=("nn.LSTM",))}
FILES = ("a.py", "b.py", "free.py")


def read(files, assemble=Assembled, seconds=10):
    """Read files under the rules above."""
    with contextlib.closing(Reader(assemble, RULES, FILES, seconds=seconds)) as reader:
        return reader.read(files)


def spent():
    """Seconds of processor time that children have used, of which each reader is one."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def test_what_is_read_comes_back():
    """Modules, breaches, what each file reaches, and which files may be parsed again."""
    files = {"a.py": b"import torch", "b.py": b"import helper", "helper.py": b"x = 1", "free.py": b"def f(:"}
    found = read(files, lambda files: Assembled({**files, "made.py": b"y = 2"}, ("a note",)))
    assert found.assembled.files == {**files, "made.py": b"y = 2"}
    assert found.assembled.notes == ("a note",)
    assert str(found.breaches["a.py"]) == "`a.py` imports `torch` in line 1, which is not allowed in this part."
    assert set(found.breaches) == {"a.py"}
    assert found.reached == {"a.py": {"a.py"}, "b.py": {"b.py", "helper.py"}}
    assert found.quick == {"a.py", "b.py", "free.py"}


@pytest.mark.parametrize(
    "source",
    [
        b"zero = 0\ndeep = " + b"zero + " * 2_990 + b"zero\n",
        b"x = " + b"-" * 100_000 + b"1",
        b"#" * (50 << 20),
        b"a." * 25_000_000 + b"b",
    ],
    ids=["a long sum", "signs", "50 MB of comment", "50 MB of one name"],
)
def test_source_that_cannot_be_read_is_a_breach(source):
    """Nothing is run in a part with rules that was not read; the student reads why, and no rule is named."""
    before = spent()
    said = str(read({"a.py": source}).breaches["a.py"])
    assert said.startswith("`a.py` cannot be read: ")
    assert spent() - before < 12


def test_source_that_is_no_python_is_no_breach():
    """Importing it says what is wrong with it."""
    assert not read({"a.py": b"def f(:", "b.py": b"\0"}).breaches


@pytest.mark.slow
def test_reading_ends_at_its_deadline():
    """Of what takes for ever nothing stays but a sentence; where it was a file under a rule, a breach."""

    def hang(files):
        while True:
            pass

    before = spent()
    found = read({"a.py": b"", "book.ipynb": b"{}"}, hang, seconds=1)
    assert found.assembled.problem == "Your submission could not be read: reading it took too long or too much memory."
    assert 0.9 < spent() - before < 3


@pytest.mark.slow
def test_memory_without_end_ends_reading(monkeypatch):
    """What fills the memory is ended like what takes too long."""

    def fill(files):
        hoard = []
        while True:
            hoard.append(bytearray(64 << 20))

    assert "could not be read" in read({"a.py": b""}, fill).assembled.problem


@pytest.mark.parametrize("name", ["helper.pyc", "helper.cpython-311-x86_64-linux-gnu.so"])
def test_a_compiled_helper_is_a_breach(name):
    """What a file under a rule imports has to be source."""
    breaches = read({"a.py": b"import helper", name: b""}).breaches
    assert str(breaches[name]).startswith(f"`{name}` cannot be read: it is not source.")


@pytest.mark.slow
def test_rules_are_linear_in_their_input():
    """A file of chains of attributes, is read in the time of any other of its size."""
    chains = (" x" + ".b" * 800 + "\n") * 200
    source = ("def f(x):\n" + chains).encode()
    before = spent()
    assert not read({"b.py": source}).breaches
    assert spent() - before < 8


def test_a_mistake_of_ours_is_not_the_students():
    """What raises while it reads is raised here, with its traceback."""

    def fail(files):
        raise KeyError("ours")

    with pytest.raises(SystemFault, match="KeyError: 'ours'"):
        read({"a.py": b""}, fail)


def test_a_mistake_of_ours_holds_one_submission_and_ends_no_runner():
    """The attempt is held, staff have the traceback, and the runner is there for the next one."""

    def prepare(files, seed, **options):
        raise SystemFault("a mistake: KeyError")

    session = SimpleNamespace(
        assignment=SimpleNamespace(name="a"), profile=SimpleNamespace(name="cpu"), version="1", prepare=prepare
    )
    suite = SimpleNamespace(session=session, items=[], specs=[CheckSpec("test_a", "A", 5.0)], alive=lambda: None)
    report = grade(suite, referee=None, files={"a.py": b"x = 1"})
    assert (report.verdict, report.score, report.max_score) == (Verdict.SYSTEM_ERROR, None, 5.0)
    assert [check.staff for check in report.checks] == ["a mistake: KeyError"]
    assert report.submission_digest


@pytest.mark.slow
def test_one_submission_after_another_is_read():
    """What ended the reading of one does not touch the next."""

    def hang(files):
        while "hang" in files:
            pass
        return Assembled(files)

    with contextlib.closing(Reader(hang, RULES, FILES, seconds=1)) as reader:
        assert reader.read({"a.py": b""}).assembled.problem is None
        assert reader.read({"hang": b""}).assembled.problem
        assert set(reader.read({"a.py": b"import torch"}).breaches) == {"a.py"}


def test_who_kills_the_reader_costs_the_student_nothing(tmp_path):
    """The kernel does where memory is short: the submission is read again, once."""
    kills = tmp_path / "kills"

    def read_unless_killed(files):
        if left := kills.read_text():
            kills.write_text(left[1:])
            os.kill(os.getpid(), signal.SIGKILL)
        return Assembled(files)

    with contextlib.closing(Reader(read_unless_killed, RULES, FILES)) as reader:
        kills.write_text("x")
        assert reader.read({"a.py": b"import torch"}).assembled.problem is None
        kills.write_text("xx")
        assert reader.read({"a.py": b""}).assembled.problem, "what ends it each time is not read for ever"
        assert set(reader.read({"a.py": b"import torch"}).breaches) == {"a.py"}
