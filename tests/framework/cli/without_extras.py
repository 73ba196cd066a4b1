"""Every command in an installation without extras, as `tests/framework/cli/test_extras.py` runs it: JSON of what came of each.

Run with the folder of a course. What our extras bring cannot be imported here, however it is asked for.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
from pathlib import Path

from packaging.requirements import Requirement

from grader import DISTRIBUTION
from grader.cli.extras import needed_by_extras

#: What the package needs anyway, and what only developers have: it stays.
_BASE = {
    Requirement(line).name.lower().replace("_", "-")
    for line in importlib.metadata.requires(DISTRIBUTION) or ()
    if "extra ==" not in line
}
BLOCKED = {name for name, extra in needed_by_extras() if extra not in ("dev", "fuzz")} - _BASE


class Blocked:
    """An importer that finds nothing of the blocked packages, nor of what comes with them."""

    def __init__(self):
        owners = importlib.metadata.packages_distributions()
        brought = {name.lower().replace("_", "-") for name in BLOCKED} | {
            "nbformat",
            "nbconvert",
            "nbclient",
            "traitlets",
            "ipython",
        }
        self.modules = {
            module for module, names in owners.items() if {n.lower().replace("_", "-") for n in names} & brought
        }

    def find_spec(self, name, path=None, target=None):
        """Refuse the blocked ones."""
        if name.partition(".")[0] in self.modules:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def call(app, words):
    """Exit code, output and exception of a command."""
    from typer.testing import CliRunner

    done = CliRunner().invoke(app, words)
    error = done.exception
    broken = None if error is None or isinstance(error, SystemExit) else f"{type(error).__name__}: {error}"
    return {"code": done.exit_code, "output": done.output, "broken": broken}


def main(root: Path) -> None:
    """Run every command with arguments that lead it to its work."""
    sys.meta_path.insert(0, Blocked())
    from grader.cli.main import app
    from tools.reference import command_line, commands

    course = ["--course", str(root / "autograde.yml")]
    more = {
        "check": [str(root / "bundle")], "submit": [str(root / "bundle")], "init": [str(root / "new course"), "--yes"],
        "roster import": [str(root / "class.csv")], "collect": ["tiny", str(root / "inbox")], "export": ["tiny", "--format", "csv"],
        "new": ["another"], "grade": ["tiny"], "feedback": ["tiny"], "leaderboard": ["tiny"], "validate": ["tiny"], "release": ["tiny"],
        "adopt": [str(root / "hw.ipynb"), "--name", "adopted"], "demo": ["--out", str(root / "demo")],
        "copy-store": ["--store", "postgresql://nobody@localhost/none"],
    }  # fmt: skip
    results = {}
    for name, command in commands(command_line()):
        takes = {option for parameter in command.params for option in parameter.opts}
        words = [*name.split(), *more.get(name, []), *(course if "--course" in takes else [])]
        results[name] = call(app, words)
    sys.stdout.write(json.dumps(results))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
