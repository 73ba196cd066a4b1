"""Grade the adopted examples by the tools that they were made for, and keep what these say.

    python -m tools.adopted            # compare with what is kept
    python -m tools.adopted --write    # keep it

nbgrader runs in this environment, Otter in one of its own in a temporary folder. The tests compare our scores with what is kept
in tests/framework/authoring/adopted/scores.json (tests/framework/authoring/test_adopt.py).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "tests" / "framework" / "authoring" / "adopted"
SCORES = EXAMPLES / "scores.json"
OTTER = "otter-grader==7.0.0"
#: Submissions of each example by name, as edits of the solution; what is named `nothing` has no body left.
SQUARES = {
    "right": (),
    "one short": (("range(1, n + 1)", "range(1, n)"),),
    "no error": (("if n < 1:", "if False:"),),
    "sample deviation": (("np.std(x)", "np.std(x, ddof=1)"),),
    "both wrong": (("i ** 2", "i ** 3"), ("/ scaler.std", "* scaler.std")),
}
SOFTMAX = {
    "right": (),
    "keeps the sign": (("x * x", "x * abs(x)"),),
    "overflows": (("np.exp(s - s.max())", "np.exp(s)"),),
    "no sum": (("e / e.sum()", "e"),),
}


def edited(notebook: dict, edits: tuple[tuple[str, str], ...]) -> dict:
    """A copy of the instructor's notebook with its solution changed; each edit must apply once."""
    text = json.dumps(notebook)
    for find, replace in edits:
        assert text.count(json.dumps(find)[1:-1]) == 1, find
        text = text.replace(json.dumps(find)[1:-1], json.dumps(replace)[1:-1])
    return json.loads(text)


def run(*command: object, cwd: Path) -> str:
    """Run a command; its output."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{command} failed:\n{(done.stdout + done.stderr)[-3000:]}")
    return done.stdout


def by_nbgrader(folder: Path) -> dict[str, dict[str, float]]:
    """What nbgrader gives each cell of each submission."""
    from nbgrader.api import Gradebook

    notebook = json.loads((EXAMPLES / "squares.ipynb").read_text(encoding="utf-8"))
    source = folder / "source" / "squares" / "squares.ipynb"
    source.parent.mkdir(parents=True)
    source.write_text(json.dumps(notebook))
    (folder / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.course_id = 'adopted'\n")
    run(sys.executable, "-m", "nbgrader", "generate_assignment", "squares", cwd=folder)
    ids = {f"s{number}": name for number, name in enumerate(SQUARES)}
    for student, name in ids.items():
        target = folder / "submitted" / student / "squares" / "squares.ipynb"
        target.parent.mkdir(parents=True)
        changed = edited(notebook, SQUARES[name])
        for cell in changed["cells"]:
            lines = "".join(cell["source"]).splitlines(keepends=True)
            cell["source"] = [line for line in lines if not re.match(r"\s*### (BEGIN|END) SOLUTION", line)]
        target.write_text(json.dumps(changed))
    run(sys.executable, "-m", "nbgrader", "autograde", "squares", "--create", cwd=folder)
    scores = {}
    with Gradebook(f"sqlite:///{folder}/gradebook.db") as gradebook:
        for student, name in ids.items():
            grades = gradebook.find_submission_notebook("squares", "squares", student).grades
            scores[name] = {
                grade.name: grade.auto_score
                for grade in sorted(grades, key=lambda g: g.name)
                if grade.auto_score is not None
            }
    return scores


def by_otter(folder: Path) -> dict[str, dict[str, float]]:
    """What Otter gives each question of each submission."""
    uv = Path(sys.executable).with_name("uv")
    run(uv, "venv", "--quiet", "--python", sys.executable, folder / "env", cwd=folder)
    python = folder / "env" / "bin" / "python"
    bench = ROOT / "tests" / "bench" / "constraints.txt"
    run(
        uv,
        "pip",
        "install",
        "--quiet",
        "--python",
        python,
        "--constraint",
        bench,
        OTTER,
        "numpy",
        "ipykernel",
        cwd=folder,
    )
    notebook = json.loads((EXAMPLES / "softmax_lab.ipynb").read_text(encoding="utf-8"))
    (folder / "softmax_lab.ipynb").write_text(json.dumps(notebook))
    (folder / "data.csv").write_text("x\n1\n")
    run(python, "-m", "otter", "assign", "--no-run-tests", "--no-pdfs", "softmax_lab.ipynb", "dist", cwd=folder)
    (zipped,) = (folder / "dist" / "autograder").glob("*.zip")
    solution = json.loads((folder / "dist" / "autograder" / "softmax_lab.ipynb").read_text(encoding="utf-8"))
    scores = {}
    for number, name in enumerate(SOFTMAX):
        path = folder / f"s{number}.ipynb"
        path.write_text(json.dumps(edited(solution, SOFTMAX[name])))
        (folder / f"out{number}").mkdir()
        run(python, "-m", "otter", "run", "-a", zipped, "-o", folder / f"out{number}", path, cwd=folder)
        results = json.loads((folder / f"out{number}" / "results.json").read_text(encoding="utf-8"))
        scores[name] = {test["name"]: test["score"] for test in results["tests"] if test.get("max_score")}
    return scores


def main() -> None:
    """Grade, and compare or keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="keep what the tools give")
    parser.add_argument("--only", choices=["nbgrader", "otter"], help="run this tool alone")
    options = parser.parse_args()
    kept = json.loads(SCORES.read_text(encoding="utf-8"))
    scores = dict(kept)
    for name, grade in (("nbgrader", by_nbgrader), ("otter", by_otter)):
        if options.only in (None, name):
            with tempfile.TemporaryDirectory() as folder:
                scores[name] = grade(Path(folder))
            if options.write:
                SCORES.write_text(json.dumps(scores, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(scores, indent=2))
    if not options.write and kept != scores:
        sys.exit("this is not what is kept")


if __name__ == "__main__":
    main()
