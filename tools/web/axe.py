"""axe-core, which checks pages against the accessibility guidelines: one file, at one version.

``axe.min.js`` is taken from AUTOGRADE_AXE, or from a package that carries it (axe.txt). Its digest must be the one below. It
is a tool of the tests and is not shipped.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

VERSION = "4.12.1"
#: SHA-256 of axe.min.js in that version.
DIGEST = "84494fec757e4710dc751c8d7a636e457f4532f08f85c86dc9070133fbff53bc"
#: The rules: WCAG 2.1 A and AA, and axe's own best practice.
_RUN = """axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}).then(r =>
  r.violations.map(v => v.id + ": " + v.help + " (" + v.nodes.slice(0, 3).map(n => n.target.join(" ")).join("; ") + ")"))"""


def obtain(folder: Path) -> str:
    """The text of axe.min.js; its package is kept in ``folder``.

    Raises:
        FileNotFoundError: the file is not the one expected.
        subprocess.CalledProcessError: the package cannot be had.
    """
    named, place = os.environ.get("AUTOGRADE_AXE"), folder / f"axe-{VERSION}"
    kept = Path(named) if named else place / "axe_playwright_python" / "axe.min.js"
    if not named and not kept.is_file():
        uv = Path(sys.executable).parent / "uv"
        options = ["--no-deps", "--require-hashes", "--python", sys.executable, "--target", place]
        wanted = Path(__file__).with_name("axe.txt")
        subprocess.run([uv, "pip", "install", "--quiet", *options, "--requirement", wanted], check=True)
    content = kept.read_bytes()
    if hashlib.sha256(content).hexdigest() != DIGEST:
        raise FileNotFoundError(f"{kept} is not axe.min.js of axe-core {VERSION}")
    return content.decode("utf-8")


def violations(browser, axe: str) -> list[str]:
    """What axe finds on the page that the browser shows, a line each."""
    if not browser.ask("typeof window.axe === 'object'"):
        browser.ask(f"{axe}; 0")
    found: list[str] = browser.ask(_RUN)
    return found
