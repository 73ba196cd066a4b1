"""Walks through formgrader in a real JupyterLab: `make formgrader`. Pictures go to the folder that is named.

Assignments are listed; a submission is autograded by its button and its score appears; a written answer is marked, and
the mark arrives in our store. Servers listen on loopback only and are ended by their ids.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from grader.course import load_course  # noqa: E402
from grader.nbgrader.diff import differences  # noqa: E402
from grader.nbgrader.layout import NbgraderLayout, open_gradebook  # noqa: E402
from grader.nbgrader.run_step import run_step  # noqa: E402
from grader.nbgrader.sync import sync  # noqa: E402
from tests.support import gradebook as small  # noqa: E402
from tools.formgrader.browser import Browser, end, find, wait  # noqa: E402

CONFIG = "from grader.nbgrader import configure\nconfigure(get_config(), {path!r})\n"


def prepare(root: Path) -> NbgraderLayout:
    """A course of two submissions: ada's is graded and has an answer to mark, grace's is handed over only."""
    path = small.write_course(root)
    (root / "nbgrader_config.py").write_text(CONFIG.format(path=str(path)))
    layout = NbgraderLayout(load_course(path))
    assignment = layout.course.assignment("hw")
    sync(layout, [assignment], wheel=False)
    assert run_step(layout, "GenerateAssignment", "hw") == ""
    blank = (layout.released("hw") / "hw.ipynb").read_bytes()
    for student, scores in (("ada", (4.0, 2.5, 1.5)), ("grace", (2.0, 2.5, 0.0))):
        notebook = small.edited(blank, lambda cells, who=student: _answer(cells, f"So says {who}."))
        files = {"work.py": f"# {student}\n".encode(), "hw.ipynb": notebook}
        submission = layout.store.put_submission("hw", student, files, received_at=datetime(2030, 1, 1, tzinfo=UTC))[0]
        layout.store.record(submission, small.report_of(assignment, files, scores))
    sync(layout, [assignment], wheel=False)
    assert run_step(layout, "Autograde", "hw", "ada") == ""
    return layout


def _answer(cells: list[dict], words: str) -> None:
    for cell in cells:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "why":
            cell["source"] = words


def start_lab(root: Path) -> tuple[subprocess.Popen[bytes], str, str]:
    """JupyterLab in the course's root, its address and its token."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    private = root / "jupyter"
    environment = {
        **os.environ,
        "JUPYTER_TOKEN": token,
        "JUPYTER_CONFIG_DIR": str(private),
        "JUPYTER_DATA_DIR": str(private),
        "JUPYTER_RUNTIME_DIR": str(private),
        "IPYTHONDIR": str(private),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": str(ROOT),
    }
    log = (root / "lab.log").open("wb")
    process = subprocess.Popen(
        [
            sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", f"--port={port}", "--allow-root",
            "--expose-app-in-browser", f"--ServerApp.root_dir={root}",
        ],
        cwd=root, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"

    def up() -> bool:
        if process.poll() is not None:
            raise RuntimeError((root / "lab.log").read_text()[-2000:])
        try:
            with urllib.request.urlopen(f"{address}/api/status?token={token}"):
                return True
        except (urllib.error.URLError, ConnectionError):
            return False

    wait(up, "JupyterLab did not start", 180)
    return process, address, token


def walk(layout: NbgraderLayout, browser: Browser, address: str, token: str, pictures: Path) -> None:
    """The walk itself; raises where something is not as it must be."""
    browser.go(f"{address}/lab?token={token}&reset")
    browser.until("window.jupyterapp && window.jupyterapp.commands.hasCommand('nbgrader:open-formgrader')", 300)
    browser.ask("window.jupyterapp.commands.execute('nbgrader:open-formgrader').then(() => true)")
    inside = "[...document.querySelectorAll('iframe')].map(f => f.contentDocument && f.contentDocument.body.innerText).join()"
    browser.until(f"{inside}.includes('hw')", 120)
    browser.picture(pictures / "1-formgrader-in-jupyterlab.png")

    browser.go(f"{address}/formgrader/manage_submissions/hw?token={token}")
    browser.until("document.body.innerText.includes('grace') && !!document.querySelector('td.autograde a')")
    assert "needs autograding" in browser.ask("document.body.innerText"), "grace's was not graded yet"
    row = "[...document.querySelectorAll('tr')].find(r => r.innerText.includes('grace'))"
    browser.ask(f"{row}.querySelector('td.autograde a').click()")
    browser.until("document.body.innerText.includes('Successfully autograded')", 300)
    browser.picture(pictures / "2-autograded.png")
    browser.ask("document.querySelector('.modal button, button.close')?.click()")
    browser.until(f"/4[.]5/.test({row}.innerText)", 60)
    browser.picture(pictures / "3-score.png")

    browser.go(f"{address}/formgrader/gradebook/hw/hw?token={token}")
    browser.until("document.querySelectorAll('tbody a').length > 0")
    link = browser.ask(
        "[...document.querySelectorAll('tbody a')].map(a => a.href).find(h => h.includes('/submissions/'))"
    )
    browser.go(link)
    browser.until("!!document.querySelector('#why.score')")
    assert "model answer and rubric" in browser.ask("document.body.innerText"), "the rubric is beside the answer"
    browser.ask("document.querySelector('#why.score').scrollIntoView({block: 'center'})")
    browser.type("#why.score", "4")
    browser.type("#why-comment", "Well **argued**.")
    wait(lambda: _marked(layout), "the mark was not saved", 60)
    browser.picture(pictures / "4-marked.png")

    done = sync(layout, [layout.course.assignment("hw")], wheel=False)
    marks = [mark for given in layout.store.marks("hw").values() for mark in given.values() if mark.points == 4]
    assert [mark.comment for mark in marks] == ["Well **argued**."], marks
    assert not done.problems
    left = differences(layout, [layout.course.assignment("hw")])
    assert left == [], left

    student = marks[0].student
    assert run_step(layout, "GenerateFeedback", "hw", student) == ""
    browser.go((layout.feedback("hw", student) / "hw.html").as_uri())
    browser.picture(pictures / "5-feedback.png")


def _marked(layout: NbgraderLayout) -> bool:
    with open_gradebook(layout) as gradebook:
        notebooks = [notebook for entry in gradebook.assignment_submissions("hw") for notebook in entry.notebooks]
        marks = {grade.manual_score for notebook in notebooks for grade in notebook.grades}
        comments = {comment.manual_comment for notebook in notebooks for comment in notebook.comments}
    return 4 in marks and "Well **argued**." in comments


def main() -> int:
    """Walk; 3 where this machine has no browser."""
    program = find()
    if program is None:
        sys.stderr.write("no Chromium on this machine; install one, such as: apt-get install chromium\n")
        return 3
    pictures = Path(sys.argv[1] if len(sys.argv) > 1 else "build/formgrader")
    with tempfile.TemporaryDirectory(prefix="autograde-formgrader-") as folder:
        root = Path(folder)
        layout = prepare(root)
        lab, address, token = start_lab(root)
        browser = None
        try:
            browser = Browser(program, width=1500, height=1300)
            walk(layout, browser, address, token, pictures)
        except BaseException:
            if browser is not None:
                browser.picture(pictures / "failed.png")
            sys.stderr.write((root / "lab.log").read_text()[-4000:])
            raise
        finally:
            if browser is not None:
                browser.close()
            end(lab)
    sys.stdout.write(json.dumps({"pictures": sorted(path.name for path in pictures.glob("*.png"))}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
