"""Reading hidden suites without running them."""

from __future__ import annotations

import textwrap

import pytest

from grader.course import read_suite
from grader.errors import AuthoringError


def suite(tmp_path, text, name="test_it.py"):
    (tmp_path / name).write_text(textwrap.dedent(text), encoding="utf-8")
    return tmp_path


def test_checks_are_read_in_order(tmp_path):
    """Every declared thing arrives, with defaults for the rest; nothing is imported or run."""
    suite(
        tmp_path,
        '''
        import nothing_of_that_name
        raise SystemExit

        @points(4, hint="Subtract "
                        "the maximum.", visibility="after_due", timeout=10)
        @pytest.mark.parametrize("scale", [1, 2])
        def test_values(student, scale):
            """`softmax` follows its definition.

            More for staff.
            """

        def helper(): ...

        class TestNet:
            @checks.points(0.5)
            def test_method(self):
                """A method counts too."""
        ''',
    )
    suite(tmp_path, '@points(1)\ndef test_first():\n    """First."""\n', name="test_a.py")
    first, values, method = read_suite(tmp_path)
    assert (first.id, first.points, first.file.name, first.line) == ("test_first", 1.0, "test_a.py", 2)
    assert (values.title, values.hint) == ("`softmax` follows its definition.", "Subtract the maximum.")
    assert (values.points, values.visibility, values.timeout) == (4.0, "after_due", 10.0)
    assert (method.id, method.points, method.visibility, method.timeout) == ("test_method", 0.5, "visible", None)


CHECK = '@points({0})\ndef test_a():\n    """Title."""\n'


@pytest.mark.parametrize(
    ("text", "what", "line"),
    [
        ("@points(1)\ndef test_a(): ...\n", "`test_a` has no docstring", 2),
        ('@points(1)\ndef test_a():\n    """ """\n', "`test_a` has no docstring", 2),
        ('def test_a():\n    """Title."""\n', "`test_a` has no points", 1),
        ('@points\ndef test_a():\n    """Title."""\n', "points takes one number", 1),
        (CHECK.format(""), "points takes one number", 1),
        (CHECK.format("2, 3"), "points takes one number", 1),
        (CHECK.format("POINTS"), "points is not written out", 1),
        (CHECK.format("-1"), "points must be a number, 0 or more", 1),
        (CHECK.format("True"), "points must be a number, 0 or more", 1),
        (CHECK.format("'4'"), "points must be a number, 0 or more", 1),
        (CHECK.format("1e999"), "points must be a number, 0 or more", 1),
        (CHECK.format("4, hnt='x'"), "points takes no `hnt`", 1),
        (CHECK.format("4, **more"), "points takes no `**`", 1),
        (CHECK.format("4, hint=3"), "the hint must be text", 1),
        (CHECK.format("4, visibility='secret'"), "unknown visibility", 1),
        (CHECK.format("4, timeout=0"), "the timeout must be", 1),
        (CHECK.format("4") + CHECK.format("4"), "`test_a` is defined twice (first at test_it.py:2)", 5),
        ("def test_a(:\n", "not valid Python", 1),
        ("x = 1\n", "has no check", None),
    ],
)
def test_mistakes_of_authors(tmp_path, text, what, line):
    """Each names the file and line, what is wrong and how to fix it."""
    suite(tmp_path, text)
    with pytest.raises(AuthoringError) as caught:
        read_suite(tmp_path)
    assert what in caught.value.what
    assert caught.value.fix
    assert caught.value.where == (f"{tmp_path / 'test_it.py'}:{line}" if line else str(tmp_path))


def test_same_name_in_two_files(tmp_path):
    """A check's id is unique over the whole suite, not over its file."""
    suite(tmp_path, CHECK.format(1), "test_a.py")
    suite(tmp_path, CHECK.format(1), "test_b.py")
    with pytest.raises(AuthoringError, match=r"defined twice \(first at test_a\.py:2\)"):
        read_suite(tmp_path)


def test_all_mistakes_come_at_once(tmp_path):
    """The first is the error, the others are listed."""
    suite(tmp_path, 'def test_a(): ...\n\ndef test_b():\n    """B."""\n')
    with pytest.raises(AuthoringError, match=r"and 1 more:\n.*test_it\.py:3: `test_b` has no points"):
        read_suite(tmp_path)


def test_no_suite(tmp_path):
    """A folder without tests is no suite."""
    with pytest.raises(AuthoringError, match="no hidden suite"):
        read_suite(tmp_path / "missing")
