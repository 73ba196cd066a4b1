"""Python processes in which torch is imported already: forked from a server that has imported it and run nothing.

What a student runs as a program takes seconds to start, most of them for torch. Here it runs in a fresh process all the
same, with its own folder, environment and output, but the import is paid for once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.forking import forking_context

#: What the server imports before it forks, in this order.
PRELOADED = (
    "tests.support.no_grammars", "torch", "torchvision", "pytest", "numpy", "IPython.core.interactiveshell",
    "matplotlib.pyplot", "nbformat",
)  # fmt: skip


@dataclass(frozen=True)
class Finished:
    """How a process ended: its exit code, and what it wrote to both streams."""

    code: int
    output: str


def run(function: Callable[..., Any], *arguments: Any, folder: Path, timeout: float = 1800) -> Finished:
    """Run ``function(*arguments)`` in a fresh process that works in ``folder``.

    Its exit code is what the function returns, if that is a number, and 1 if it raises. ``function`` must stand at the top
    of a module that can be imported by its name.

    Raises:
        TimeoutError: it was still running after ``timeout`` seconds, and was ended.
    """
    output = folder.parent / f"{folder.name}.output"
    process = forking_context(*PRELOADED, __name__).Process(
        target=_work, args=(function, arguments, str(folder), str(output))
    )
    process.start()
    process.join(timeout)
    if process.is_alive():
        process.kill()
        process.join()
        raise TimeoutError(output.read_text(encoding="utf-8"))
    return Finished(process.exitcode or 0, output.read_text(encoding="utf-8"))


def _work(function: Callable[..., Any], arguments: tuple[Any, ...], folder: str, output: str) -> None:
    target = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(target, stream)
    os.chdir(folder)
    sys.path.insert(0, folder)
    code = function(*arguments)
    sys.exit(int(code) if isinstance(code, int) else 0)


def pytest_main(*arguments: str) -> int:
    """Plain pytest, as ``python -m pytest`` with these arguments."""
    import pytest

    return int(pytest.main(list(arguments)))


def execute_notebook(path: str) -> int:
    """Run the cells of a notebook in order, with pictures in line, and print how many pictures it showed.

    Raises:
        Exception: whatever a cell raises.
    """
    import matplotlib as mpl
    import nbformat
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output
    from matplotlib_inline.backend_inline import configure_inline_support

    shell = InteractiveShell.instance()
    mpl.use("module://matplotlib_inline.backend_inline")
    configure_inline_support(shell, "module://matplotlib_inline.backend_inline")
    pictures = 0
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type != "code":
            continue
        with capture_output() as shown:
            outcome = shell.run_cell(cell.source)
        pictures += sum("image/png" in one.data for one in shown.outputs)
        sys.stdout.write(shown.stdout + shown.stderr)
        outcome.raise_error()
    sys.stdout.write(f"{pictures} pictures\n")
    return 0
