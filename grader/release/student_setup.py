"""What a bundle brings to set up a student's machine: requirements, a project for uv, a dev container, Colab's first cell.

Versions are those that grade. Linux alone has to choose a build of torch: the default there is the one for CUDA, with
gigabytes of libraries that most students cannot use.
"""

from __future__ import annotations

import importlib.metadata
import json
from typing import TYPE_CHECKING, Any

from grader import DISTRIBUTION
from grader.course import read_questions
from grader.course.environment import describe_environment
from grader.release.wheel import wheel_name

if TYPE_CHECKING:
    from grader.course import Assignment

EXTRAS = "student,notebook"
#: Pinned to the version that grades, where it is installed.
_PINNED = ("torch", "torchvision", "numpy")
_REQUIREMENTS = """\
# In a fresh environment, inside this folder. On Linux without an NVIDIA GPU, use the CPU build of PyTorch,
# which needs 1.4 GB of disk space instead of 6:
#     pip install uv
#     uv pip install --torch-backend cpu -r requirements.txt
# On Windows, on a Mac, and on Linux with a GPU:
#     pip install -r requirements.txt
# You are graded with {environment}.
# Where your Python has no such version, leave out the lines with ==. The wheel comes with the bundle that your course hands out.
./wheels/{wheel}[{extras}]
{pins}"""
_PROJECT = """\
# `uv run autograde check` and `uv run jupyter lab` set everything up first. On Linux without an NVIDIA GPU run this before it,
# and add --no-sync to each: uv venv && uv pip install --torch-backend cpu -r requirements.txt
[project]
name = "{name}"
version = "0"
requires-python = ">=3.11"
dependencies = ["{distribution}[{extras}]"]

[tool.uv]
package = false
constraint-dependencies = [{constraints}]

[tool.uv.sources]
{distribution} = {{ path = "wheels/{wheel}" }}

# What `autograde submit` hands in.
[tool.autograde]
assignment = {assignment}
files = {files}
notebook = {notebook}
due = {due}
"""
#: Runs before anything of ours is installed, in whatever folder Colab is in.
_COLAB = """\
# Run this cell first. On Google Colab it unpacks {bundle} and installs what Colab lacks; torch, numpy and Jupyter stay
# Colab's own. On your machine it does nothing. Colab forgets its files: keep your work in Drive, and hand in from there.
import importlib.util, os, subprocess, sys, zipfile
from pathlib import Path

if "google.colab" in sys.modules:
    if not Path("conftest.py").exists() and not Path("{name}").exists():
        places = [Path("{bundle}"), Path("/content/drive/MyDrive/{bundle}")]
        bundle = next((place for place in places if place.exists()), None)
        if bundle is None:
            raise FileNotFoundError("upload {bundle} to this Colab (the folder sign on the left), then run the cell again")
        zipfile.ZipFile(bundle).extractall(bundle.parent)
        os.chdir(bundle.parent)
    if Path("{name}").is_dir():
        os.chdir("{name}")
    sys.path.insert(0, os.getcwd())
    needed = {needed}
    lacking = [package for module, package in needed.items() if importlib.util.find_spec(module) is None]
    install = [sys.executable, "-m", "pip", "install", "--quiet"]
    subprocess.run([*install, "--no-deps", "wheels/{wheel}"], check=True)
    if lacking:
        subprocess.run([*install, *lacking], check=True)"""
#: What our package imports on a student's machine besides torch and numpy, by the module's name.
_NEEDED = {"annotated_types": "annotated-types", "pydantic": "pydantic", "pytest": "pytest", "yaml": "pyyaml", "rich": "rich", "typer": "typer"}  # fmt: skip


def setup_files(assignment: Assignment) -> dict[str, str]:
    """The files by their path in the bundle."""
    wheel = wheel_name()
    pins = [f"{name}=={version}" for name in _PINNED if (version := _version(name))]
    answers = bool(read_questions(assignment.notebook_source)) if assignment.notebook_source.is_file() else False
    container = {
        "name": assignment.title,
        "image": "python:3.12",
        "postCreateCommand": "pip install uv && uv pip install --system --torch-backend cpu -r requirements.txt",
        "customizations": {"vscode": {"extensions": ["ms-python.python", "ms-toolsai.jupyter"]}},
    }
    return {
        "requirements.txt": _REQUIREMENTS.format(
            environment=describe_environment(), wheel=wheel, extras=EXTRAS, pins="".join(f"{pin}\n" for pin in pins)
        ),
        "pyproject.toml": _PROJECT.format(
            name=assignment.name.replace("_", "-"),
            distribution=DISTRIBUTION,
            extras=EXTRAS,
            constraints=", ".join(json.dumps(pin) for pin in pins),
            wheel=wheel,
            assignment=json.dumps(assignment.name),
            files=json.dumps(list(assignment.files)),
            notebook=json.dumps(f"{assignment.name}.ipynb" if answers else ""),
            due=json.dumps(assignment.due.isoformat() if assignment.due else ""),
        ),
        ".devcontainer/devcontainer.json": json.dumps(container, indent=2) + "\n",
    }


def colab_cell(assignment: Assignment) -> Any:
    """The notebook's first code cell, which does nothing but on Google Colab."""
    import nbformat

    name = assignment.name
    text = _COLAB.format(name=name, bundle=f"{name}.zip", wheel=wheel_name(), needed=json.dumps(_NEEDED))
    cell: Any = nbformat.v4.new_code_cell(text, metadata={"autograde": {"setup": True}})  # type: ignore[no-untyped-call]
    return cell


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name).partition("+")[0]
    except importlib.metadata.PackageNotFoundError:
        return ""
