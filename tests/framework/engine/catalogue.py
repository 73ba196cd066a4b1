"""Submissions to the tiny course (tests/support/tiny.py): one file or folder each, and what it must lose.

A file holds what its author wrote instead of the solution: it is put behind the text of the solution's ``basics.py``, so
that a name defined in it replaces the solution's. Of a folder, ``basics.py`` and ``plain.py`` are treated so; every other file
is handed in as it is. A docstring opens with the idea. Lines ``key: value`` follow:

- a verdict, such as ``wrong_answer``: the checks that end in it, or ``all`` for every check that needs ``basics.py``; every
  check that is not named is passed.
- ``file``: the solution's file that a single file continues; without it ``basics.py``.
- ``expect``: ``apart`` where a test of its own judges the outcome.

What cannot lie in a file of this folder (no text, a notebook, names of ours) is in MADE.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from grader.records import Verdict
from tests.support.tiny import BASICS, PLAIN, SUITE, handed_in

SUBMISSIONS = Path(__file__).parent / "submissions"

#: Checks that need basics.py; all but the one of plain.py.
OF_BASICS = tuple(name for name in re.findall(r"^def (test_\w+)", SUITE, re.MULTILINE) if name != "test_total")
ADD = ("test_add", "test_add_probe")
_KEYS = (*(verdict.value for verdict in Verdict), "file", "expect")
_HEAD = re.compile(r'"""(.*?)"""', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Case:
    """One submission: its files, and the verdict of every check that it does not pass (None: a test of its own says)."""

    files: dict[str, bytes]
    lost: dict[str, Verdict] | None


def cases() -> dict[str, Case]:
    """Every submission by name, in the order of folders and names."""
    paths = sorted(path for path in SUBMISSIONS.glob("*/*") if path.is_dir() or path.suffix == ".py")
    found = {path.stem: _read(path) for path in paths}
    assert len(found) == len(paths), "two submissions have the same name"
    assert not set(found) & set(MADE), "two submissions have the same name"
    return MADE | found


def lose(verdict: Verdict, checks: Iterable[str] = OF_BASICS) -> dict[str, Verdict]:
    """The same verdict for each of the checks."""
    return dict.fromkeys(checks, verdict)


def _read(path: Path) -> Case:
    texts = {file.name: file.read_text() for file in path.iterdir()} if path.is_dir() else {}
    main = texts.get("basics.py", texts.get("plain.py")) if texts else path.read_text()
    head = _HEAD.match(main or "")
    assert head, f"{path} does not open with a docstring that says what it tries"
    idea, *lines = head[1].strip().splitlines()
    keys = dict(line.split(": ", 1) for line in lines if line)
    assert idea, f"{path} says nothing of its idea"
    assert set(keys) <= set(_KEYS), f"{path}: of {sorted(keys)} only {_KEYS} mean anything"
    texts = texts or {keys.get("file", "basics.py"): path.read_text()}
    files = {name: text.encode() for name, text in texts.items()}
    for name, solution in (("basics.py", BASICS), ("plain.py", PLAIN)):
        files[name] = f"{solution}\n\n{texts.get(name, '')}".encode()
    return Case(files, None if "expect" in keys else _lost(keys))


def _lost(keys: dict[str, str]) -> dict[str, Verdict]:
    lost: dict[str, Verdict] = {}
    for verdict in Verdict:
        checks = keys.get(verdict.value, "").split()
        lost |= lose(verdict, OF_BASICS if checks == ["all"] else checks)
    assert set(lost) <= {*OF_BASICS, "test_total"}, f"no such check: {sorted(set(lost) - {*OF_BASICS, 'test_total'})}"
    return lost


def _notebook(*sources: str) -> dict[str, bytes]:
    """A notebook with nothing but these cells."""
    cells = [{"cell_type": "code", "source": source, "metadata": {}, "outputs": []} for source in sources]
    return {"hw.ipynb": json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}).encode()}


#: Files that pytest, Python and we would read, were they ours.
_NAMES_OF_OURS = {
    "torch.py": "raise SystemExit\n",
    "numpy.py": "raise SystemExit\n",
    "json.py": "raise SystemExit\n",
    "conftest.py": "raise SystemExit\n",
    "probes.py": "raise SystemExit\n",
    "grader/__init__.py": "raise SystemExit\n",
    "sitecustomize.py": "import os; os._exit(0)\n",
    "usercustomize.py": "import os; os._exit(0)\n",
    "tests/test_tiny.py": "def test_add(): pass\n",
    "pytest.ini": "[pytest]\naddopts = --co\n",
    "pyproject.toml": "[tool.pytest.ini_options]\naddopts = '--co'\n",
}

#: What stands in ``basics.py`` and keeps it from being imported, by what its student reads: the cause, and what to do.
IMPORTS: dict[str, tuple[str | bytes, str]] = {
    "colab": ("from google.colab import drive", "`google.colab` exists only on Colab: delete this import"),
    "wandb": ("import wandb", "Grading does not need it"),
    "python_2": ("from past.builtins import xrange", "It is for Python 2"),
    "a_package": ("import some_package", "If it is a package, do without it, or ask the course's staff"),
    "magic": ("%matplotlib inline", "are for notebooks: delete them from a `.py` file"),
    "shell": ("!pip install tqdm", "nothing can be installed here"),
    "ipython": ("get_ipython().run_line_magic('matplotlib', 'inline')", "`get_ipython` exists only in notebooks"),
    "relative": ("from .nowhere import total", "not in a package: write `from nowhere import total`, without the dot"),
    "relative_module": ("from . import nowhere", "write `import nowhere`, without the dot"),
    "package_of_others": ("from nowhere.metrics import f1_score", "If it is a package, do without it"),
    "letters": ("import Plain", "Your submission has `plain.py`: upper and lower case differ here"),
    "name_misspelt": ("from plain import totl", "It defines `total`; did you mean that?"),
    "newer_library": ("from itertools import batched_of_nobody", "which has no `itertools.batched_of_nobody`"),
    "newer_package": ("from numpy import nothing_at_all", "`numpy` has no `nothing_at_all` in the version that is installed here"),
    "no_import": ("x = np.zeros(3)", "does not import it: `import numpy as np`"),
    "json": ("x = {'a': null}", "`null` is JSON; Python writes `None`"),
    "exit_plain": ("exit()", "This ends the program"),
    "unittest": ("import unittest\nunittest.main()", 'put code that trains, tests or asks for input below `if __name__ == "__main__":`'),
    "arguments": ("import argparse\nargparse.ArgumentParser().parse_args(['--odd'])", "from a command line here"),
    "asks": ("n = input()", "Nobody can type an answer"),
    "own_test": ("assert add(1, 1) == 3", "This is one of your own tests"),
    "on_its_machine": ("open('/content/drive/MyDrive/x.csv')", "That path exists only on your machine. Read no files on import"),
    "on_windows": (r"open('C:\\Users\\ada\\x.csv')", 'open it as `Path(__file__).parent / "x.csv"`'),
    "beside": ("open('data/plain.py')", 'Your submission has `plain.py`: open `Path(__file__).parent / "plain.py"`'),
    "changes_folder": ("import os\nos.chdir('/content')", "already runs in the folder of your files: delete the line"),
    "writes_elsewhere": ("open('/home/ada/x', 'w')", "write files only beside your code and in `/tmp`"),
    "downloads": ("import urllib.request as r\nr.urlopen('http://example.org')", "graded without a network"),
    "installs": ("import subprocess\nsubprocess.run('pip install x >&2; false', shell=True, check=True)", "nothing can be installed"),
    "screen": ("import matplotlib\nmatplotlib.use('TkAgg')\nimport matplotlib.pyplot as p\np.figure()", "without a screen"),
    "gpu": ("x = torch.zeros(2).cuda()", "The grader has no GPU"),
    "invisible": ("x = \u200b1", "U+200B (zero width space) in column 5, which is not Python"),
    "hard_space": ("x =\u00a01", "U+00A0 (no-break space) in column 4"),
    "quotes": ("x = \u201cnet\u201d", 'Type `"` instead'),
    "minus": ("x = 1 \u2212 2", "Type `-` instead"),
    "merge": ("<<<<<<< HEAD\nx = 1", "a merge conflict that Git left"),
    "fence": ("```python\nx = 1\n```", "This line comes from formatted text"),
    "prompt": (">>> x = 1", "are interpreter prompts"),
    "tabs": ("if True:\n        x = 1\n\tx = 2", "Let your editor turn tabs into four spaces"),
    "backslash": ("x = 'C:\\Users'", "A backslash in a string begins an escape"),
}  # fmt: skip
#: Files that only carry the name of a module, whole.
KINDS: dict[str, tuple[bytes, str]] = {
    "pdf": (b"%PDF-1.4\n%\xe2\xe3", "`basics.py` is a PDF document, not a Python file"),
    "office": (b"PK\x03\x04\x14\0", "`basics.py` is a zip archive or an office document, not a Python file"),
    "web_page": (b"<!DOCTYPE html>\n<html></html>", "`basics.py` is a web page, not a Python file"),
}

MADE = {
    "solution": Case(handed_in(), {}),
    "solution_again": Case(handed_in(), {}),
    "files_with_names_of_ours": Case(
        handed_in() | {name: text.encode() for name, text in _NAMES_OF_OURS.items()},
        {},
    ),
    "a_notebook_alone": Case(
        _notebook(f"%%part basics.py\n{BASICS}print(add)\nraise SystemExit", f"!ls\n{PLAIN}", "import os; os._exit(0)"),
        {},
    ),
    "a_notebook_with_a_wrong_sign": Case(
        _notebook(
            "%time import torch",
            "def add(x, y):\n    return -x - y",
            "def mean(x:\n",
            "%%writefile plain.py\n" + PLAIN,
        ),
        # `mean` is complete in this course's stubs, which have no regions: a cell that cannot be read takes nothing from it.
        lose(Verdict.WRONG_ANSWER, ADD),
    ),
    "file_is_missing": Case({"basics.py": BASICS.encode()}, lose(Verdict.WRONG_ANSWER, ["test_total"])),
    "nothing": Case(
        {},
        lose(Verdict.WRONG_ANSWER, {*OF_BASICS, "test_total"} - {"test_bug", "test_skip"}),
    ),
    "not_text": Case({"basics.py": b"\xff\xfe\x00x = 1\n", "plain.py": PLAIN.encode()}, lose(Verdict.RUNTIME_ERROR)),
    "null_bytes": Case({"basics.py": b"x = 1\0\n", "plain.py": PLAIN.encode()}, lose(Verdict.RUNTIME_ERROR)),
}

MADE |= {
    f"import_{name}": Case(
        handed_in() | {"basics.py": BASICS.encode() + b"\n\n" + (text.encode() if isinstance(text, str) else text)},
        lose(Verdict.RUNTIME_ERROR),
    )
    for name, (text, _) in IMPORTS.items()
}
MADE |= {
    f"kind_{name}": Case({"basics.py": data, "plain.py": PLAIN.encode()}, lose(Verdict.RUNTIME_ERROR))
    for name, (data, _) in KINDS.items()
}
#: Every submission by name.
CLASS = cases()
