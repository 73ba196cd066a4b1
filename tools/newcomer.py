"""Walk a newcomer's first evening: an ordinary account, no source tree, the built wheel, and a class of forty.

Run by ``make newcomer``. As root it makes an account for the time of the walk; as anybody else it uses a fresh home folder.
What is installed comes from the wheel alone, into a folder with a space in its name. The walk fails at the first command whose
exit code or output is not what a newcomer must see.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
UV = Path(sys.executable).with_name("uv")
ACCOUNT = "autograde-newcomer"
STUDENTS = 40
#: An author's first own check, and the wrong solution that shows what it is for.
CHECK = '''

@points(2, hint="Keep the batch's axis; do not squeeze.")
def test_single_row(student, rng):
    """`standardise` takes a batch of one."""
    shape = tuple(student.standardise(torch.randn(1, 6, generator=rng)).shape)
    assert shape == (1, 6), f"A batch of one comes back with the shape {shape}."
'''
VARIANT = """
- wrong: batch-of-one
  why: the axis of the batch is lost where it has one entry
  edit: {file: warm_up.py, find: "return centred / torch.sqrt(variance + eps)", replace: "return (centred / torch.sqrt(variance + eps)).squeeze(0)"}
  expect: [test_single_row]
"""
#: What a student wrote, as an edit of the solution: what the class is made of, and what it earns of 12 points.
KINDS = {
    "right": ("", "", 12.0),
    "cut from the graph": (
        "return centred / torch.sqrt(variance + eps)",
        "return (centred / torch.sqrt(variance + eps)).detach()",
        9.0,
    ),
    "epsilon outside": ("torch.sqrt(variance + eps)", "(torch.sqrt(variance) + eps)", 6.0),
    "broken": ("def standardise(", "def standardise((", 0.0),
}


def interpreter(wanted: str | None, home: Path) -> str:
    """An interpreter that the account may run: the one wanted, a copy of it where it lies in a closed folder, or the system's."""
    own = Path(wanted or sys.executable).resolve()
    if os.getuid() or all(folder.stat().st_mode & 0o001 for folder in own.parents):
        return str(own)
    system = shutil.which("python3", path="/usr/local/bin:/usr/bin")
    if wanted is None and system:
        return system
    prefix = subprocess.check_output([own, "-c", "import sys; print(sys.base_prefix)"], text=True).strip()
    shutil.copytree(prefix, home / "python", symlinks=True, ignore=shutil.ignore_patterns("test", "__pycache__"))
    return str(home / "python" / "bin" / own.name)


