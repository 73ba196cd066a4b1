"""The one builder of small courses: what is named is written, each file where an assignment has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

#: A suite of one check, for tests that need some suite.
SUITE = '''\
"""Hidden checks."""
from grader.checks import points


@points(4, hint="Look again.")
def test_one():
    """One is one."""
'''


@dataclass(frozen=True, slots=True)
class Homework:
    """One assignment. An empty text is a file that is not written.

    ``modules`` are the files of the solution by name; ``file`` is the name of its test file, hidden and public; ``more`` is whatever else belongs into the assignment's folder, by path
    below it.
    """

    name: str
    modules: Mapping[str, str]
    suite: str = SUITE
    probes: str = ""
    public: str = ""
    notebook: str = ""
    readme: str = ""
    variants: str = ""
    file: str = "test_it.py"
    more: Mapping[str, str] = field(default_factory=dict)

    def files(self) -> dict[str, str]:
        """Every file by its path below the course's root."""
        folder = {
            f"hidden/{self.file}": self.suite,
            "hidden/probes.py": self.probes,
            f"public/{self.file}": self.public,
            "notebook.py": self.notebook,
            "README.md": self.readme,
            "variants.yml": self.variants,
            **self.more,
        }
        return {
            **{f"assignments/{self.name}/{path}": text for path, text in folder.items() if text},
            **{f"solutions/{self.name}/{file}": text for file, text in self.modules.items()},
        }


def build_course(root: Path, config: str, *homeworks: Homework) -> Path:
    """Write a course below ``root``; the path of its autograde.yml, which holds ``config``."""
    files = {"autograde.yml": config}
    for homework in homeworks:
        files |= homework.files()
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return root / "autograde.yml"
