"""Writes the two notebooks that are adopted in tests, in the public formats of nbgrader and Otter; run by hand after a change.

python -m tests.framework.authoring.adopted.make
"""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, new_raw_cell

HERE = Path(__file__).parent


def _nbgrader(cell, grade_id, *, grade=False, solution=False, points=None):
    told = {
        "grade_id": grade_id,
        "grade": grade,
        "solution": solution,
        "locked": grade and not solution,
        "schema_version": 3,
        "task": False,
    }
    cell.metadata["nbgrader"] = told | ({} if points is None else {"points": points})
    return cell


def nbgrader_notebook():
    """Sums of squares, standardisation and a written question; as nbgrader's quick start has such cells."""
    return new_notebook(
        cells=[
            new_markdown_cell("# Squares and scores\n\nTwo small functions and a question."),
            new_code_cell("%matplotlib inline\nimport math\nimport numpy as np"),
            new_code_cell(
                'SHIFT = 2.0\n\ndef clip(x):\n    """Given: keep x in [-3, 3]."""\n    return max(-3.0, min(3.0, x))'
            ),
            new_markdown_cell("## Squares\n\nWrite `squares`, which gives the squares of 1 to n."),
            _nbgrader(
                new_code_cell(
                    "def squares(n):\n"
                    '    """The squares of 1, ..., n; ValueError where n is less than 1."""\n'
                    "    ### BEGIN SOLUTION\n"
                    "    if n < 1:\n"
                    '        raise ValueError("n must be at least 1")\n'
                    "    return [i ** 2 for i in range(1, n + 1)]\n"
                    "    ### END SOLUTION"
                ),
                "squares",
                solution=True,
            ),
            new_code_cell("squares(10)"),
            _nbgrader(
                new_code_cell(
                    '"""`squares` is right for small and large n."""\n'
                    "assert squares(1) == [1]\n"
                    "assert squares(2) == [1, 4]\n"
                    "### BEGIN HIDDEN TESTS\n"
                    "assert squares(10) == [1, 4, 9, 16, 25, 36, 49, 64, 81, 100]\n"
                    "### END HIDDEN TESTS"
                ),
                "correct_squares",
                grade=True,
                points=2,
            ),
            _nbgrader(
                new_code_cell(
                    "### BEGIN HIDDEN TESTS\n"
                    "for bad in (0, -4):\n"
                    "    try:\n"
                    "        squares(bad)\n"
                    "    except ValueError:\n"
                    "        pass\n"
                    "    else:\n"
                    '        raise AssertionError("no error")\n'
                    "### END HIDDEN TESTS"
                ),
                "squares_invalid_input",
                grade=True,
                points=1,
            ),
            new_markdown_cell("## Scores"),
            _nbgrader(
                new_code_cell(
                    "class Scaler:\n"
                    "    def __init__(self, x):\n"
                    "        self.mean, self.std = np.mean(x), np.std(x)\n"
                    "\n"
                    "def standardise(x):\n"
                    "    # one line would do\n"
                    "    scaler = Scaler(x)\n"
                    "    return (x - scaler.mean) / scaler.std"
                ),
                "standardise",
                solution=True,
            ),
            new_code_cell("x = np.array([1.0, 2.0, 6.0]) + SHIFT"),
            _nbgrader(
                new_code_cell(
                    "z = standardise(x)\n"
                    "assert z.shape == (3,)\n"
                    "assert math.isclose(z.sum(), 0.0, abs_tol=1e-9)\n"
                    "### BEGIN HIDDEN TESTS\n"
                    "np.testing.assert_allclose(standardise(2 * x), z, atol=1e-9)\n"
                    "np.testing.assert_allclose(z.std(), 1.0, atol=1e-9)\n"
                    "### END HIDDEN TESTS"
                ),
                "standardised",
                grade=True,
                points=3,
            ),
            _nbgrader(new_code_cell("score = 1 if squares(3)[-1] == 9 else 0\nscore"), "partial", grade=True, points=1),
            new_markdown_cell(
                "**Question 1.** (2 points) Why does the mean of `standardise(x)` not depend on `SHIFT`?"
            ),
            _nbgrader(
                new_markdown_cell("A shift moves x and its mean alike."), "why", grade=True, solution=True, points=2
            ),
        ]
    )


def otter_notebook():
    """A square, a softmax and a question; in Otter's source format, as `otter assign` reads it."""
    shown = lambda text: [new_output("execute_result", data={"text/plain": text}, execution_count=1)]  # noqa: E731
    return new_notebook(
        cells=[
            new_raw_cell("# ASSIGNMENT CONFIG\nname: softmax_lab\ninit_cell: true\nfiles: [data.csv]\ngenerate: true"),
            new_markdown_cell("# Softmax lab"),
            new_code_cell("import numpy as np"),
            new_raw_cell("# BEGIN QUESTION\nname: q1\npoints: 2"),
            new_markdown_cell("**Question 1.** Write `square`."),
            new_raw_cell("# BEGIN SOLUTION"),
            new_code_cell(
                'def square(x):\n    """The square of x."""\n    y = x * x # SOLUTION\n    return y # SOLUTION'
            ),
            new_raw_cell("# END SOLUTION"),
            new_raw_cell("# BEGIN TESTS"),
            new_code_cell("square(3)", outputs=shown("9")),
            new_code_cell("# HIDDEN\nsquare(-2.5)", outputs=shown("6.25")),
            new_raw_cell("# END TESTS"),
            new_raw_cell("# END QUESTION"),
            new_raw_cell("# BEGIN QUESTION\nname: q2\npoints: 4"),
            new_markdown_cell("**Question 2.** Write `softmax` for a vector."),
            new_raw_cell("# BEGIN SOLUTION"),
            new_code_cell(
                "def softmax(s):\n"
                '    """exp(s) over its sum, also for large s."""\n'
                '    """ # BEGIN PROMPT\n    ...\n    """ # END PROMPT\n'
                "    # BEGIN SOLUTION\n"
                "    e = np.exp(s - s.max())\n"
                "    return e / e.sum()\n"
                "    # END SOLUTION"
            ),
            new_raw_cell("# END SOLUTION"),
            new_raw_cell("# BEGIN TESTS"),
            new_code_cell("p = softmax(np.array([0.0, 1.0]))\nbool(np.isclose(p.sum(), 1))", outputs=shown("True")),
            new_code_cell(
                '""" # BEGIN TEST CONFIG\npoints: 3\nhidden: true\n""" # END TEST CONFIG\n'
                "bool(np.isfinite(softmax(np.array([1000.0, 0.0]))).all())",
                outputs=shown("True"),
            ),
            new_raw_cell("# END TESTS"),
            new_raw_cell("# END QUESTION"),
            new_raw_cell("# BEGIN QUESTION\nname: q3\nmanual: true\npoints: 2"),
            new_markdown_cell("**Question 3.** What does adding a constant to s change?"),
            new_raw_cell("# BEGIN SOLUTION"),
            new_markdown_cell("Nothing: it cancels."),
            new_raw_cell("# END SOLUTION"),
            new_raw_cell("# END QUESTION"),
        ]
    )


def main() -> None:
    """Write both."""
    for name, notebook in (("squares.ipynb", nbgrader_notebook()), ("softmax_lab.ipynb", otter_notebook())):
        for number, cell in enumerate(notebook.cells):
            cell.id = f"cell-{number}"
        notebook.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
        (HERE / name).write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
