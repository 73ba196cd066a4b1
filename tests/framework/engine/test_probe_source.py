"""hidden/probes.py with what it imports from grader.probes written into it: all that the worker gets of ours."""

from __future__ import annotations

import sys
import traceback

import pytest

from grader.engine.probe_source import read_probes
from grader.errors import AuthoringError
from grader.sandbox.untrusted.worker_process import _Server

pytestmark = pytest.mark.torch

PROBES = '''\
"""Probes."""
import torch

from grader.probes import (  # the library
    LinearClassifier as Model,
    Watched,
)

LINE = 8


def run(x):
    """Modes and sizes of two passes."""
    model = Watched(Model(torch.ones(2, 3)))
    model(x)
    model.eval()
    with torch.no_grad():
        model(x[:1])
    return model.seen


def fail():
    raise ValueError  # line 23
'''


def shipped(tmp_path, text):
    """The shipped source of a probes.py with this text."""
    path = tmp_path / "probes.py"
    path.write_text(text)
    return read_probes(path)


@pytest.fixture
def server(tmp_path, monkeypatch):
    """The worker's server, in this process, with a submission's folder at the end of the import path."""
    folder = tmp_path / "submission"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    yield _Server(None, str(tmp_path))
    for name in [name for name in sys.modules if name.startswith("_probes")]:
        del sys.modules[name]


def test_probes_use_the_library_without_importing_it(tmp_path, server):
    """What is imported works, under another name too; the text that crosses names no module of ours to import."""
    import torch

    source = shipped(tmp_path, PROBES)
    assert "from grader" not in source
    run = server.probe(source, "run", [])
    assert run(torch.zeros(4, 2)) == [[True, True, 4], [False, False, 1]]
    assert server.probe(source, "Watched", []).__module__ == "_probes_watched"


def test_lines_keep_their_numbers(tmp_path, server):
    """A traceback shows the author's own line, though the import above it has become a whole module."""
    source = shipped(tmp_path, PROBES)
    assert source.splitlines()[8] == "LINE = 8"
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the line is what is asked
        server.probe(source, "fail", [])()
    assert traceback.extract_tb(caught.value.__traceback__)[-1].lineno == 23


def test_only_the_named_modules_are_shipped(tmp_path):
    """A probe that names one thing gets one module; one that names nothing gets nothing."""
    one = shipped(tmp_path, "from grader.probes import seed_all\n")
    assert "_probes_seeding" in one
    assert "_probes_watched" not in one
    assert shipped(tmp_path, "import torch\n") == "import torch\n"


def test_a_submissions_own_grader_takes_no_place(tmp_path, server):
    """Neither a file named like the library nor a module put in its place beforehand is what a probe gets."""
    (tmp_path / "submission" / "grader.py").write_text("raise SystemExit\n")
    (tmp_path / "submission" / "_probes_seeding.py").write_text("raise SystemExit\n")
    sys.modules["_probes_seeding"] = sys  # as a submission may do
    seed_all = server.probe(shipped(tmp_path, "from grader.probes import seed_all\n"), "seed_all", [])
    assert seed_all.__code__.co_filename == "grader/probes/seeding.py"


@pytest.mark.parametrize(
    ("text", "what", "fix", "line"),
    [
        ("\nfrom grader.probes import Wached\n", "has no Wached", "Watched", 2),
        ("from grader.checks import assert_close\n", "cannot import grader.checks", "move the code into a check", 1),
        ("import grader.probes\n", "cannot be shipped", "from grader.probes import NAME", 1),
        ("def f():\n    from grader.probes import fit\n", "cannot be shipped", "top level", 2),
        ("x = 1; from grader.probes import fit\n", "cannot be shipped", "lines of its own", 1),
        ("from grader.probes import fit; x = 1\n", "cannot be shipped", "lines of its own", 1),
        ("def f(:\n", "not valid Python", "syntax", 1),
    ],
)
def test_what_cannot_be_shipped_is_refused_with_its_line(tmp_path, text, what, fix, line):
    """The worker lacks the rest of ours, so an import of it is the author's mistake, named before anything runs."""
    with pytest.raises(AuthoringError) as caught:
        shipped(tmp_path, text)
    assert what in caught.value.what
    assert fix in caught.value.fix
    assert caught.value.where == f"{tmp_path / 'probes.py'}:{line}"
