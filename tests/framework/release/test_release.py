"""The release builder: stubs, notebook, allow-list, drift, proof and packing."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import replace
from datetime import datetime
from importlib.metadata import FileHash, PackagePath
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import grader
from grader import files
from grader.course import Profile, load_course, read_suite
from grader.course.environment import describe_environment
from grader.errors import AuthoringError, CourseError, ReleaseError
from grader.release import build, bundle_notebook, find_leaks, pack, prove_clean, secrets, wheel
from grader.release.handing_in import handing_in
from grader.student import check
from tests.support.builder import Homework, build_course

ROOT = Path(__file__).parents[3]

CONFIG = """
course: {name: Tiny}
assignments:
  tiny:
    title: A tiny assignment
    files: [tiny.py, net.py]
  other:
    title: Another one
    files: [tiny.py]
"""
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
NET = '''
"""A net."""


class Net:
    """One layer."""

    ### BEGIN SOLUTION
    default_gain = 2.0 ** 0.5 * 3
    ### END SOLUTION

    def forward(self, x: list[float]) -> list[float]:
        """Scale `x`."""
        ### BEGIN SOLUTION
        return [self.default_gain * item for item in x]
        ### END SOLUTION
'''
NOTEBOOK = """
# %% [markdown]
# # Tiny
# Write `softmax` in tiny.py.

# %%
from tiny import softmax

# %% [markdown]
# Why does `softmax` subtract the largest score?

# %% [markdown] nbgrader=GRADE
# Because exponentials overflow, the maximum is subtracted first.

# %% nbgrader=SOLUTION
curve = [1, 2]
### BEGIN SOLUTION
curve = [softmax(value * curve) for value in range(7)]
### END SOLUTION
"""
CELL = {"locked": False, "schema_version": 3, "solution": True, "task": False}
NOTEBOOK = NOTEBOOK.replace("GRADE", json.dumps({**CELL, "grade": True, "grade_id": "explain", "points": 2}))
NOTEBOOK = NOTEBOOK.replace("=SOLUTION", "=" + json.dumps({**CELL, "grade": False, "grade_id": "plot"}))
PUBLIC = '''
"""Public checks."""

import numpy as np
from tiny import softmax


def test_rows_sum_to_one():
    """Each row sums to one."""
    assert np.allclose(softmax(np.zeros((2, 5))).sum(axis=1), 1)
'''
HIDDEN = '''
"""Hidden checks."""

from grader.checks import assert_close, points


@points(4, hint="Subtract the row maximum before you exponentiate.")
def test_softmax(student, np_rng):
    """`softmax` follows its definition."""
    secret_scores = 1e4 * np_rng.normal(size=(4, 10))
    assert_close(student.softmax(secret_scores), independent_softmax(secret_scores), name="probabilities")


@points(1.5, visibility="hidden")
def test_accuracy(student):
    """`accuracy` counts hits."""
    assert student.accuracy([[1, 0]], [0]) == 1, "one right answer of one is an accuracy of 1"
'''
PROBES = '''
"""Probes."""


def train_for_long(model, steps=117):
    return [model.forward([step / 3]) for step in range(steps)]
'''
VARIANTS = """
- name: no-shift
  kind: wrong
  why: overflows
  edit: {file: tiny.py, find: "x - x.max(axis=1, keepdims=True)", replace: "x.astype(np.longdouble) * 1.0"}
  expect: {test_softmax: wrong_answer}
"""


def homework(name: str) -> Homework:
    """A whole assignment with its solution."""
    return Homework(
        name,
        {"tiny.py": SOLUTION.lstrip(), "net.py": NET.lstrip()},
        suite="",
        probes=PROBES.lstrip(),
        public=PUBLIC.lstrip(),
        notebook=NOTEBOOK.lstrip(),
        readme="# Tiny\n\nWrite softmax.\n",
        variants=VARIANTS.lstrip(),
        file="test_tiny.py",
        more={
            "hidden/test_softmax.py": HIDDEN.lstrip(),
            "data/points.csv": "x,y\n1,2\n",
            "public/__pycache__/test_tiny.pyc": "litter",
            "public/notes.txt": "not on the allow-list\n",
        },
    )


def make_course(root: Path):
    return load_course(build_course(root, CONFIG, homework("tiny"), homework("other")))


@pytest.fixture(scope="session")
def released(tmp_path_factory):
    """A course whose two assignments went through nbgrader, together and once for all tests."""
    course = make_course(tmp_path_factory.mktemp("course"))
    build.build_release(course, ["tiny", "other"])
    return course


@pytest.fixture
def course(tmp_path, released, monkeypatch):
    """A course of the test's own that takes its notebooks from the one nbgrader run."""
    made = {
        name: (released.assignment(name).release_folder / f"{name}.ipynb").read_text() for name in ("tiny", "other")
    }
    monkeypatch.setattr(build, "release_notebooks", lambda sources: {name: made[name] for name in sources})
    return make_course(tmp_path)


