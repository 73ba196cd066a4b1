"""Grade the whole course under the profile `gpu` on a machine that has torch with CUDA and nothing else of ours.

One command, after ``make gpu`` has built build/gpu/wheels, in the folder of the project::

    python3 tools/gpu/run.py --out RESULTS

It needs the standard library and pip, and no network: a virtual environment in build/gpu/venv sees the machine's torch, and the
carried wheels come before it. Then tools/gpu/grade.py runs there; it takes the same options.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "gpu"


def environment(wheels: Path, folder: Path) -> Path:
    """Make the virtual environment anew; its interpreter.

    Raises CalledProcessError where a wheel does not fit this machine's Python.
    """
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, symlinks=True)
    site = folder / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    found = sorted(str(path) for path in wheels.glob("*.whl"))
    if not found:
        sys.exit(f"there are no wheels in {wheels}: run `make gpu` first, where there is a network")
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-index",
        "--no-deps",
        "--no-cache-dir",
        "--target",
        str(site),
    ]
    subprocess.run([*command, *found], check=True)
    # Zygotes start isolated, so what they import stands in a .pth file: the project, and the machine's own packages.
    own = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
    lines = [str(ROOT), *(f"import site; site.addsitedir({place!r})" for place in own)]
    (site / "autograde.pth").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / "bin" / "python"


def main() -> None:
    """Make the environment, and go on in it."""
    wheels = Path(os.environ.get("AUTOGRADE_WHEELS", BUILD / "wheels"))
    python = environment(wheels, BUILD / "venv")
    os.chdir(ROOT)
    os.execv(python, [str(python), "-u", "-m", "tools.gpu.grade", *sys.argv[1:]])


if __name__ == "__main__":
    main()
