"""Python source, read and not run: what statements bind and import, and where they begin."""

from __future__ import annotations

import ast
import warnings

import pytest

from grader.errors import UNREADABLE
from grader.python_source import bound_names, first_line, imported_modules, imports_of, module_imports, parse


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("def f(a):\n    b = 1", ["f"]),
        ("async def f(): ...", ["f"]),
        ("class C:\n    x = 1", ["C"]),
        ("import a.b, c as d", ["a", "d"]),
        ("from a import b, c as d", ["b", "d"]),
        ("from a import *", []),
        ("x = y = 1", ["x", "y"]),
        ("(a, *b), c.d, e[f] = g", ["a", "b"]),
        ("x: int = 1", ["x"]),
        ("x: int", []),
        ("x += 1", ["x"]),
        ("if t:\n    a = 1\nelif u:\n    b = 1\nelse:\n    def c(): ...", ["a", "b", "c"]),
        (
            "try:\n    import a\nexcept ImportError:\n    a = b = None\nelse:\n    c = 1\nfinally:\n    d = 1",
            ["a", "c", "d", "a", "b"],
        ),
        ("print(x)", []),
        ("for i in x: y = i", []),
    ],
)
def test_what_a_statement_binds(code, names):
    """Names of a module, in the order of the text; arguments and what functions bind inside are none of them."""
    (node,) = parse(code).body
    assert bound_names(node) == names


def test_what_a_module_imports():
    """Only top-level names, absolute imports alone, wherever they stand; a relative import is told apart."""
    assert imported_modules("import a.b, c\nfrom d.e import f\nfrom . import g\n") == {"a", "c", "d"}
    assert module_imports("def f():\n    import a\n") == (frozenset({"a"}), False)
    assert module_imports("from .x import y\n") == (frozenset(), True)
    assert [list(imports_of(node)) for node in parse("from a.b import c, d").body] == [["a.b", "a.b.c", "a.b.d"]]


def test_a_statement_begins_at_its_first_decorator():
    """Cutting a function out takes its decorators along."""
    (plain, decorated) = parse("x = 1\n@a\n@b(\n  1)\ndef f(): ...\n").body
    assert (first_line(plain), first_line(decorated), decorated.lineno) == (1, 2, 5)


def test_reading_prints_no_warning():
    """A student's invalid escape is theirs to see when they run it, not the grader's to print."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert isinstance(parse("x = '\\d'\nx is 1\n"), ast.Module)


@pytest.mark.parametrize("source", ["def f(:", b"\xff", "\x00", "(" * 5000, "-" * 200_000 + "1"])
def test_what_is_no_python_raises_what_is_listed(source):
    """Each is one of UNREADABLE, so whoever reads a student's file can catch them all."""
    with pytest.raises(UNREADABLE):
        parse(source)


def test_bytes_are_read_by_the_encoding_that_they_declare():
    """As Python itself reads a file."""
    (node,) = parse("# coding: latin-1\nx = 'ü'\n".encode("latin-1")).body
    assert node.value.value == "ü"
