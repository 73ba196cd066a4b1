"""Students' notebooks as attacks: on the score by cells, outputs and metadata, and on whoever looks at them."""

from __future__ import annotations

import base64
import json
import os
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.course import load_course
from grader.errors import SystemFault
from grader.nbgrader import sanitize
from grader.nbgrader.cell_outputs import outputs_of
from grader.nbgrader.config import configure
from grader.nbgrader.layout import NbgraderLayout, open_gradebook
from grader.nbgrader.restore_notebook import Known, restore
from grader.nbgrader.run_step import run_step
from grader.nbgrader.sync import sync
from grader.records import CheckResult, Report, Verdict
from tests.support import gradebook as small

pytestmark = pytest.mark.filterwarnings("ignore")
SCORES = (2.0, 0.0, 0.0)
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
EVIL = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"


def result(text):
    return {"output_type": "execute_result", "data": {"text/plain": text}, "metadata": {}, "execution_count": 1}


def by_id(cells, name):
    return next(cell for cell in cells if cell["metadata"].get("nbgrader", {}).get("grade_id") == name)


def show_a_thousand(cells):
    for name in ("test_double", "test_half", "test_both"):
        by_id(cells, name)["outputs"] = [result("1000")]
        by_id(cells, name)["source"] = "1000"


def show_words(cells):
    shown = {"output_type": "display_data", "data": {"text/plain": "2.5"}, "metadata": {}}
    for name in ("test_double", "test_half", "test_both"):
        by_id(cells, name)["outputs"] = [shown, result("full marks"), result("-1"), result("nan")]


def raise_the_points(cells):
    for cell in cells:
        if "nbgrader" in cell["metadata"]:
            cell["metadata"]["nbgrader"] |= {"points": 1000, "grade": True, "locked": False, "solution": True}


def delete_the_tests(cells):
    return [cell for cell in cells if not cell["metadata"].get("nbgrader", {}).get("grade_id", "").startswith("test_")]


def add_known_ids(cells):
    more = [json.loads(json.dumps(by_id(cells, "test_double"))) for _ in range(3)]
    for cell in more:
        cell["outputs"], cell["source"] = [result("4")], "4"
    return [more[0], *cells, *more[1:]]


def turn_a_test_into_an_answer(cells):
    by_id(cells, "test_half")["cell_type"] = "markdown"
    by_id(cells, "test_half")["metadata"]["nbgrader"] |= {"solution": True, "task": True, "cell_type": "markdown"}


def nonsense_metadata(cells):
    for index, junk in enumerate([None, [], "x", {"grade_id": ["test_double"]}, {"grade": True}, {"grade_id": "../x"}]):
        cells.append(
            {"cell_type": "code", "source": "1", "metadata": {"nbgrader": junk}, "outputs": [junk], "id": str(index)}
        )
    cells += [None, 7, {"cell_type": "weird", "source": 3}, {"cell_type": "raw", "source": EVIL, "metadata": []}]