@pytest.fixture
def bundle(course):
    return build.make_bundles(course, ["tiny"])[0]


# --- notebook


def released_notebook(course, name="tiny"):
    import nbformat

    return nbformat.read(course.assignment(name).release_folder / f"{name}.ipynb", as_version=4)


def test_the_notebook_ends_in_a_locked_cell_for_each_check(released):
    """Points and ids come from the suite, nbgrader has locked and check-summed them, and no test is in them."""
    cells = released_notebook(released).cells
    heading, *tests = cells[-3:]
    assert "5.5 points" in heading.source
    assert [(cell.metadata.nbgrader.grade_id, cell.metadata.nbgrader.points) for cell in tests] == [
        ("test_softmax", 4),
        ("test_accuracy", 1.5),
    ]
    for cell in tests:
        assert cell.metadata.nbgrader.locked
        assert cell.metadata.nbgrader.grade
        assert len(cell.metadata.nbgrader.checksum) == 32
        assert cell.metadata.deletable is False
        assert cell.metadata.editable is False
        assert "student." not in cell.source


def test_a_check_cell_runs_public_tests_and_holds_none(released, tmp_path, monkeypatch, capsys):
    """A student who runs it gets the public tests of the same part: they fail on the stub, and pass on the solution."""
    cell = released_notebook(released).cells[-2]
    assert "`softmax` follows its definition." in cell.source
    assert cell.source.endswith("check('test_softmax', ['softmax'])")
    folder = tmp_path / "bundle"
    shutil.copytree(released.assignment("tiny").release_folder, folder)
    monkeypatch.setattr(sys, "path", sys.path[:])
    with pytest.raises(AssertionError, match=r"^not written yet: `softmax`$"):
        check("test_softmax", ["softmax"], folder)
    sys.modules.pop("tiny", None)
    (folder / "tiny.py").write_text(SOLUTION)
    check("test_softmax", ["softmax"], folder)
    assert "1 public test passes of this part" in capsys.readouterr().out
    check("test_accuracy", ["accuracy"], folder)
    assert "no public test covers its part" in capsys.readouterr().out
    sys.modules.pop("tiny", None)


def test_solutions_are_gone_from_the_notebook(released):
    """The code region and the model answer are cut by nbgrader, which left its stubs."""
    sources = [cell.source for cell in released_notebook(released).cells]
    assert "YOUR ANSWER HERE" in sources
    assert "curve = [1, 2]\n# YOUR CODE HERE\nraise NotImplementedError()" in sources
    assert not any("range(7)" in source or "overflow" in source for source in sources)


def test_the_notebook_is_valid_and_holds_nothing_volatile(released):
    """No outputs, no execution counts, no versions; ids are unique and say what they are."""
    import nbformat

    made = released_notebook(released)
    nbformat.validate(made)
    assert made.metadata == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    assert len({cell.id for cell in made.cells}) == len(made.cells)
    assert made.cells[-1].id == "test_accuracy"
    assert not any(cell.get("outputs") for cell in made.cells)


def test_a_second_build_gives_the_same_bytes(released):
    """With nbgrader and all; and nothing has drifted right after a build."""
    before = build.read_folder(released.assignment("tiny").release_folder)
    (again,) = build.make_bundles(released, ["tiny"])
    assert again.files == before


