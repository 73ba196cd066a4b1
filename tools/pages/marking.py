"""Marks written answers by keyboard in a headless browser, saves the file and brings it in: ``python -m tools.pages.marking OUT``.

Exit code 1: what was typed is not what the store has afterwards.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from typer.testing import CliRunner

from grader.cli.main import app
from grader.course import load_course, read_questions
from grader.store.store import Store
from tools.formgrader.browser import Browser, find

NAME = "rnn_lstm"
#: What is typed for the first answer: points, and a comment that must stay text.
POINTS, COMMENT = 2.5, '=HYPERLINK("x"), but why?\nSee the lecture.'
#: Instead of a download, the saved text is kept in the page.
_CATCH = "window.saved = null; URL.createObjectURL = (blob) => { blob.text().then((text) => { window.saved = text; }); return '#'; }; 0"


def main() -> None:
    folder, program = Path(sys.argv[1]), find()
    if program is None:
        sys.exit("there is no Chromium here")
    assignment = load_course(None).assignment(NAME)
    question = read_questions(assignment.notebook_source)[0].id
    store = Store(folder / "state")
    for owner in ("ada", "alan"):
        store.put_submission(NAME, owner, {"answers.ipynb": notebook(question, owner)}, received_at=datetime.now(UTC))
    done = CliRunner().invoke(
        app, ["marks", "export", NAME, "--names", "--state", str(folder / "state"), "--out", str(folder)]
    )
    print(done.output.strip())
    saved = folder / "saved.csv"
    saved.write_text(typed(program, folder / f"{NAME}.html"), encoding="utf-8")
    done = CliRunner().invoke(app, ["marks", "import", NAME, str(saved), "--write", "--state", str(folder / "state")])
    print(done.output.strip())
    marks = store.marks(NAME)
    found = [(marks[owner][question].points, marks[owner][question].comment) for owner in ("ada", "alan")]
    store.close()
    sys.exit(found != [(POINTS, COMMENT), (1.0, "")] and f"the store has {found}")


def notebook(question: str, owner: str) -> bytes:
    """An answer that would run a script, were it not text."""
    about = {"nbgrader": {"grade": True, "grade_id": question, "solution": True}}
    cell = {"cell_type": "markdown", "metadata": about, "source": f"<script>document.title = 'bad'</script> {owner}"}
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def typed(program: str, page: Path) -> str:
    """Type points and a comment, go on with Enter, give one point with Alt and a digit, and save: the file's text."""
    browser = Browser(program)
    try:
        browser.go(page.resolve().as_uri())
        browser.ask(_CATCH)
        browser.ask("document.querySelector('.points').focus(); 0")
        browser.call("Input.insertText", text=str(POINTS))
        press(browser, "Enter", "Enter", 13)
        browser.call("Input.insertText", text=COMMENT)
        press(browser, "Enter", "Enter", 13)
        press(browser, "1", "Digit1", 49, modifiers=1)
        browser.ask("document.getElementById('save').click(); 0")
        browser.until("window.saved !== null")
        if browser.ask("document.title") == "bad":
            sys.exit("an answer's script ran")
        return browser.ask("window.saved")
    finally:
        browser.close()


def press(browser: Browser, key: str, code: str, number: int, modifiers: int = 0) -> None:
    """One key, down and up."""
    for kind in ("keyDown", "keyUp"):
        browser.call(
            "Input.dispatchKeyEvent", type=kind, key=key, code=code, windowsVirtualKeyCode=number, modifiers=modifiers
        )


if __name__ == "__main__":
    main()
