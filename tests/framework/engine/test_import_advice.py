"""Advice on imports and sources: hostile texts, and what it must not say."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.engine.import_advice import advise_import, explain
from grader.engine.source_advice import kind_of
from grader.sandbox.faults import StudentError, StudentFrame

_TYPES = (
    "ModuleNotFoundError", "ImportError", "NameError", "SystemExit", "EOFError", "AssertionError", "CalledProcessError",
    "SyntaxError", "IndentationError", "FileNotFoundError", "OSError", "UnicodeDecodeError", "URLError", "Odd",
)  # fmt: skip
_PIECES = st.sampled_from(
    (
        "No module named '", "'", "google.colab", "a.b.c", "attempted relative import", "cannot import name 'x' from 'm'",
        "cannot import name 'x' from 'os'", "name 'np' is not defined", "invalid character 'x' (U+FFFFFF)",
        "invalid non-printable character U+D800", "invalid character '²' (U+00B2)", "No such file or directory: '/'",
        "No such file or directory: 'C:\\\\'", "codec can't decode", "[Errno 13]", "unicodeescape", "EOF when reading a line", "pip",
    )
)  # fmt: skip
_TEXTS = st.lists(_PIECES | st.text(max_size=20), max_size=5).map("".join)
_LINES = st.sampled_from(
    ("", "from .. import (", "import", "from m import x, y as z", "from a.m import *", "assert", "%x")
) | st.text(max_size=30)
_FRAMES = st.lists(
    st.builds(StudentFrame, st.sampled_from(("m.py", "n.py", "", "..")), st.integers(-3, 9), st.sampled_from(("<module>", "f")), _LINES),
    max_size=3,
).map(tuple)  # fmt: skip
_FILES = {
    "m.py": b"def x(): ...\n\xff\xfe(",
    "n.py": b"\xef\xbb\xbfx = \xe2\x80\x8b1\n",
    "sub/deep.py": b"",
    "M.txt": b"\0",
}


@pytest.mark.slow
@settings(deadline=None, max_examples=300)
@given(st.sampled_from(_TYPES), _TEXTS, _FRAMES, st.sampled_from(("", "m.py", "n.py", "missing.py")))
def test_whatever_a_worker_reports_is_explained_without_an_error(kind, text, frames, file):
    """Type, text and frames are the student's to choose: none of them may raise on our side, or hide what was reported."""
    error = StudentError(kind, text, frames)
    assert explain(error, _FILES, asked=("m.py", "a.py"), file=file).startswith(error.for_student())


@pytest.mark.parametrize(
    "error",
    [
        StudentError(
            "UnicodeDecodeError", "'utf-8' codec can't decode byte 0xff", (StudentFrame("m.py", 3, "read", "f.read()"),)
        ),
        StudentError("NotADirectoryError", "something else", (StudentFrame("m.py", 3, "f", "x"),)),
        StudentError("AssertionError", "", (StudentFrame("m.py", 3, "f", "assert x"),)),
        StudentError("NameError", "name 'my_helper' is not defined", (StudentFrame("m.py", 3, "f", "my_helper()"),)),
        StudentError("ValueError", "No module named 'tqdm'", ()),
    ],
    ids=["data that is not text", "a path", "an assertion in a function", "a name of theirs", "a text like another"],
)
def test_what_happens_in_a_function_is_not_put_down_to_the_import(error):
    """A function that reads data, tests or misspells gets no advice that speaks of saving files or of imports."""
    assert advise_import(error, {"m.py": b"x = 1\n"}) == ""


def test_where_a_progress_bar_is_missing_the_loop_does_without():
    """An environment of a course's own may lack tqdm."""
    frames = (StudentFrame("m.py", 1, "<module>", "from tqdm import tqdm"),)
    error = StudentError("ModuleNotFoundError", "No module named 'tqdm'", frames)
    assert "It only shows progress: loop without it" in advise_import(error, {}, file="m.py")


def test_a_module_of_another_package_is_not_the_students():
    """`from sklearn.metrics import f1_score` beside a metrics.py that has no f1_score is about the package."""
    frames = (StudentFrame("m.py", 1, "<module>", "from nowhere.metrics import f1_score, accuracy"),)
    error = StudentError("ModuleNotFoundError", "No module named 'nowhere'", frames)
    own, others = {"metrics.py": b"def accuracy(): ...\n"}, {"metrics.py": b"def mine(): ...\n"}
    assert "write `from metrics import" in advise_import(error, own, file="m.py")
    assert "side by side" not in advise_import(error, others, file="m.py")


def test_a_file_that_was_asked_for_and_is_missing_is_named():
    """Another module's import of it says the same as its own checks do."""
    frames = (StudentFrame("m.py", 1, "<module>", "from a import f"),)
    error = StudentError("ModuleNotFoundError", "No module named 'a'", frames)
    assert advise_import(error, {"m.py": b""}, asked=("m.py", "a.py"), file="m.py").startswith("`a.py` is missing")


def test_a_file_in_a_folder_is_pointed_at():
    """A helper that was handed in below a folder is found there."""
    error = StudentError(
        "ModuleNotFoundError", "No module named 'deep'", (StudentFrame("m.py", 1, "<module>", "import deep"),)
    )
    assert "write `from sub import deep`" in advise_import(error, {"sub/deep.py": b""}, file="m.py")


