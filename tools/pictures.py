"""Takes the README's pictures of what comes out, with a headless Chromium, from what ``autograde demo`` left in build/demo.

``make pictures`` runs the demo and this. Pages get an ordinary window, so that what is seen is what a reader would see.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from tools.formgrader.browser import Browser, find

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "build" / "demo"
PICTURES = ROOT / "docs" / "pictures"
#: The pages: by picture, the page below build/demo, the window, and what to scroll to.
PAGES = {
    "feedback.png": ("feedback/backprop/hedy/index.html", (1000, 780), ""),
    "model.png": ("feedback/segmentation/ada/index.html", (860, 560), "#figures"),
    "leaderboard.png": ("leaderboard/segmentation/index.html", (1040, 900), ""),
}
COLOURS = 96


def terminal(typed: str, command: list[str], folder: Path, lines: int) -> str:
    """What a command prints, as a page with the colours of a terminal.

    Args:
        typed: the command as a reader would type it.
        command: the same for Python's ``-m``.
        folder: where it runs.
        lines: how many lines of its output are shown.

    Returns:
        HTML.

    """
    environment = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": "100", "OMP_NUM_THREADS": "1"}
    run = subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, capture_output=True, text=True, env=environment, check=False
    )
    console = Console(record=True, width=100, file=open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123
    console.print(Text(f"$ {typed}", style="bold"))
    for line in run.stdout.splitlines()[:lines]:
        console.print(Text.from_ansi(line))
    return console.export_html(theme=MONOKAI)


def grading() -> str:
    """One submission of the demo's class."""
    path = "inbox/backprop/hedy.zip"
    command = ["grader.cli.main", "grade", "backprop", "--submission", str(DEMO / path)]
    return terminal(f"autograde grade backprop --submission {path}", command, ROOT, 28)


def checking(folder: Path) -> str:
    """`autograde check` in a bundle that is half written, in a copy below ``folder``."""
    bundle = folder / "backprop"
    shutil.copytree(ROOT / "release" / "backprop", bundle)
    solved = (ROOT / "solutions" / "backprop" / "backprop.py").read_text(encoding="utf-8")
    for right, slip in (("].mean()", "].sum()"), ("dout.T", "dout")):
        solved = solved.replace(right, slip, 1)
    (bundle / "backprop.py").write_text(solved, encoding="utf-8")
    return terminal("autograde check", ["grader.cli.main", "check"], bundle, 20)


def small(path: Path) -> None:
    """Reduce a picture to a palette: pages have few colours, and a README is cloned with its pictures."""
    with Image.open(path) as image:
        image.convert("RGB").quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(
            path, optimize=True
        )


def main() -> int:
    """0 where all pictures were taken."""
    program = find()
    if program is None or not DEMO.is_dir():
        sys.stderr.write("this needs Chromium, and build/demo: run `autograde demo` first\n")
        return 3
    PICTURES.mkdir(exist_ok=True)
    shots = {name: (DEMO / path, *rest) for name, (path, *rest) in PAGES.items()}
    with tempfile.TemporaryDirectory() as folder:
        screens = {"terminal": (grading(), 560), "check": (checking(Path(folder)), 240)}
    for name, (html, height) in screens.items():
        page = ROOT / "build" / f"{name}.html"
        page.write_text(html, encoding="utf-8")
        shots[f"{name}.png"] = (page, (1000, height), "")
    for name, (path, (width, height), anchor) in shots.items():
        browser = Browser(program, width=width, height=height)
        try:
            browser.call(
                "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
            )
            browser.call("Emulation.setScrollbarsHidden", hidden=True)
            browser.go(path.as_uri() + anchor)
            browser.picture(PICTURES / name)
        finally:
            browser.close()
        small(PICTURES / name)
        sys.stdout.write(f"{(PICTURES / name).relative_to(ROOT)}: {(PICTURES / name).stat().st_size // 1000} kB\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