@pytest.mark.nbgrader
def test_editing_one_cell_leaves_the_other_ids_alone(tmp_path):
    """Ids come from content, not from position, so a diff of the release stays local; twins are told apart."""
    path = tmp_path / "notebook.py"
    path.write_text("# %%\na = 1\n\n# %%\nb = 1\n\n# %%\nb = 1\n")
    before = [cell.id for cell in bundle_notebook.source_notebook(path, ()).cells]
    path.write_text("# %%\nnew = 1\n\n# %%\na = 1\n\n# %%\nb = 1\n\n# %%\nb = 1\n")
    after = [cell.id for cell in bundle_notebook.source_notebook(path, ()).cells]
    assert after[1:] == before
    assert len(set(after)) == 4


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ('# %%\na = 1\n\n# %% nbgrader={"grade_id": "x"} [markdown]\n# b\n', 4, "cannot be read"),
        ('# %% nbgrader={"grade_id": "test_softmax"}\na = 1\n', 1, "used twice"),
        ('# %% nbgrader={"grade_id": "x"}\na\n\n# %% nbgrader={"grade_id": "x"}\na\n', 1, "used twice"),
    ],
)
def test_broken_cell_metadata_is_named(course, text, line, says):
    """A marker that jupytext cannot read, or an id that is taken, is an author's error with its line."""
    item = course.assignment("tiny")
    path = item.folder / "notebook.py"
    path.write_text(text)
    with pytest.raises(AuthoringError, match=says) as error:
        bundle_notebook.source_notebook(path, read_suite(item.hidden_folder))
    assert error.value.where == f"{path}:{line}"


@pytest.mark.nbgrader
def test_a_missing_notebook_is_named(tmp_path):
    """An assignment without a notebook is an author's error."""
    with pytest.raises(AuthoringError, match="no notebook"):
        bundle_notebook.source_notebook(tmp_path / "notebook.py", ())


@pytest.mark.nbgrader
def test_nbgraders_own_complaint_is_quoted(monkeypatch):
    """What nbgrader says reaches the author, without the temporary folder's name."""
    import nbformat

    def refuse(command, **options):
        assert "--no-db" in command
        return subprocess.CompletedProcess(command, 1, "", f"{options['cwd']}/source: Duplicate grade id: x")

    monkeypatch.setattr(bundle_notebook.subprocess, "run", refuse)
    with pytest.raises(ReleaseError, match="COURSE/source: Duplicate grade id: x"):
        bundle_notebook.release_notebooks({"tiny": nbformat.v4.new_notebook()})


# --- build


def test_a_release_holds_what_is_on_the_allow_list_and_nothing_else(released):
    """Handout, notebook, stubs, public tests and their data, conftest, and what sets up a student's machine."""
    assert list(build.read_folder(released.assignment("tiny").release_folder)) == [
        ".devcontainer/devcontainer.json",
        "POLICIES.md",
        "README.md",
        "conftest.py",
        "data/points.csv",
        "net.py",
        "public/test_tiny.py",
        "pyproject.toml",
        "requirements.txt",
        "tiny.ipynb",
        "tiny.py",
    ]
    assert not list((released.root / "release").glob(".*"))


def test_the_handout_ends_with_how_to_hand_in(course):
    """The files by name, the form, the date in the course's timezone, and what grades: Python, packages, GPU or none."""
    assignment = course.assignment("tiny")
    told = handing_in(assignment)
    assert all(f"`{file}`" in told for file in assignment.files)
    assert describe_environment() in told
    assert "without a GPU and without a network" in told
    assert build.bundle_files(assignment)["README.md"].decode().endswith(told)
    assert ("By when" in told) == (assignment.due is not None)
    due = datetime(2026, 12, 4, 23, 59, tzinfo=ZoneInfo("Europe/Berlin"))
    profiles = {"big": Profile("big", device="cuda")}
    told = handing_in(replace(assignment, due=due, profiles=profiles))
    assert "- **By when:** 4 December 2026, 23:59 (Europe/Berlin), unless" in told
    assert "on a GPU and without a network" in told


def test_a_release_replaces_the_folder_as_a_whole(course):
    """A file that the sources no longer make is gone, and nothing is left beside."""
    folder = course.assignment("tiny").release_folder
    build.build_release(course, ["tiny"])
    (folder / "old.py").write_text("x = 1\n")
    assert build.build_release(course, ["tiny"]) == (folder,)
    assert not (folder / "old.py").exists()
    assert [path.name for path in folder.parent.iterdir()] == ["tiny"]