def test_two_files_that_import_each_other_are_named():
    """The cycle is said, not that a name is missing which is there."""
    frames = (
        StudentFrame("a.py", 1, "<module>", "from b import f"),
        StudentFrame("b.py", 1, "<module>", "from a import g"),
    )
    text = "cannot import name 'g' from partially initialized module 'a' (most likely due to a circular import)"
    told = advise_import(
        StudentError("ImportError", text, frames), {"a.py": b"def g(): ...\n", "b.py": b""}, file="a.py"
    )
    assert told.startswith("`a.py` and `b.py` import each other")


@pytest.mark.parametrize(
    ("data", "kind"),
    [(b"%PDF-1.7", "a PDF document"), (b"  \n<HTML>", "a web page"), (b'{"cells": [], "nbformat": 4}', "a notebook"), (b"{1: 2}\n", ""),
     (b"x = '%PDF'\n", ""), (b"", "")],
)  # fmt: skip
def test_what_only_carries_a_modules_name_is_recognised(data, kind):
    """By how it begins; Python that speaks of it is Python."""
    assert kind_of(data) == kind


@pytest.mark.parametrize(
    ("kind", "text", "line", "words"),
    [
        ("NameError", "name 'xrange' is not defined", "xrange(3)", "`xrange` is of Python 2; in Python 3 it is `range`"),
        ("NameError", "name 'Tensor' is not defined", "def f(x: Tensor):", "`from torch import Tensor`"),
        ("NameError", "name 'Optional' is not defined", "x: Optional[int]", "`from typing import Optional`"),
        ("NameError", "name 'later' is not defined", "later(1)", "defined further down, in line 3"),
        ("NameError", "name 'scale' is not defined", "scale(1)", "`scale` is defined in `other.py`"),
        ("NameError", "name 'latr' is not defined", "latr(1)", "`m.py` defines `later`; is that what is meant?"),
        ("ModuleNotFoundError", "No module named 'cPickle'", "import cPickle", "write `import pickle`"),
        ("ModuleNotFoundError", "No module named 'd2l'", "from d2l import torch", "not installed where you are graded"),
        ("ModuleNotFoundError", "No module named 'import_ipynb'", "import import_ipynb", "are read together"),
        ("ModuleNotFoundError", "No module named 'work'", "import work", "`work.ipynb` is a notebook"),
        ("KeyError", "'API_KEY'", "os.environ['API_KEY']", "environment variables are not set here"),
        ("IndexError", "list index out of range", "lr = float(sys.argv[1])", "no arguments to read"),
        ("TclError", "no display name", "root = tkinter.Tk()", "no screen"),
        ("NotImplementedError", "f: write your solution here", "f(1)", "comes to something that is not written yet"),
        ("FileNotFoundError", "[Errno 2] No such file or directory: 'git'", "subprocess.run(['git'])", "No other programs"),
        ("RuntimeError", "Dataset not found. You can use download=True to download it", "MNIST('.')", "without a network"),
        ("SyntaxError", "f-string: unmatched '['", 'f"{d["a"]}"', "Only Python 3.12 and later"),
        ("SyntaxError", "expected ':'", "else if x:", "`elif`"),
        ("SyntaxError", "invalid syntax", "x++", "`x += 1`"),
        ("SyntaxError", "from __future__ imports must occur at the beginning", "from __future__ import annotations", "Move the line"),
    ],
)  # fmt: skip
def test_a_cause_at_import_has_its_fix(kind, text, line, words):
    """What keeps a module from being imported is said with what to write instead, in place of general advice."""
    files = {
        "m.py": f"{line}\n\ndef later(x): ...\n".encode(),
        "other.py": b"def scale(x): ...\n",
        "work.ipynb": b"{}",
    }
    advice = advise_import(StudentError(kind, text, (StudentFrame("m.py", 1, "<module>", line),)), files, file="m.py")
    assert words in advice


@pytest.mark.parametrize(
    ("kind", "text", "line"),
    [
        ("SyntaxError", "unmatched ')'", 'print(f"{x}"))'),
        ("SyntaxError", "f-string: expecting '}'", "f'{{{x'"),
        ("KeyError", "'weights'", "params['weights']"),
        ("FileNotFoundError", "[Errno 2] No such file or directory: 'x.csv'", "run(open('x.csv'))"),
    ],
)
def test_advice_for_something_else_is_not_given(kind, text, line):
    """A line that only looks like one of the known causes gets no advice of theirs."""
    error = StudentError(kind, text, (StudentFrame("m.py", 1, "<module>", line),))
    advice = advise_import(error, {"m.py": line.encode()}, file="m.py")
    assert not any(words in advice for words in ("3.12", "environment variables", "other programs"))


def test_a_default_dtype_is_named_as_the_cause_of_a_clash():
    """Where two dtypes clash and the code changes the default one, that line is the cause; elsewhere it is not spoken of."""
    error = StudentError("RuntimeError", "mat1 and mat2 must have the same dtype, but got Float and Double", ())
    files = {"m.py": b"import torch\ntorch.set_default_dtype(torch.float64)\n"}
    assert "`m.py` changes the default dtype in line 2" in explain(error, files)
    assert "default dtype" not in explain(error, {"m.py": b"import torch\n"})
    assert "default dtype" not in explain(StudentError("ValueError", "odd", ()), files)
