"""Stubs: what is cut from a solution, what is kept, and which markers are refused."""

from __future__ import annotations

import ast
import subprocess
import sys
import textwrap

import pytest

from grader.course import load_course
from grader.errors import AuthoringError
from grader.release import find_regions, make_stub, make_stubs

SOLUTION = '''
"""Softmax, by hand."""

import numpy as np


def softmax(x: np.ndarray) -> np.ndarray:
    """Rows of `x` as probabilities."""
    ### BEGIN SOLUTION
    shifted = x - x.max(axis=1, keepdims=True)
    powers = np.exp(shifted)
    return powers / powers.sum(axis=1, keepdims=True)
    ### END SOLUTION


def accuracy(scores: np.ndarray, labels: np.ndarray) -> float:
    """The fraction of rows whose largest score is the label's."""
    hits = scores.argmax(axis=1) == labels
    ### BEGIN SOLUTION
    return float(hits.mean(dtype=np.float64))
    ### END SOLUTION
'''


def stub_of(code: str) -> str:
    return make_stub(textwrap.dedent(code).lstrip("\n"), "m.py")


@pytest.mark.parametrize(
    ("code", "owner"),
    [
        ("def f():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION\n", "f"),
        ("async def f():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION\n", "f"),
        ("class A:\n    def f(self):\n        ### BEGIN SOLUTION\n        return 1\n        ### END SOLUTION\n", "A.f"),
        ("def f():\n\tdef g():\n\t\t### BEGIN SOLUTION\n\t\treturn 1\n\t\t### END SOLUTION\n\treturn g\n", "f.g"),
        (
            textwrap.dedent("""\
                class A:
                    class B:
                        @property
                        def f(self):
                            if 1:
                                ### BEGIN SOLUTION
                                return 1
                                ### END SOLUTION
                """),
            "A.B.f",
        ),
        ("def f():\n    ### BEGIN SOLUTION\n    def g():\n        return 1\n    return g\n    ### END SOLUTION\n", "f"),
        ("def f():\n    class A:\n        ### BEGIN SOLUTION\n        x = 1\n        ### END SOLUTION\n", "f"),
        ("### BEGIN SOLUTION\nx = 1\n### END SOLUTION\n", None),
        (
            "class A:\n    y = 0\n    ### BEGIN SOLUTION\n    @property\n    def f(self): ...\n    ### END SOLUTION\n",
            None,
        ),
    ],
)
def test_a_region_belongs_to_the_function_around_it(code, owner):
    """The owner is named with its classes and outer functions; class and module level have none."""
    (region,) = find_regions(code, "m.py")
    assert region.owner == owner
    stub = make_stub(code, "m.py")
    ast.parse(stub)
    wanted = f'raise NotImplementedError("{owner}: write your solution here")' if owner else "# YOUR CODE HERE"
    assert stub.splitlines()[region.first - 1] == region.indent + wanted
    assert "SOLUTION" not in stub


def test_a_stub_runs_and_fails_politely():
    """Calling what is not written yet names the function; what was given still works."""
    namespace: dict = {}
    exec(make_stub(SOLUTION, "tiny.py"), namespace)
    with pytest.raises(NotImplementedError, match=r"^softmax: write your solution here$"):
        namespace["softmax"](None)
    annotations = namespace["accuracy"].__annotations__
    assert annotations == {"scores": "np.ndarray", "labels": "np.ndarray", "return": "float"}


def test_everything_outside_the_regions_is_kept_to_the_byte():
    """Blank ends of lines, tabs, Windows newlines, odd characters and a missing last newline survive."""
    head = "x = 'é\\u2028\u2028'  \r\n\r\ndef f():\r\n\t'''a\r\n  b'''\r\n"
    tail = "\r\n# ünd\x0c\r\ny = 1"
    source = f"{head}\t### BEGIN SOLUTION\r\n\treturn 1\r\n\t### END SOLUTION\r\n{tail}"
    raised = '\traise NotImplementedError("f: write your solution here")\r\n'
    assert make_stub(source, "m.py") == head + raised + tail


def test_a_module_without_regions_is_its_own_stub():
    """Given code is handed out as it is."""
    assert make_stub("x = 1  \n", "m.py") == "x = 1  \n"


def test_a_string_may_speak_of_markers():
    """Only comments are markers."""
    source = '"""\n### BEGIN SOLUTION\n"""\n'
    assert make_stub(source, "m.py") == source


def test_several_regions_in_one_function():
    """Each becomes an error of its own, and lines between them stay."""
    stub = stub_of(
        """
        def f(x):
            ### BEGIN SOLUTION
            x += 1
            ### END SOLUTION
            if x:
                ### BEGIN SOLUTION
                return 2
                ### END SOLUTION
        """
    )
    assert stub.count("raise NotImplementedError") == 2
    assert "    if x:\n        raise" in stub


