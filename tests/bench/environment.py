"""The environments the tools run in: ours is the interpreter that runs this, the peers have their own in .bench/.

Otter and nbgrader want a whole Jupyter; keeping them out of the project's environment keeps both sides as their users
have them. torch is the same version on both sides, which is checked.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import process

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / ".bench"
HERE = Path(__file__).resolve().parent
CONSTRAINTS = HERE / "constraints.txt"
PEERS = ("torch==2.13.0", "torchvision==0.28.0", "nbgrader==0.9.6", "otter-grader==7.0.0")
INSTALL_TIMEOUT_S = 900


@dataclass(frozen=True, slots=True)
class Tool:
    """An environment to run commands from: its ``bin`` folder and the variables set for it."""

    bin: Path
    variables: dict[str, str]

    def command(self, name: str) -> Path:
        """Path of the command ``name``.

        Raises StepFailedError where this environment has no such command.
        """
        path = self.bin / name
        if not path.exists():
            raise process.StepFailedError(f"{self.bin} has no `{name}`: is it installed there?")
        return path


def _uv() -> Path:
    """The `uv` to install with: on PATH, beside this interpreter, or bootstrapped into .bench/tools."""
    beside = Path(sys.executable).parent / "uv"
    own = BENCH / "tools" / "bin" / "uv"
    for candidate in (shutil.which("uv"), beside, own):
        if candidate and Path(candidate).exists():
            return Path(candidate)
    tools = BENCH / "tools"
    for command in ((sys.executable, "-m", "venv", tools), (tools / "bin" / "pip", "install", "--quiet", "uv")):
        process.run(command, what="installing uv", timeout_s=INSTALL_TIMEOUT_S, cwd=ROOT)
    return own


def ours(scratch: Path) -> Tool:
    """The environment that this interpreter belongs to."""
    folder = Path(sys.executable).parent
    return Tool(folder, process.measured_environment(scratch=scratch / "ours", path_first=folder))


def peers(scratch: Path) -> Tool:
    """The peers' environment, created on first use and again when the constraints change.

    Raises StepFailedError where it could not be installed.
    """
    folder = BENCH / "peers"
    stamp = folder / "autograde-bench.sha256"
    wanted = hashlib.sha256(CONSTRAINTS.read_bytes() + platform.python_version().encode()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        uv = _uv()
        make = (uv, "venv", "--quiet", "--python", sys.executable, folder)
        # Compiled now, so that no tool pays for its bytecode inside a measurement.
        install = (uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", folder / "bin" / "python")
        for command in (make, (*install, "--constraints", CONSTRAINTS, *PEERS)):
            process.run(command, what="installing the peers", timeout_s=INSTALL_TIMEOUT_S, cwd=ROOT)
        stamp.write_text(wanted)
    return Tool(folder / "bin", process.measured_environment(scratch=scratch / "peers", path_first=folder / "bin"))


def versions(tool: Tool, names: tuple[str, ...]) -> dict[str, str]:
    """Versions of the installed packages ``names`` in an environment; imports torch, which warms the page cache."""
    program = (
        "import importlib.metadata as m, platform, sys, torch\n"
        "print('python', platform.python_version())\n"
        "for name in sys.argv[1:]: print(name, m.version(name))"
    )
    done = process.run(
        (tool.command("python"), "-c", program, *names),
        what="reading versions",
        timeout_s=180,
        cwd=ROOT,
        environment=tool.variables,
    )
    return dict(line.split() for line in done.stdout.splitlines())


def load() -> str:
    """Load averages of 1, 5 and 15 minutes."""
    return ", ".join(f"{value:.2f}" for value in os.getloadavg())


def machine() -> dict[str, str]:
    """Facts of this machine that a reader needs to judge the numbers."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cores": str(len(os.sched_getaffinity(0))),
        "cpu": model,
        "memory": f"{memory:.0f} GiB",
        "kernel": platform.release(),
        "load before": load(),
    }
