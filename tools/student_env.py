"""What students install, and whether a bundle's check works there.

    python -m tools.student_env sizes      # megabytes on Windows, on a Mac and, but for torch, on Linux
    python -m tools.student_env colab      # the notebook's first cell and the check, in an environment pinned like Colab's
    python -m tools.student_env lowest     # the check with the oldest versions that the extra `student` takes
    python -m tools.student_env windows    # the check where modules are missing that only Unix has

Environments are made in a temporary folder from the package index; `colab` and `lowest` fetch gigabytes. Nothing is installed for
other systems but unpacked: their programs cannot run here.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from grader.course import load_course
from grader.release import pack_release

ROOT = Path(__file__).resolve().parents[1]
UV = Path(sys.executable).with_name("uv")
NAME = "backprop"
#: As Colab had them in its image of autumn 2025 (from memory of its package list; Python 3.12).
COLAB = (
    "torch==2.9.0", "torchvision==0.24.0", "numpy==2.0.2", "ipykernel==6.17.1", "ipython==7.34.0", "matplotlib==3.10.0",
    "pydantic==2.12.3", "pytest==8.4.2", "pyyaml==6.0.3", "rich==13.9.4", "typer==0.20.0", "pandas==2.2.2", "jedi",
)  # fmt: skip
#: Unix alone has them, or they are missing on Windows; importing one raises there.
UNIX = ("fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty")
_BLOCK = """
import sys, signal, os, shutil, subprocess
for name in {unix!r}:
    sys.modules[name] = None
for name in ("SIGKILL", "SIGHUP", "SIGALRM", "SIGUSR1", "setitimer", "pthread_sigmask"):
    if hasattr(signal, name):
        delattr(signal, name)
for name in ("fork", "sched_getaffinity", "fchmod", "O_NOFOLLOW", "O_DIRECTORY"):
    if hasattr(os, name):
        delattr(os, name)
from grader.cli.main import app
app({words!r})
"""


def bundle(folder: Path, *, solved: bool, name: str = NAME) -> Path:
    """The bundle of an assignment, unpacked; with ``solved``, with the solution in place of the stubs."""
    course = load_course(ROOT)
    (packed,) = pack_release(course, [name], folder / "dist")
    shutil.unpack_archive(packed, folder / ("solved" if solved else "fresh"))
    place = folder / ("solved" if solved else "fresh") / name
    if solved:
        for file, data in course.assignment(name).solution_files().items():
            text = re.sub(rb"^[ \t]*### (BEGIN|END) SOLUTION\n", b"", data, flags=re.MULTILINE)
            (place / file).write_bytes(text)
    return place


def run(*command: object, cwd: Path, code: int = 0, **variables: str) -> str:
    """Run a command; its output. Exits where the code is another."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **variables}
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, capture_output=True, text=True, check=False, env=environment
    )
    if done.returncode != code:
        sys.exit(f"{command}: exit code {done.returncode}, not {code}:\n{(done.stdout + done.stderr)[-3000:]}")
    return done.stdout + done.stderr