@pytest.mark.parametrize(
    ("code", "line", "says"),
    [
        ("def f():\n    ### BEGIN SOLUTION\n    return 1\n", 2, "never closed"),
        ("def f():\n    return 1\n    ### END SOLUTION\n", 3, "without a `### BEGIN SOLUTION`"),
        ("### BEGIN SOLUTION\nx = 1\n### BEGIN SOLUTION\ny = 1\n### END SOLUTION\n", 3, "opens inside"),
        ("def f():\n### BEGIN SOLUTION\n    return 1\n### END SOLUTION\n", 2, "indented by 0, the code on line 3 by 4"),
        ("def f():\n    ### BEGIN SOLUTION\n    return 1\n### END SOLUTION\n", 4, "indented otherwise"),
        ("def f():\n    # BEGIN SOLUTION\n    return 1\n    # END SOLUTION\n", 2, "not spelt like one"),
        ("def f():\n    ### BEGIN SOLUTION (easy)\n    return 1\n    ### END SOLUTION\n", 2, "not spelt like one"),
        ("def f():\n    ### begin solution\n    return 1\n    ### END SOLUTION\n", 2, "not spelt like one"),
        ("def f():\n    x = 1  ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION\n", 2, "shares its line"),
        ("def f():\n    ### BEGIN SOLUTION\n    # later\n    ### END SOLUTION\n    return 1\n", 2, "no statement"),
        (
            "def f():\n    ### BEGIN SOLUTION\n    return 1\ndef g():\n    pass\n    ### END SOLUTION\n",
            2,
            "the code on line 4 by 0",
        ),
        ("### BEGIN SOLUTION\ndef f():\n    x = 1\n### END SOLUTION\n    return x\n", 4, "is cut by the end"),
        ("class A:\n    ### BEGIN SOLUTION\n    x = 1\n    ### END SOLUTION\n", 2, "does not compile"),
        ("try:\n    ### BEGIN SOLUTION\n    x = 1\nexcept E:\n    y\n    ### END SOLUTION\n", 2, "does not compile"),
        ("def f(:\n", 1, "not valid Python"),
        ("x = '\0'\n", 1, "not valid Python"),
    ],
)
def test_a_wrong_marker_is_refused_with_its_line_and_a_fix(code, line, says):
    """Nothing is guessed: what a misspelt or misplaced marker left in a stub would be a leak."""
    with pytest.raises(AuthoringError, match=says) as error:
        make_stub(code, "m.py")
    where = error.value.where or ""
    assert where.startswith("m.py:")
    assert abs(int(where.split(":")[1]) - line) <= (1 if "compile" in says else 0)  # Python's versions differ
    assert error.value.fix


def test_cutting_a_stub_needs_no_jupyter():
    """A runner cuts stubs at its first notebook: that imports none of what building a release needs."""
    program = (
        "import sys\nfrom grader.release import make_stub, make_stubs\nfrom grader.release.strip import find_regions\n"
        "heavy = {'jupytext', 'nbformat', 'jsonschema', 'nbgrader', 'jinja2', 'yaml', 'torch', 'numpy'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_everything_that_the_package_offers_is_there():
    """Names are imported when they are asked for; each one is, and no other."""
    import grader.release as package

    for name in package.__all__:
        assert getattr(package, name).__module__.startswith("grader.release."), name
    with pytest.raises(AttributeError, match="no_such_name"):
        package.no_such_name  # noqa: B018 - asking is what is tested


def test_stubs_of_an_assignment(tiny_course):
    """One for each of its files, as bytes: what is handed in by whoever has written nothing."""
    assignment = load_course(tiny_course).assignment("backprop")
    code = "def f():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION\n"
    (assignment.solution_folder / "backprop.py").write_text(code)
    stubs = make_stubs(assignment)
    assert list(stubs) == ["backprop.py", "hyperparams.py"]
    assert b"NotImplementedError" in stubs["backprop.py"]
    assert b"return 1" not in stubs["backprop.py"]
    assert stubs["hyperparams.py"] == assignment.solution_files()["hyperparams.py"]


@pytest.mark.parametrize(("content", "what"), [(None, "cannot be read"), (b"\xff\n", "UTF-8")])
def test_a_solution_that_cannot_be_read_is_named(tiny_course, content, what):
    """With the file's path, wherever it is needed."""
    assignment = load_course(tiny_course).assignment("backprop")
    path = assignment.solution_folder / "hyperparams.py"
    path.unlink() if content is None else path.write_bytes(content)
    for ask in (assignment.solution_files, lambda: make_stubs(assignment)):
        with pytest.raises(AuthoringError, match=what) as error:
            ask()
        assert error.value.where == str(path)