class Walk:
    """An account, its home folder, and the commands that it runs."""

    def __init__(self, home: Path, python: str) -> None:
        self.home, self.python = home, python
        self.venv = home / "grading tools" / "venv"
        self.course = home / "my course"
        self.user = ACCOUNT if os.getuid() == 0 else None

    def own(self, *paths: Path) -> None:
        """Give folders to the account; files stay whose they are, for installed ones are links into a cache."""
        if self.user:
            entry = pwd.getpwnam(self.user)
            for path in paths:
                os.chown(path, entry.pw_uid, entry.pw_gid)

    def run(self, *command: object, code: int = 0, cwd: Path | None = None, shows: str = "", echo: bool = True) -> str:
        """Run a command as the account, with nothing of our own environment; give its output."""
        words = [str(word) for word in command]
        if words[0] in ("autograde", "python", "pip"):
            words[0] = str(self.venv / "bin" / words[0])
        clean = [
            "env",
            "-i",
            f"HOME={self.home}",
            "PATH=/usr/local/bin:/usr/bin:/bin",
            "LANG=C.UTF-8",
            "OMP_NUM_THREADS=1",
        ]
        become = ["runuser", "-u", self.user, "--"] if self.user else []
        begin = time.monotonic()
        done = subprocess.run(
            [*become, *clean, *words], cwd=cwd or self.home, capture_output=True, text=True, timeout=600, check=False
        )
        if echo:
            shown = " ".join(Path(word).name if word.startswith("/") else word for word in words)
            print(f"{time.monotonic() - begin:6.1f} s  {shown}"[:150])
        told = done.stdout + done.stderr
        if done.returncode != code or "Traceback" in told or not re.search(shows, told):
            sys.exit(f"{command}: exit code {done.returncode}, not {code}, or not {shows!r} in:\n{told[-4000:]}")
        return done.stdout

    def install(self, wheel: Path) -> None:
        """What the wheel needs, from the package index; then the wheel by the account, without any index."""
        self.venv.parent.mkdir(parents=True)
        subprocess.run([UV, "venv", "--quiet", "--seed", "--python", self.python, self.venv], check=True)
        inner = self.venv / "bin" / "python"
        needed = f"{wheel}[grading,authoring]"
        subprocess.run(
            [UV, "pip", "install", "--quiet", "--python", inner, "--constraint", ROOT / "constraints.txt", needed],
            check=True,
        )
        subprocess.run([UV, "pip", "uninstall", "--quiet", "--python", inner, "autograde-torch"], check=True)
        self.own(self.home, self.venv.parent, *[path for path in self.venv.parent.rglob("*") if path.is_dir()])
        self.run("pip", "install", "--quiet", "--no-index", "--disable-pip-version-check", needed)
        where = self.run("python", "-c", "import grader; print(grader.__file__)", echo=False)
        assert where.startswith(str(self.venv)), where

    def begin(self) -> None:
        """The class from a CSV, a course in an empty folder, and the author's first own check."""
        rows = ["id,name,email", *(f"s{n:02d},Student Number{n},s{n:02d}@example.org" for n in range(STUDENTS))]
        (self.home / "class.csv").write_text("\n".join(rows) + "\n")
        self.run("autograde", "--version", shows=r"autograde \d")
        self.run(
            "autograde", "init", self.course, "--name", "Deep learning: an evening", "--timezone", "Europe/Berlin",
            "--roster", "class.csv", "--yes", shows=f"{STUDENTS} students in the roster",
        )  # fmt: skip
        self.run("autograde", "doctor", cwd=self.course, shows="hidden grading can run here")
        for name, text in (("hidden/test_warm_up.py", CHECK), ("variants.yml", VARIANT)):
            path = self.course / "assignments" / "warm_up" / name
            path.write_text(path.read_text() + text)
        self.run("autograde", "validate", "warm_up", "--seeds", "1", "--sample", "4", "--jobs", "2", cwd=self.course)

    def hand_out(self) -> None:
        """The zip that students download: its wheel is installed apart and checks the bundle."""
        self.run("autograde", "release", "warm_up", "--pack", cwd=self.course, shows="warm_up.zip")
        (packed,) = (self.course / ".autograde" / "dist").glob("*.zip")
        student = self.home / "a student"
        with zipfile.ZipFile(packed) as archive:
            archive.extractall(student)
        (wheel,) = (student / "warm_up" / "wheels").glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            assert not [name for name in archive.namelist() if name.startswith("autograde_course")]
        self.own(student, student / "warm_up")
        self.run("pip", "install", "--quiet", "--no-index", "--no-deps", "--target", student / "lib", wheel)
        check = ["env", f"PYTHONPATH={student / 'lib'}", self.venv / "bin" / "python", "-m", "grader.cli.main", "check"]
        self.run(*check, cwd=student / "warm_up", code=1, shows="not written yet: standardise")

    def hand_in(self) -> Path:
        """Forty submissions, zips and folders, of four kinds."""
        solution = (self.course / "solutions" / "warm_up" / "warm_up.py").read_text()
        inbox = self.home / "inbox"
        inbox.mkdir()
        for number in range(STUDENTS):
            find, replace, _ = list(KINDS.values())[number % len(KINDS)]
            text = solution.replace(find, replace) if find else solution
            if number % 2:
                with zipfile.ZipFile(inbox / f"s{number:02d}.zip", "w") as archive:
                    archive.writestr("warm_up.py", text)
            else:
                (inbox / f"s{number:02d}").mkdir()
                (inbox / f"s{number:02d}" / "warm_up.py").write_text(text)
        return inbox

    def grade(self, inbox: Path) -> None:
        """Collect, grade, publish and export; every score is the one that its kind earns."""
        self.run("autograde", "collect", "warm_up", inbox, cwd=self.course, shows=f"{STUDENTS} submissions added")
        self.run("autograde", "grade", "warm_up", "--jobs", "2", cwd=self.course)
        self.run(
            "autograde", "feedback", "warm_up", "--out", self.home / "pages", cwd=self.course, shows=f"{STUDENTS} pages"
        )
        self.run("autograde", "leaderboard", "warm_up", cwd=self.course)
        told = self.run("autograde", "export", "warm_up", "--format", "csv", "--out", "grades.csv", cwd=self.course)
        print(told.strip())
        rows = list(csv.DictReader(io.StringIO((self.course / "grades.csv").read_text(encoding="utf-8-sig"))))
        assert len(rows) == STUDENTS, len(rows)
        wanted = {f"s{n:02d}": list(KINDS.values())[n % len(KINDS)][2] for n in range(STUDENTS)}
        got = {row["student"]: float(row["score"]) for row in rows}
        assert got == wanted, json.dumps(
            {key: (got.get(key), value) for key, value in wanted.items() if got.get(key) != value}
        )
        pages = [path for path in (self.home / "pages").glob("s*/index.html") if "12" in path.read_text()]
        assert len(pages) == STUDENTS, len(pages)


def main() -> None:
    """Walk, and clean up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", help="the interpreter to install under (default: this one, or the system's)")
    parser.add_argument("--demo", action="store_true", help="run `autograde demo` as well, which takes a minute more")
    options = parser.parse_args()
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="autograde newcomer ", dir="/var/tmp") as folder:
        home = Path(folder)
        subprocess.run([UV, "build", "--quiet", "--wheel", "--out-dir", home / "built", ROOT], check=True)
        (wheel,) = (home / "built").glob("*.whl")
        walk = Walk(home, interpreter(options.python, home))
        if walk.user:
            subprocess.run(["userdel", ACCOUNT], check=False, capture_output=True)  # of a walk that was killed
            subprocess.run(
                ["useradd", "--no-create-home", "--home-dir", home, "--shell", "/bin/bash", ACCOUNT], check=True
            )
        try:
            walk.install(wheel)
            walk.begin()
            walk.hand_out()
            walk.grade(walk.hand_in())
            if options.demo:
                walk.run("autograde", "demo", "--out", home / "demo", shows="everything came out as expected")
        finally:
            if walk.user:
                subprocess.run(["userdel", ACCOUNT], check=False, capture_output=True)
            shutil.rmtree(walk.venv, ignore_errors=True)
    print(f"a newcomer's evening took {time.monotonic() - begin:.0f} s")


if __name__ == "__main__":
    main()