def huge_outputs(cells):
    by_id(cells, "test_double")["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "x" * 3_000_000}] * 4
    cells[0]["outputs"] = [{"output_type": "stream", "name": "stderr", "text": "y" * 3_000_000}]


def run_scripts(cells):
    data = base64.b64encode(PNG).decode()
    pictures = {"image/svg+xml": f"<svg onload='x()'>{EVIL}</svg>", "image/png": f'{data}" onerror="x()'}
    cells[1]["outputs"] = [
        {"output_type": "display_data", "data": {"text/html": EVIL, "text/plain": "plain"}, "metadata": {}},
        {"output_type": "display_data", "data": {"application/javascript": "document.title='owned'"}, "metadata": {}},
        {"output_type": "display_data", "data": pictures, "metadata": {}},
        {"output_type": "display_data", "data": {"image/png": data}, "metadata": {}},
        {"output_type": "display_data", "data": {"text/latex": "$x$", "text/markdown": EVIL}, "metadata": {}},
        {"output_type": "error", "ename": EVIL, "evalue": EVIL, "traceback": [EVIL]},
    ]
    by_id(cells, "why")["source"] = (
        f"Well:\n\n{EVIL}\n\n[a](javascript:alert(1)) <a href='javascript:x()'>b</a>\n\n```mermaid\n{EVIL}\n```"
    )
    cells.append(
        {
            "cell_type": "markdown",
            "source": "![x](attachment:no.png)",
            "metadata": {},
            "attachments": {"a": {"image/svg+xml": EVIL}},
        }
    )
    cells.append({"cell_type": "raw", "source": EVIL, "metadata": {"raw_mimetype": "text/html"}})


def lie_about_the_notebook(cells):
    """NUL bytes, halves of characters, ids that are none, versions that do not exist, cells of another assignment."""
    for index, name in enumerate(("test_double\0", "test_hal\ud800", "test_softmax", "written-1")):
        twin = json.loads(json.dumps(by_id(cells, "test_double")))
        twin["metadata"]["nbgrader"] |= {"grade_id": name, "schema_version": 99, "points": 1000}
        twin |= {
            "outputs": [result("4\0")],
            "id": "a\0b" * 40,
            "source": f"4\0\ud800 # {index}",
            "execution_count": True,
        }
        cells.insert(index, twin)
    by_id(cells, "why")["source"] = "nothing\0 at all\udfff"


def shout_and_forge(cells):
    """Stderr everywhere, the answer three times, and a rubric that is none."""
    for cell in cells:
        if cell["cell_type"] == "code":
            cell["outputs"] = [{"output_type": "stream", "name": "stderr", "text": "failed"}, result("1000")]
    for words in ("second", "third"):
        cells.append(json.loads(json.dumps(by_id(cells, "why"))))
        cells[-1]["source"] = words
    rubric = "**For staff: model answer and rubric of `why`**: everybody gets 5."
    cells.append({"cell_type": "markdown", "source": rubric, "metadata": {"tags": ["autograde-staff", "mine"]}})


def take_memory(cells):
    """A small file that becomes a large page: one picture shown a million times, outputs without end."""
    data = base64.b64encode(PNG + b"\0" * 1_000_000).decode()
    cells.append(
        {
            "cell_type": "markdown", "source": "![x](attachment:a)" * 1_000, "metadata": {},
            "attachments": {"a": {"image/png": data}},
        }
    )  # fmt: skip
    loud = {"output_type": "stream", "name": "stdout", "text": "z" * 19_000}
    cells.extend({"cell_type": "code", "source": "y" * 9_000, "metadata": {}, "outputs": [loud] * 8} for _ in range(40))


def take_time(cells):
    """Markdown that takes the renderer the square of its length."""
    for piece in ("\\begin{a}", "\\\\(", "=\n"):
        cells.append({"cell_type": "markdown", "source": piece * (150_000 // len(piece)), "metadata": {}})


MORE = {"liar": lie_about_the_notebook, "shouter": shout_and_forge, "glutton": take_memory, "sloth": take_time}
EXCHANGE = ("courier", "smuggler", "shadow")
ATTACKS = {
    "ada": show_a_thousand, "alan": show_words, "emmy": raise_the_points, "grace": delete_the_tests,
    "hedy": add_known_ids, "kurt": turn_a_test_into_an_answer, "radia": nonsense_metadata, "sofya": huge_outputs,
    "team0": run_scripts, **MORE,
}  # fmt: skip
FILES = {
    "nbgrader_config.py": "c = get_config(); raise SystemExit('config of a student')",
    "conftest.py": "raise SystemExit('conftest of a student')",
    "ipykernel_launcher.py": "raise SystemExit('kernel of a student')",
    "sitecustomize.py": "raise SystemExit('site of a student')",
    "grader/__init__.py": "raise SystemExit('grader of a student')",
    "timestamp.txt": "1999-01-01 00:00:00 UTC",
    "submission_secret.txt": "mine",
    "evil.html": EVIL,
    "other.ipynb": "{",
}


class Tags(HTMLParser):
    """The tags and attributes of a page, as a browser sees them."""

    def __init__(self):
        super().__init__()
        self.names, self.attributes = set(), set()

    def handle_starttag(self, tag, attrs):
        """Keep a tag."""
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}


def dressed(notebook):
    """The notebook with a version of the future, and a kernel that is a shell."""
    shell = {"name": "sh", "display_name": "sh", "argv": ["/bin/sh", "-c", "touch owned"], "language": "sh"}
    told = json.loads(notebook) | {"nbformat": 99, "nbformat_minor": "x"}
    return json.dumps(told | {"metadata": {"kernelspec": shell, "language_info": {"name": "../sh"}}}).encode()


@pytest.fixture(scope="module")
def battle(tmp_path_factory):
    """A class of attackers, each worth 2 of 8 points, autograded and given feedback by nbgrader."""
    students = (*small.ROSTER, *MORE, *EXCHANGE)
    layout = NbgraderLayout(load_course(small.write_course(tmp_path_factory.mktemp("course"), students)))
    assignment = layout.course.assignment("hw")
    sync(layout, [assignment], wheel=False)
    assert run_step(layout, "GenerateAssignment", "hw") == ""
    blank = (layout.released("hw") / "hw.ipynb").read_bytes()
    handed_in = {name: {"hw.ipynb": small.edited(blank, change)} for name, change in ATTACKS.items()}
    handed_in["liar"]["hw.ipynb"] = dressed(handed_in["liar"]["hw.ipynb"])
    handed_in["team1"] = {"hw.ipynb": b'{"cells": [' + b"[" * 50_000}
    handed_in["team2"] = {}
    handed_in["team3"] = {"hw.ipynb": blank, **{name: text.encode() for name, text in FILES.items()}}
    for student, notebooks in handed_in.items():
        files = {"work.py": f"# {student}\n".encode(), **notebooks}
        submission = layout.store.put_submission("hw", student, files, received_at=datetime(2030, 1, 1, tzinfo=UTC))[0]
        layout.store.record(submission, small.report_of(assignment, files, SCORES))
    sync(layout, [assignment], wheel=False)
    assert run_step(layout, "Autograde", "hw") == "", "no notebook breaks the batch"
    assert run_step(layout, "GenerateFeedback", "hw") == ""
    return layout


@pytest.mark.parametrize("student", [*ATTACKS, "team1", "team2", "team3"])
def test_no_notebook_gains_or_loses_a_point(battle, student):
    """Whatever the notebook says, the gradebook has the report's scores, and the full marks are the suite's."""
    with open_gradebook(battle) as gradebook:
        submission = gradebook.find_submission("hw", student)
        scores = {grade.name: grade.score for notebook in submission.notebooks for grade in notebook.grades}
        assert scores == {"test_double": 2.0, "test_half": 0.0, "test_both": 0.0, "why": 0.0}
        answered = {"liar", "shouter", "team0"}
        waiting = {
            grade.name for notebook in submission.notebooks for grade in notebook.grades if grade.needs_manual_grade
        }
        assert waiting == ({"why"} if student in answered else set()), "only an answer waits for a person"
        assert (submission.score, submission.max_score) == (2.0, 13.0)
        assert submission.timestamp == datetime(2030, 1, 1)  # noqa: DTZ001 - nbgrader's are naive


@pytest.mark.parametrize("student", [*ATTACKS, "team1", "team2", "team3"])
def test_the_course_s_cells_are_in_every_graded_notebook_once(battle, student):
    """Locked cells are as released, each once, with its points; the answer's cell is there as well."""
    import nbformat

    notebook = nbformat.read(battle.autograded("hw", student) / "hw.ipynb", 4)
    nbformat.validate(notebook)
    told = [cell.metadata.nbgrader for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade_id")]
    points = {item.grade_id: item.points for item in told if item.grade}
    assert points == {"test_double": 4, "test_half": 2.5, "test_both": 1.5, "why": 5}
    names = [item.grade_id for item in told]
    assert len(names) == len(set(names))
    sources = {cell.metadata.nbgrader.grade_id: cell.source for cell in notebook.cells if cell.metadata.get("nbgrader")}
    assert "check('test_double', ['double'])" in sources["test_double"]
    assert notebook.metadata.kernelspec.name == "python3"
    size = (battle.autograded("hw", student) / "hw.ipynb").stat().st_size
    assert size < {"glutton": 20_000_000, "sloth": 2_000_000}.get(student, 400_000)


def test_nothing_of_a_student_runs_in_a_page(battle):
    """In feedback and in what formgrader shows, there is text and there are pictures."""
    import nbformat

    notebook = nbformat.read(battle.autograded("hw", "team0") / "hw.ipynb", 4)
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert {key for output in shown for key in output.get("data", {})} <= {"text/plain", "image/png"}
    assert sum("image/png" in output.get("data", {}) for output in shown) == 1
    page = (battle.feedback("hw", "team0") / "hw.html").read_text()
    reader = Tags()
    reader.feed(page)
    assert not reader.names & {"script", "iframe", "object", "embed", "svg", "form", "base"}
    assert not [name for name in reader.attributes if name.startswith("on")]
    assert 'href="javascript:' not in page
    assert "script-src" not in page
    assert "default-src 'none'" in page.partition("<body")[0]
    assert (battle.feedback("hw", "team0") / "figures").is_dir()


def test_files_beside_the_notebook_are_inert(battle):
    """They were copied, and nothing read them; a page of the student's own is not handed back as feedback."""
    folder = battle.feedback("hw", "team3")
    assert sorted(path.name for path in folder.glob("*.html")) == ["hw.html"]
    assert (battle.submitted("hw", "team3") / "timestamp.txt").read_text().startswith("2030-01-01")
    assert (battle.submitted("hw", "team3") / "submission_secret.txt").read_text() != "mine"


def test_a_broken_notebook_is_named_to_its_student(battle):
    """The page says that the notebook could not be read; the files were graded all the same."""
    assert "cannot be read" in (battle.feedback("hw", "team1") / "hw.html").read_text()


@pytest.mark.parametrize("score", [-1.0, 4.5, float("nan"), float("inf")])
def test_a_score_that_nbgrader_would_misread_is_refused(score):
    """Negative or unreadable credit is full marks to nbgrader, so it never gets any."""
    check = CheckResult(id="t", title="T", verdict=Verdict.PARTIAL, score=score, max_score=4)
    report = Report(
        assignment="a", verdict=Verdict.PARTIAL, score=1, max_score=4, seed=1, profile="cpu", grader_version="v",
        submission_digest="d",
    )  # fmt: skip
    with pytest.raises(SystemFault, match="not between 0 and 4"):
        outputs_of(check, report, staff=False)


def test_a_forged_rubric_is_no_staff_s(battle):
    """What bears our tag is ours alone: it is cut from feedback, and a student's cell stays in it."""
    import nbformat

    notebook = nbformat.read(battle.autograded("hw", "shouter") / "hw.ipynb", 4)
    rubrics = [cell for cell in notebook.cells if "For staff: model answer" in cell.source]
    assert [cell.metadata.tags for cell in rubrics] == [["autograde-staff"], ["mine"]]
    page = (battle.feedback("hw", "shouter") / "hw.html").read_text()
    assert "everybody gets 5" in page
    assert "Because the model answer says so" not in page


WHY = Known("why", "markdown", "YOUR ANSWER HERE", "0", locked=False, grade=True, solution=True, task=False, points=5.0)


@pytest.mark.parametrize("kind", ["code", "raw"])
def test_an_answer_in_a_cell_of_another_kind_is_an_answer(kind):
    """Somebody has turned the cell into code by accident: what was typed is graded, an untouched one is none."""
    told = {"cell_type": kind, "metadata": {"nbgrader": {"grade_id": "why"}}, "outputs": []}
    (cell,) = restore([{**told, "source": "so *I* think"}], {"why": WHY}).cells
    assert (cell.cell_type, cell.metadata.nbgrader.grade_id) == ("markdown", "why")
    assert "so *I* think" in cell.source
    (cell,) = restore([{**told, "source": "YOUR ANSWER HERE"}], {"why": WHY}).cells
    assert cell.source == WHY.source, "nbgrader knows by the text that nothing was written"


def test_honest_pictures_are_shown_where_they_were():
    """One that is attached, as Jupyter does it, and one inside the text, as Colab does it; a lost one is named."""
    data = base64.b64encode(PNG + b"\0" * 300_000).decode()
    text = f"see ![a](attachment:p.png), ![b](data:image/png;base64,{data}) and ![c](attachment:gone.png), *so*"
    told = {"cell_type": "markdown", "source": text, "metadata": {}, "attachments": {"p.png": {"image/png": data}}}
    (cell,) = restore([told], {}).cells
    whole = f"data:image/png;base64,{data}"
    assert cell.source == f"see ![a]({whole}), ![b]({whole}) and [picture: c], *so*"


def collect(layout, name="hw"):
    """`nbgrader collect`, with its log."""
    import logging

    from nbgrader.apps import NbGrader
    from nbgrader.coursedir import CourseDirectory
    from traitlets.config import Config

    from grader.nbgrader.exchange import GuardedCollect

    config = Config()
    configure(config, layout.course.path)
    config.CourseDirectory.assignment_id = name
    app = NbGrader(config=config)
    app.log = logging.getLogger("autograde.nbgrader")
    GuardedCollect(coursedir=CourseDirectory(parent=app), parent=app).start()


def test_links_in_the_exchange_lead_nowhere(battle, caplog):
    """The instructor's nbgrader would follow them; here they, pipes, strangers and odd names stay behind, and others come."""
    secret = battle.course.assignment("hw").hidden_folder
    inbound = battle.exchange / "small" / "inbound"
    when = "2030-01-01 10:00:00.000000 UTC"
    for student in ("courier", "smuggler", "mallory", ".."):
        folder = inbound / f"{student}+hw+{when}+abc"
        folder.mkdir(parents=True)
        (folder / "work.py").write_text(f"# {student}\n")
        (folder / "timestamp.txt").write_text(when)
    mine = inbound / f"smuggler+hw+{when}+abc"
    (mine / "work.py").unlink()
    (mine / "work.py").symlink_to(secret / "test_work.py")
    (mine / "hidden").symlink_to(secret)
    (mine / "deep").mkdir()
    (mine / "deep" / "up").symlink_to("../../..")
    os.mkfifo(mine / "pipe")
    (inbound / f"shadow+hw+{when}+abc").symlink_to(secret)
    (inbound / "courier+hw+tomorrow").mkdir()
    with caplog.at_level("WARNING", "autograde.nbgrader"):
        collect(battle)
    submitted = battle.root / "submitted"
    come = [path for name in EXCHANGE for path in (submitted / name).rglob("*") if not path.is_dir()]
    assert {path.relative_to(submitted).as_posix() for path in come} == {
        "courier/hw/work.py", "courier/hw/timestamp.txt", "smuggler/hw/timestamp.txt",
    }  # fmt: skip
    assert not (submitted / "mallory").exists()
    assert not (battle.root / "hw").exists()
    assert not list(submitted.rglob(".collect-*"))
    for name in ("work.py", "hidden", "deep/up", "pipe", "mallory", "shadow"):
        assert name in caplog.text, caplog.text


HTML = st.lists(
    st.sampled_from(
        ["<script>", "</script>", "<img src=x onerror=a>", "`", "```", "\n", "\n\n", "[a](", "javascript:x", ")", "<a href=",
         "'", '"', ">", "<", "!--", "-->", "&lt;", "\\", "$", "\\href{", "}", "mermaid", "    ", "<svg/onload=a>", "x < y",
         "| a | b |\n|---|---|\n", "<!DOCTYPE", "<?php", "~~~", "\t", "https://e.org", "![p](", "data:text/html,"]
    ),
    max_size=14,
)  # fmt: skip


@given(HTML)
def test_rendered_markdown_never_runs(pieces):
    """Any mixture of HTML, fences, links and formulas renders to plain tags with plain addresses."""
    from nbconvert.filters import markdown2html

    page = str(markdown2html(sanitize.markdown("".join(pieces))))
    reader = sanitize._Reader()
    reader.feed(page)
    assert not reader.found


def test_plain_markdown_stays_as_it_is():
    """What honest students write is shown as they wrote it."""
    for text in (
        "a *b* `x < y` $a < b$",
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "```python\nif a<b: pass\n```",
        "1. x\n2. y",
    ):
        assert sanitize.markdown(text) == text


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "cell_type": st.sampled_from(["code", "markdown", "raw", "x"]),
                "source": st.text() | st.lists(st.text()) | st.none(),
                "metadata": st.none() | st.dictionaries(st.text(), st.text()),
                "outputs": st.none()
                | st.lists(
                    st.none() | st.text() | st.dictionaries(st.sampled_from(["output_type", "data", "text"]), st.text())
                ),
            }
        ),
        max_size=4,
    )
)
def test_any_cells_become_a_valid_notebook(cells):
    """Restoring never raises, and what comes out is a notebook."""
    import nbformat

    nbformat.validate(restore(cells, {}))
