"""Our own wheel, for the bundles: built by hatchling, reproducible, and holding our package and nothing else."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import grader
from grader.errors import ReleaseError

#: 1980-01-01, the earliest time a zip member can carry; every build of the same files gives the same bytes.
EPOCH = 315_532_800
_TIMEOUT_S = 120
_BACKEND = "import sys; from hatchling.build import build_wheel; build_wheel(sys.argv[1])"


def source_root() -> Path:
    """The checkout that the running package comes from.

    Raises:
        ReleaseError: the package was installed without its checkout.

    """
    root = Path(grader.__file__).resolve().parent.parent
    if not (root / "pyproject.toml").is_file():
        raise ReleaseError(
            "the wheel for students cannot be built: this installation has no source tree",
            where=root,
            fix="install from a checkout: pip install -e '.[grading]'",
        )
    return root


def build_wheel(root: Path) -> tuple[str, bytes]:
    """Build the project at ``root`` and check what came out.

    Hatchling runs in a process of its own because it builds the working directory. It is called directly, without
    an isolated environment, so that a release needs no network.

    Returns:
        The wheel's file name and its bytes, the same each time for the same sources.

    Raises:
        ReleaseError: hatchling is missing or failed, or the wheel holds what is not our package.

    """
    with tempfile.TemporaryDirectory(prefix="autograde-wheel-") as folder:
        try:
            done = subprocess.run(
                [sys.executable, "-c", _BACKEND, folder],
                cwd=root,
                env={**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH)},
                capture_output=True,
                text=True,
                timeout=_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ReleaseError(f"building the wheel took over {_TIMEOUT_S} s", where=root, fix="try again") from error
        wheels = sorted(Path(folder).glob("*.whl"))
        if done.returncode or len(wheels) != 1:
            raise ReleaseError(
                f"building the wheel failed:\n{done.stderr[-2000:]}",
                where=root / "pyproject.toml",
                fix="pip install hatchling, or correct pyproject.toml",
            )
        name, data = wheels[0].name, wheels[0].read_bytes()
    check_wheel(name, data, root / "grader")
    return name, data


def check_wheel(name: str, data: bytes, package: Path) -> None:
    """Raise ReleaseError unless each member is a file of ``package``, byte for byte, or the wheel's own metadata."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            top, _, rest = info.filename.partition("/")
            if top.endswith(".dist-info"):
                continue
            source = package / rest
            if top != package.name or not source.is_file() or source.read_bytes() != archive.read(info):
                raise ReleaseError(
                    "the wheel for students holds a file that is none of our package's",
                    where=f"{name}!{info.filename}",
                    fix="correct [tool.hatch.build.targets.wheel] in pyproject.toml",
                )
