"""axe-core, by which pages are held to the accessibility guidelines: one file of the npm package, at one version.

``axe.min.js`` is taken from AUTOGRADE_AXE, or from the package of the npm registry, whose digest must be the one below. It
is a tool of the tests and no part of what is shipped.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

VERSION = "4.14.1"
#: SHA-256 of axe.min.js in that version.
DIGEST = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
#: The rules: WCAG 2.1 A and AA, and axe's own best practice.
_RUN = """axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}).then(r =>
  r.violations.map(v => v.id + ": " + v.help + " (" + v.nodes.slice(0, 3).map(n => n.target.join(" ")).join("; ") + ")"))"""


def obtain(folder: Path) -> str:
    """The text of axe.min.js, kept in ``folder``; raises FileNotFoundError where it is not to be had."""
    kept = Path(os.environ.get("AUTOGRADE_AXE", "") or folder / f"axe-{VERSION}.min.js")
    if not kept.is_file():
        npm = shutil.which("npm")
        if npm is None:
            raise FileNotFoundError(
                "axe-core is fetched by npm, which is not here; or name axe.min.js in AUTOGRADE_AXE"
            )
        with tempfile.TemporaryDirectory() as place:
            command = [npm, "pack", f"axe-core@{VERSION}", "--silent", "--fetch-retries", "4"]
            subprocess.run(command, cwd=place, check=True, stdout=subprocess.DEVNULL)
            (archive,) = Path(place).glob("*.tgz")
            with tarfile.open(archive) as package:
                member = package.extractfile("package/axe.min.js")
                assert member is not None
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.write_bytes(member.read())
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