def megabytes(folder: Path) -> int:
    """What the files of a folder take, in MB."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) // 1_000_000


def sizes(folder: Path) -> None:
    """Unpack what a bundle asks for, for each system."""
    place = bundle(folder, solved=False)
    systems = {"Windows": "windows", "macOS 14": "aarch64-apple-darwin"}
    for name, platform in systems.items():
        target = folder / name
        words = [
            "--python-platform",
            platform,
            "--python-version",
            "3.12",
            "--only-binary",
            ":all:",
            "--target",
            target,
        ]
        run(
            UV,
            "pip",
            "install",
            "--quiet",
            *words,
            "-r",
            "requirements.txt",
            cwd=place,
            MACOSX_DEPLOYMENT_TARGET="14.0",
        )
        print(f"{name}: {megabytes(target)} MB, of which torch {megabytes(target / 'torch')}")
    listed = run(
        UV, "pip", "compile", "--quiet", "--no-header", "--no-annotate", "requirements.txt", cwd=place
    ).splitlines()
    rest = [line for line in listed if not re.match(r"torch==|nvidia|cuda|triton", line)]
    (place / "rest.txt").write_text("\n".join(rest) + "\n")
    target = folder / "Linux"
    run(UV, "pip", "install", "--quiet", "--no-deps", "--target", target, "-r", "rest.txt", cwd=place)
    print(f"Linux: {megabytes(target)} MB besides torch; with its build for processors this is the environment")


def checked(python: Path, folder: Path, *, paths: str = "", name: str = NAME) -> None:
    """A fresh bundle's check says what is to be written, a solved one's that all pass."""
    for solved in (False, True):
        place = bundle(folder, solved=solved, name=name)
        told = run(python, "-m", "grader.cli.main", "check", cwd=place, code=0 if solved else 1, PYTHONPATH=paths)
        print(f"{name}: {told.splitlines()[0]}")
        assert ("not written yet" in told) != solved, told
        if solved:
            print(run(python, "-m", "grader.cli.main", "submit", cwd=place, PYTHONPATH=paths).splitlines()[0])


def made(folder: Path, python: str, *needed: str) -> Path:
    """An environment of its own; its interpreter."""
    run(UV, "venv", "--quiet", "--seed", "--python", python, folder / "env", cwd=folder)
    run(UV, "pip", "install", "--quiet", "--python", folder / "env" / "bin" / "python", *needed, cwd=folder)
    return folder / "env" / "bin" / "python"


def colab(folder: Path, python: str | None) -> None:
    """The first cell in an interpreter that has ``google.colab``, in a folder with the bundle's zip; then the check."""
    inner = Path(python) if python else made(folder, "3.12", *COLAB)
    before = run(UV, "pip", "freeze", "--python", inner, cwd=folder)
    content = folder / "content"
    content.mkdir()
    course = load_course(ROOT)
    (packed,) = pack_release(course, [NAME], content)
    notebook = json.loads((course.assignment(NAME).release_folder / f"{NAME}.ipynb").read_text(encoding="utf-8"))
    (cell,) = (cell for cell in notebook["cells"] if cell["metadata"].get("autograde", {}).get("setup"))
    source = "".join(cell["source"])
    script = f"import sys, types\nsys.modules['google'] = sys.modules['google.colab'] = types.ModuleType('google.colab')\n{source}\n"
    script += "import torch, numpy, os\nfrom grader.student import check\nprint(torch.__version__, numpy.__version__, os.getcwd())\n"
    (folder / "cell.py").write_text(script)
    print(run(inner, folder / "cell.py", cwd=content).strip())
    after = run(UV, "pip", "freeze", "--python", inner, cwd=folder)
    new = set(after.splitlines()) - set(before.splitlines())
    gone = set(before.splitlines()) - set(after.splitlines())
    print(f"new: {sorted(line.split(' @ ')[0] for line in new)}; gone or changed: {sorted(gone)}")
    assert not gone, gone
    assert (content / NAME / "conftest.py").is_file()
    checked(inner, folder)
    assert packed.is_file()


def lowest(folder: Path, python: str | None) -> None:
    """The oldest versions that the extra takes."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    needed = re.findall(r'"([^"]+)"', project.partition("dependencies = [")[2].partition("]")[0])
    needed += re.findall(r'"([^"]+)"', project.partition("\nstudent = [")[2].partition("]")[0])
    inner = Path(python) if python else made(folder, "3.11", "--resolution", "lowest-direct", *needed)
    print(run(UV, "pip", "freeze", "--python", inner, cwd=folder).replace("\n", " ")[:400])
    for name in load_course(ROOT).assignments:
        checked(inner, folder, paths=str(ROOT), name=name)


def windows(folder: Path) -> None:
    """Check and submit where what only Unix has cannot be imported."""
    for words, solved, code in (
        (["check"], False, 1),
        (["check"], True, 0),
        (["submit"], True, 0),
        (["--version"], True, 0),
    ):
        place = bundle(folder, solved=solved)
        print(
            run(
                sys.executable, "-c", _BLOCK.format(unix=UNIX, words=words), cwd=place, code=code, USERNAME="s07"
            ).splitlines()[0]
        )


def main() -> None:
    """Do what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["sizes", "colab", "lowest", "windows"])
    parser.add_argument("--python", help="for colab and lowest: an interpreter of an environment that is made already")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.what == "sizes":
            sizes(folder)
        elif options.what == "colab":
            colab(folder, options.python)
        elif options.what == "lowest":
            lowest(folder, options.python)
        else:
            windows(folder)


if __name__ == "__main__":
    main()
