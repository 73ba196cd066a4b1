"""Check cells and ``autograde check``: counts, owners of a failure, what is not written yet."""

from __future__ import annotations

import json
import sys
import textwrap
import types

import pytest
from typer.testing import CliRunner

from grader.cli.main import app
from grader.student import check, public_tests
from grader.student.part_check import PublicTestsFail

MODULE = """
def forward(x):
    return 2 * x


def backward(x):
    return 2.0


def helper_user(x):
    return forward(x) + 1


class Net:
    def loss(self, x):
        return forward(x)

    def predict(self, x):
        raise NotImplementedError("write it")
"""

TESTS = """
import pytest

from layers import Net, backward, forward, helper_user


def test_forward_by_hand():
    assert forward(3) == 6


def test_backward():
    assert forward(1) == 2
    assert backward(1) == 2.0


@pytest.mark.parametrize("function", [forward, helper_user])
def test_all(function):
    assert function(0) in (0, 1)


def run(net):
    return net.predict(1)


class TestNet:
    def test_loss(self):
        assert Net().loss(2) == 4

    def test_predict(self):
        assert run(Net()) == 1
"""


@pytest.fixture
def bundle(tmp_path, monkeypatch):
    """A bundle of one module with three functions and a class."""
    folder = tmp_path / "bundle"
    (folder / "public").mkdir(parents=True)
    (folder / "layers.py").write_text(MODULE)
    (folder / "public" / "test_layers.py").write_text(TESTS)
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    yield folder
    sys.modules.pop("layers", None)


def change(bundle, before, after):
    """Edit the module, and have it imported again."""
    path = bundle / "layers.py"
    assert before in path.read_text()
    path.write_text(path.read_text().replace(before, after))
    sys.modules.pop("layers", None)


def test_a_right_part_is_green_whatever_its_neighbours_do(bundle, capsys):
    """A test that calls a right function and fails over its neighbour is not held against the right one."""
    change(bundle, "return 2.0", "return 7.0")
    check("test_forward", ["forward"], bundle)
    said = capsys.readouterr().out
    assert "2 public tests of this part" in said or "public tests pass of this part" in said
    assert "not counted here: test_backward also tests another part" in said
    with pytest.raises(PublicTestsFail, match=r"1 of 3 public tests fail:\ntest_backward: "):
        check("test_backward", ["backward", "forward"], bundle)


def test_parametrised_cases_belong_to_the_name_in_their_id(bundle, capsys):
    """A function that is named in a decorator alone has its cases, and its neighbour's cases are not its own."""
    change(bundle, "return forward(x) + 1", "return forward(x) + 5")
    check("test_forward", ["forward"], bundle)
    with pytest.raises(PublicTestsFail, match=r"test_all\[helper_user\]"):
        check("test_helper", ["helper_user"], bundle)
    capsys.readouterr()


def test_methods_and_helpers_are_looked_through(bundle, capsys):
    """A method that a test reaches through a helper of its file is found, and said to be unwritten."""
    check("test_scores", ["Net.loss"], bundle)
    assert "1 public test passes of this part" in capsys.readouterr().out
    with pytest.raises(PublicTestsFail, match=r"^not written yet: `Net.predict`$"):
        check("test_predict", ["Net.predict"], bundle)


def test_what_a_library_defines_is_not_the_bundles(bundle, monkeypatch):
    """Names count where they come from the bundle's files, or from a module that the notebook alone holds."""
    tests = bundle / "public" / "test_layers.py"
    tests.write_text("from json import loads\nfrom written import told\n" + tests.read_text())
    written = types.ModuleType("written")
    exec("def told():\n    pass", vars(written))
    monkeypatch.setitem(sys.modules, "written", written)
    names = public_tests.defined_names(bundle)
    assert "told" in names
    assert names[:3] == ["forward", "backward", "helper_user"]
    assert "loads" not in names
    assert not any(name.startswith("JSON") for name in names)


def test_a_notebook_shows_the_message_and_no_traceback_of_ours():
    """IPython asks the exception itself for what to show."""
    assert PublicTestsFail("x is 2 times too large")._render_traceback_() == ["x is 2 times too large"]


def test_a_part_without_public_tests_says_so(bundle, capsys):
    """There is no failure in it."""
    check("test_other", ["other"], bundle)
    assert "no public test covers its part" in capsys.readouterr().out


def test_autograde_check_counts_tests_and_names_what_is_left(bundle):
    """Tests count once however many cases they have; unwritten functions and wrong ones are apart."""
    change(bundle, "return 2.0", "return 7.0")
    done = CliRunner().invoke(app, ["check", str(bundle)])
    assert done.exit_code == 1
    lines = done.output.splitlines()
    assert lines[0] == "3 of 5 public tests pass."
    assert lines[1] == "not written yet: Net.predict"
    assert lines[2] == "wrong:"
    assert lines[3].strip() == "test_backward"
    assert "assert" in lines[4]


def test_autograde_check_as_json(bundle):
    """The same as data; exit code 0 where all pass."""
    change(bundle, 'raise NotImplementedError("write it")', "return 1")
    done = CliRunner().invoke(app, ["check", str(bundle), "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.output)
    assert (found["passed"], found["total"], found["wrong"]) == (5, 5, {})


def test_a_module_that_cannot_be_imported_is_one_sentence(bundle):
    """A syntax error names the file of tests that it stops and the reason, once."""
    change(bundle, "def backward(x):", "def backward(x)")
    done = CliRunner().invoke(app, ["check", str(bundle)])
    assert done.exit_code == 1
    assert "SyntaxError" in done.output
    assert "0 of 0 public tests pass." in done.output
    assert "Traceback" not in done.output


def test_a_message_has_no_name_of_our_modules(bundle):
    """assert_close's sentence stands alone, in the summary and in a check cell, and our frames are hidden."""
    (bundle / "public" / "test_layers.py").write_text(
        textwrap.dedent(
            """
            import numpy as np
            from grader.checks import assert_close
            from layers import forward


            def test_forward():
                x = np.arange(12.0).reshape(3, 4)
                assert_close(forward(x), 6 * x, name="the result", inputs={"x": x})
            """
        )
    )
    found = public_tests.run([str(bundle / "public")], bundle)
    (case,) = found.cases
    assert case.message.startswith("the result is 3 times too small")
    assert "grader." not in case.message