@pytest.mark.parametrize("exchange", [True, False])
def test_a_failed_swap_leaves_the_old_release(course, monkeypatch, exchange):
    """When the new folder cannot be moved in, the old one is where it was."""
    folder = course.assignment("tiny").release_folder
    build.build_release(course, ["tiny"])
    rename = Path.rename

    def fail(self, target):
        if self.name == "new":
            raise OSError("disk is gone")
        return rename(self, target)

    if exchange:
        monkeypatch.setattr(files, "_exchange", fail)
    else:
        monkeypatch.setattr(files, "_renameat2", lambda: None)
        monkeypatch.setattr(Path, "rename", fail)
    (course.assignment("tiny").folder / "README.md").write_text("changed\n")
    with pytest.raises(OSError, match="disk is gone"):
        build.build_release(course, ["tiny"])
    assert (folder / "README.md").read_text().startswith("# Tiny")
    assert [path.name for path in folder.parent.iterdir()] == ["tiny"]


def test_one_bad_assignment_stops_all(course):
    """Nothing is written before everything has been built and proved."""
    (course.assignment("other").solution_folder / "tiny.py").write_text("### BEGIN SOLUTION\nx = 1\n")
    with pytest.raises(AuthoringError, match="never closed") as error:
        build.build_release(course, ["tiny", "other"])
    assert error.value.where == "solutions/other/tiny.py:1"
    assert not (course.root / "release").exists()


@pytest.mark.parametrize("missing", ["README.md", "public/test_tiny.py"])
def test_a_missing_part_is_named(course, missing):
    """An assignment without a handout or a public test is not released."""
    (course.assignment("tiny").folder / missing).unlink()
    with pytest.raises(AuthoringError, match="the assignment has no"):
        build.make_bundles(course, ["tiny"])


def test_a_link_is_not_followed(course):
    """A link in the public folder could lead to the hidden suite."""
    folder = course.assignment("tiny").folder
    (folder / "public" / "test_more.py").symlink_to(folder / "hidden" / "test_softmax.py")
    with pytest.raises(AuthoringError, match="is a link"):
        build.make_bundles(course, ["tiny"])


def test_an_unknown_assignment_is_refused(course):
    """The course says what it has."""
    with pytest.raises(CourseError, match="no assignment"):
        build.build_release(course, ["tinny"])


def test_no_drift_after_a_build(course):
    """What tools leave behind in the folder is no drift."""
    build.build_release(course, ["tiny"])
    litter = course.assignment("tiny").release_folder / "public" / "__pycache__" / "x.pyc"
    litter.parent.mkdir()
    litter.write_bytes(b"\0")
    assert build.check_drift(course, ["tiny"]) == ""
    build.require_no_drift(course, ["tiny"])


def test_drift_is_shown_as_a_diff(course):
    """Changed, missing and surplus files, binary ones too, each by name."""
    build.build_release(course, ["tiny"])
    folder = course.assignment("tiny").release_folder
    (folder / "tiny.py").write_text((folder / "tiny.py").read_text().replace("by hand", "by foot"))
    (folder / "conftest.py").unlink()
    (folder / "surplus.bin").write_bytes(b"\xff\xfe")
    diff = build.check_drift(course, ["tiny"])
    assert '-"""Softmax, by foot."""\n+"""Softmax, by hand."""\n' in diff
    assert "--- /dev/null\n+++ release/tiny/conftest.py\n" in diff
    assert "--- release/tiny/surplus.bin\n+++ /dev/null\nbinary files differ\n" in diff
    with pytest.raises(ReleaseError, match="3 files") as error:
        build.require_no_drift(course, ["tiny"])
    assert error.value.where == "release/tiny/conftest.py"


# --- proof


def with_cell(bundle, **cell):
    """The bundle's files with one more cell in the notebook."""
    made = json.loads(bundle.files["tiny.ipynb"])
    made["cells"].append({"cell_type": "code", "metadata": {}, "source": [], "outputs": [], **cell})
    return {"tiny.ipynb": json.dumps(made).encode()}


def zipped(name: str, data: str | bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return stream.getvalue()


LINE = "return powers / powers.sum(axis=1, keepdims=True)"
HIDDEN_CALL = 'assert_close(student.softmax(secret_scores), independent_softmax(secret_scores), name="probabilities")'
QUOTE, ESCAPED = '"', "\\u0022"
LEAKS = {
    "solution line": lambda b: {"notes.txt": LINE.encode()},
    "commented and re-spaced": lambda b: {"net.py": b"#   return powers/powers.sum( axis=1,keepdims=True )\n"},
    "wrapped over two lines": lambda b: {"notes.txt": LINE.replace(" / ", "\n    / ").encode()},
    "class level region": lambda b: {"notes.txt": b"default_gain = 2.0 ** 0.5 * 3"},
    "notebook source": lambda b: with_cell(b, source=["x = 1\n", LINE]),
    "notebook output": lambda b: with_cell(b, outputs=[{"data": {"text/plain": [f"| {LINE}\n"]}}]),
    "notebook metadata": lambda b: with_cell(b, metadata={"kept": {"deep": [{"was": LINE}]}}),
    "notebook metadata key": lambda b: with_cell(b, metadata={LINE: 1}),
    "notebook's own solution": lambda b: {"notes.txt": b"curve = [softmax(value * curve) for value in range(7)]"},
    "model answer": lambda b: {"README.md": b"Because exponentials overflow, the maximum is subtracted first."},
    "escaped in JSON": lambda b: {"a.json": f'{{"a": "{HIDDEN_CALL.replace(QUOTE, ESCAPED)}"}}'.encode()},
    "hidden test line": lambda b: {"public/test_x.py": b"secret_scores = 1e4 * np_rng.normal(size=(4, 10))"},
    "hidden hint": lambda b: {"x": b'@points(4, hint="Subtract the row maximum before you exponentiate.")'},
    "probe line": lambda b: {"x": b"return [model.forward([step / 3]) for step in range(steps)]"},
    "variant edit": lambda b: {"x": b"x.astype(np.longdouble) * 1.0"},
    "hidden file": lambda b: {"public/probes.py": b""},
    "hidden folder": lambda b: {"hidden/a.txt": b""},
    "variants": lambda b: {"variants.yml": b""},
    "name of a hidden file": lambda b: {"README.md": b"see test_softmax.py"},
    "zip member": lambda b: {"a.zip": zipped("b.txt", LINE)},
    "zip in a zip": lambda b: {"a.bin": zipped("inner.zip", zipped("c.txt", LINE))},
    "name of a zip member": lambda b: {"a.zip": zipped("probes.py", "")},
    "gzip": lambda b: {"a.csv.gz": gzip.compress(LINE.encode())},
}


@pytest.mark.parametrize("kind", LEAKS)
def test_the_proof_catches_a_planted_leak(bundle, kind):
    """Whatever the kind of secret and wherever it hides; the file is named, and the secret's source."""
    planted = LEAKS[kind](bundle)
    with pytest.raises(ReleaseError, match="gives secrets away") as error:
        prove_clean({**bundle.files, **planted}, bundle.secrets, where="release/tiny")
    assert (error.value.where or "").startswith(f"release/tiny/{next(iter(planted))}")


def test_a_leak_names_both_lines(bundle):
    """The bundle's file and line, and the source's."""
    (leak,) = find_leaks({"a/b.txt": f"\n\n  {LINE}\n".encode()}, bundle.secrets)
    assert leak.where == "a/b.txt:3"
    assert leak.source == "solutions/tiny/tiny.py:11"
    (leak,) = find_leaks(with_cell(bundle, source=["a\n", LINE]), bundle.secrets)[-1:]
    assert leak.where.endswith(".source:2")


def test_many_leaks_are_counted(bundle):
    """The message stays readable when a whole solution got in."""
    whole = f"{SOLUTION}{NET}{HIDDEN}{PROBES}".encode()
    with pytest.raises(ReleaseError, match=r"and \d+ more"):
        prove_clean({"a.py": whole}, bundle.secrets)


def test_a_clean_bundle_passes(bundle):
    """What the builder makes is clean, and so are lines that anyone would write."""
    trivial = "import numpy as np\nreturn out\npass\nelse:\nloss.backward()\nfor i in range(n):\nn, d = x.shape"
    assert find_leaks({**bundle.files, "a.py": trivial.encode()}, bundle.secrets) == []


@pytest.mark.parametrize(
    ("line", "trivial"),
    [
        ("return out, cache", True),
        ("    from torch.nn import functional as F", True),
        ("optimizer.zero_grad(set_to_none=True)", True),
        ("super().__init__()", True),
        ("with torch.no_grad():", True),
        ("x = torch.zeros(n, d)", True),
        ("hidden_size = self.hidden_size", True),
        ("}", True),
        ("# -----------------------", True),
        ("return self.fc2(torch.relu(self.fc1(x)))", False),
        ("dx = dout @ w.T + b", False),
        ("y = torch.matmul(x, w)", False),
        ("# subtract the maximum first", False),
    ],
)
def test_what_is_trivial(line, trivial):
    """Idioms are, anything that carries a thought is not."""
    assert secrets.is_trivial(line) is trivial


def test_a_line_of_the_handout_may_be_in_the_solution_too(course):
    """A formula that the handout gives is no leak; the same formula is one where the handout does not give it."""
    folder = course.assignment("tiny").folder
    (folder / "README.md").write_text(f"# Tiny\n\nEnd with `{LINE}`.\n")
    (bundle,) = build.make_bundles(course, ["tiny"])
    assert find_leaks(bundle.files, bundle.secrets) == []


def test_a_whole_solution_in_the_handout_is_a_leak(course):
    """Every line of a region in one file is a pasted solution, whatever the handout may say."""
    folder = course.assignment("tiny").folder
    lines = SOLUTION.splitlines()
    body = "\n".join(f"> {line}" for line in lines[9:12])
    (folder / "README.md").write_text(f"# Tiny\n\n{body}\n")
    with pytest.raises(ReleaseError, match=r"README.md:9 holds all 3 telling lines of solutions/tiny/tiny.py:9-11"):
        build.build_release(course, ["tiny"])
    assert not (course.root / "release").exists()


def test_a_bundle_that_cannot_be_read_is_not_proved(bundle):
    """A notebook that is no JSON may hide anything."""
    with pytest.raises(ReleaseError, match="no valid JSON"):
        find_leaks({"a.ipynb": b"{"}, bundle.secrets)


def test_pictures_do_no_harm(bundle):
    """Binary data is searched as it is."""
    assert find_leaks({"a.png": base64.b64decode("iVBORw0KGgo=") + bytes(range(256))}, bundle.secrets) == []


# --- pack


@pytest.fixture(scope="session")
def own_wheel():
    """The framework's wheel, as bundles carry it."""
    return wheel.own_wheel()


def test_the_wheel_is_reproducible_and_ours_alone(own_wheel):
    """The same package gives the same bytes; no assignment, no README and no litter is in it, and its RECORD holds."""
    name, data = own_wheel
    assert wheel.own_wheel() == (name, data)
    assert name == build.WHEEL_NAME == f"autograde_torch-{grader.__version__}-py3-none-any.whl"
    members = pack.unpack(data)
    assert {member.split("/")[0] for member in members} == {"grader", f"{name.split('-py3')[0]}.dist-info"}
    assert not [member for member in members if "__pycache__" in member]
    info = f"{name.split('-py3')[0]}.dist-info"
    record = [line.rsplit(",", 2) for line in members[f"{info}/RECORD"].decode().splitlines()]
    assert [path for path, _, _ in record] == [*sorted(set(members) - {f"{info}/RECORD"}), f"{info}/RECORD"]
    for path, digest, size in record[:-1]:
        raw = base64.urlsafe_b64encode(hashlib.sha256(members[path]).digest()).rstrip(b"=").decode()
        assert (digest, int(size)) == (f"sha256={raw}", len(members[path]))
    assert "Try it" not in members[f"{info}/METADATA"].decode()


def test_the_wheel_holds_what_the_package_needs_besides_modules(own_wheel):
    """Templates, migrations, styles and data sets."""
    members = pack.unpack(own_wheel[1])
    here = Path(grader.__file__).parent
    files = {f"grader/{path.relative_to(here).as_posix()}" for path in here.rglob("*") if path.is_file()}
    wanted = {path for path in files if "__pycache__" not in path and not path.startswith("grader/authoring/")}
    assert {path.rsplit(".", 1)[-1] for path in wanted} >= {"py", "j2", "css", "js", "npz"}
    assert {path for path in members if path.startswith("grader/")} == wanted


class Installed:
    """A distribution that is installed in ``root``, as importlib.metadata shows one, with a RECORD."""

    version = "1.0"

    def __init__(self, root, files):
        self.root, self.texts = (
            root,
            {"METADATA": "Metadata-Version: 2.4\nName: autograde-torch\nVersion: 1.0\n\n# Try it\n"},
        )
        self.files = []
        for name, data in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(data)
            path = PackagePath(name)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            path.hash, path.size, path.dist = FileHash(f"sha256={digest}"), len(data), self
            self.files.append(path)

    def locate_file(self, path):
        """Where a file is."""
        return self.root / path

    def read_text(self, name):
        """A text of its metadata."""
        return self.texts.get(name)


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """An installation from a wheel, with the course beside the package."""
    files = {
        "grader/__init__.py": b"x = 1\n",
        "grader/a.css": b"a {}\n",
        "autograde_course/solutions/a.py": b"y = 2\n",
        "../../bin/autograde": b"#!\n",
    }
    made = Installed(tmp_path / "lib" / "site-packages", files)
    monkeypatch.setattr(wheel.importlib.metadata, "distribution", lambda name: made)
    return made


def test_an_installed_package_is_packed_by_its_record(installed):
    """Without a source tree; neither programs nor the course that came along is packed."""
    name, data = wheel.own_wheel()
    assert name == "autograde_torch-1.0-py3-none-any.whl"
    assert {path for path in pack.unpack(data) if not path.startswith("autograde_torch")} == {
        "grader/__init__.py",
        "grader/a.css",
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [(lambda path: path.unlink(), "is missing"), (lambda path: path.write_text("x = 2\n"), "was changed")],
)
def test_an_installation_that_was_changed_is_not_handed_out(installed, change, words):
    """What students get is what was installed."""
    path = installed.root / "grader" / "__init__.py"
    change(path)
    with pytest.raises(ReleaseError, match=words) as error:
        wheel.own_wheel()
    assert error.value.where == str(path)
    assert "--force-reinstall" in error.value.fix


@pytest.mark.slow
def test_the_archives_hold_the_package_and_the_course(tmp_path):
    """The source archive builds both; the wheel has the course beside the package, and an editable one has not."""
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    (source,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    folders = ("grader/", "assignments/", "solutions/")
    assert {name for name in names if not name.startswith(folders)} == {
        "CHANGELOG.md", "LICENSE", "README.md", "autograde.yml", "hatch_build.py", "pyproject.toml", "weights.txt", ".gitignore", "PKG-INFO",
    }  # fmt: skip
    (built,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        members = archive.namelist()
    course = {name.removeprefix("autograde_course/") for name in members if name.startswith("autograde_course/")}
    tracked = subprocess.run(
        ["git", "ls-files", "assignments", "solutions", "autograde.yml", "weights.txt"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert course >= set(tracked.stdout.split())
    assert not [name for name in members if "__pycache__" in name or ".pytest_cache" in name]


def test_two_packs_are_the_same_bytes(released, own_wheel, tmp_path):
    """Whatever the time, the umask and the order of the folder."""
    (first,) = pack.pack_release(released, ["tiny"], tmp_path / "a", wheel=own_wheel)
    (released.assignment("tiny").release_folder / "tiny.py").touch()
    (second,) = pack.pack_release(released, ["tiny"], tmp_path / "b", wheel=own_wheel)
    assert first.read_bytes() == second.read_bytes()
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["tiny.zip"]
    with zipfile.ZipFile(first) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {info.external_attr >> 16 for info in archive.infolist()} == {0o100644}
        assert archive.namelist() == sorted(archive.namelist())


def test_files_of_a_bundle_show_when_it_was_released(released, own_wheel, tmp_path, monkeypatch):
    """A student sees the date of the release, not the first of 1980, and the bytes follow from that date alone."""
    dates = {}
    for given in ("1780000000", "1790000000", "none"):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", given)
        (path,) = pack.pack_release(released, ["tiny"], tmp_path / given, wheel=own_wheel)
        with zipfile.ZipFile(path) as archive:
            (dates[given],) = {info.date_time for info in archive.infolist()}
    assert dates == {
        "1780000000": (2026, 5, 28, 20, 26, 40),
        "1790000000": (2026, 9, 21, 14, 13, 20),
        "none": (1980, 1, 1, 0, 0, 0),  # this course is in no repository, and does not say when it was released
    }


def test_the_bundle_names_the_wheel_that_it_carries(released, own_wheel, tmp_path):
    """requirements.txt is one text, committed and packed: what grades, and the wheel's path, which the zip has."""
    (path,) = pack.pack_release(released, ["tiny"], tmp_path, wheel=own_wheel)
    members = pack.unpack(path.read_bytes())
    requirements = members["tiny/requirements.txt"].decode()
    assert f"# You are graded with {describe_environment()}.\n" in requirements
    assert f"Python {sys.version_info.major}.{sys.version_info.minor}, torch 2." in requirements
    line, *pins = [line for line in requirements.splitlines() if not line.startswith("#")]
    assert [pin.partition("==")[0] for pin in pins] == ["torch", "torchvision", "numpy"]
    assert requirements.index("--torch-backend cpu") < requirements.index("pip install -r requirements.txt\n# You")
    assert line == f"./wheels/{build.WHEEL_NAME}[student,notebook]"
    assert members[f"tiny/wheels/{build.WHEEL_NAME}"] == own_wheel[1]


def test_a_leak_in_the_committed_folder_stops_the_pack(course, own_wheel, tmp_path):
    """The zip is proved as it was packed; nothing is written."""
    build.build_release(course, ["tiny"])
    (course.assignment("tiny").release_folder / "notes.md").write_text(LINE)
    with pytest.raises(ReleaseError, match="gives secrets away") as error:
        pack.pack_release(course, ["tiny"], tmp_path / "dist", wheel=own_wheel)
    assert error.value.where == "tiny.zip/tiny/notes.md:1"
    assert not (tmp_path / "dist").exists()


def test_a_whole_hidden_test_in_the_wheel_stops_the_pack(course):
    """Our wheel may hold idioms of the hidden suite but no whole block of it."""
    build.build_release(course, ["tiny"])
    planted = zipped("grader/demo.py", f"{SOLUTION}{HIDDEN}")
    with pytest.raises(ReleaseError, match="telling lines"):
        pack.pack_release(course, ["tiny"], course.root / "dist", wheel=(build.WHEEL_NAME, planted))


def test_packing_before_a_release_says_what_to_run(course, own_wheel):
    """Nothing released, nothing packed."""
    with pytest.raises(ReleaseError, match="nothing is released yet") as error:
        pack.pack_release(course, ["tiny"], course.root / "dist", wheel=own_wheel)
    assert "autograde release tiny" in (error.value.fix or "")


def test_a_wheel_of_another_version_is_refused(course):
    """The requirements would name a file that is not there."""
    with pytest.raises(ReleaseError, match=r"requirements\.txt name"):
        pack.pack_release(course, ["tiny"], course.root, wheel=("autograde-9-py3-none-any.whl", b""))


def test_public_tests_run_in_the_unpacked_bundle(released, own_wheel, tmp_path):
    """`pytest public` finds the student's modules: red with the stub, in its words, and green with the solution."""
    (path,) = pack.pack_release(released, ["tiny"], tmp_path, wheel=own_wheel)
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    stub = subprocess.run([*command, "public"], cwd=tmp_path / "tiny", capture_output=True, text=True, check=False)
    assert stub.returncode == 1, stub.stdout + stub.stderr
    assert "NotImplementedError: softmax: write your solution here" in stub.stdout
    (tmp_path / "tiny" / "tiny.py").write_text(SOLUTION)
    solved = subprocess.run(command, cwd=tmp_path / "tiny", capture_output=True, text=True, check=False)
    assert solved.returncode == 0, solved.stdout + solved.stderr
