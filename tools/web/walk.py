"""Walk through the web service with a headless browser: sign in, hand in wrong and right work, watch, read, see the board.

``python -m tools.web.walk FOLDER`` opens a made-up class on this machine, and saves pictures of what it sees, wide and as
on a phone, and in dark. It fails where a step does not come to what it should.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from tools.formgrader.browser import Browser, end, find, wait
from tools.web.staff import staff_walk

ROOT = Path(__file__).resolve().parents[2]
WIDE, PHONE = (1280, 900), (390, 844)
STUDENT, STAFF = "Sofya", "Course Staff"


class Walk:
    """One browser on one service."""

    def __init__(self, browser: Browser, address: str, out: Path) -> None:
        self.browser, self.address, self.out = browser, address, out

    def go(self, path: str) -> None:
        """Load a page of the service."""
        self.browser.go(f"{self.address}{path}")

    def click(self, selector: str) -> None:
        """Click, and wait for the page that comes."""
        self.browser.ask(f"window.autogradeOld = true, document.querySelector({json.dumps(selector)}).click()")
        self.browser.until("!window.autogradeOld && document.readyState === 'complete'")

    def expect(self, text: str, seconds: float = 10) -> None:
        """Wait until the page says ``text``."""
        self.browser.until(f"document.body.innerText.includes({json.dumps(text)})", seconds)

    def pictures(self, name: str) -> None:
        """The page, wide, as on a phone, and in the dark."""
        for suffix, (width, height), scheme in (
            ("", WIDE, "light"),
            ("-phone", PHONE, "light"),
            ("-dark", WIDE, "dark"),
        ):
            self.browser.call(
                "Emulation.setDeviceMetricsOverride",
                width=width,
                height=height,
                deviceScaleFactor=1,
                mobile=width < 500,
            )
            self.browser.call(
                "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}]
            )
            sideways = self.browser.ask("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            if sideways > 0:
                raise AssertionError(f"{name}{suffix} scrolls sideways by {sideways} pixels")
            self.browser.picture(self.out / f"{name}{suffix}.png")

    def choose(self, files: list[Path]) -> None:
        """Choose files in the form that hands in."""
        document = self.browser.call("DOM.getDocument")["root"]["nodeId"]
        node = self.browser.call("DOM.querySelector", nodeId=document, selector="#files")["nodeId"]
        self.browser.call("DOM.setFileInputFiles", nodeId=node, files=[str(path) for path in files])

    def hand_in(self, files: list[Path]) -> None:
        """Hand in for backprop; the page is the receipt then."""
        self.go("/assignments/backprop")
        self.choose(files)
        self.click("#hand-in-form button")
        self.expect("Receipt")

    def graded(self, seconds: float = 1200) -> float:
        """Wait until the page shows feedback; how long that took, in seconds."""
        begin = time.monotonic()
        self.browser.until("!document.getElementById('live') && !!document.querySelector('.result')", seconds)
        return time.monotonic() - begin


def versions(folder: Path) -> tuple[list[Path], list[Path]]:
    """A wrong version of the solution of backprop, and the right one, as files."""
    right = [ROOT / "solutions" / "backprop" / name for name in ("backprop.py", "hyperparams.py", "torch_net.py")]
    folder.mkdir(parents=True, exist_ok=True)
    text = right[0].read_text(encoding="utf-8")
    broken = re.sub(r"(def affine_backward.*?\n    db = [^\n]*)sum\(axis=0\)", r"\1mean(axis=0)", text, flags=re.DOTALL)
    if broken == text:
        broken = text.replace(".sum(axis=0)", ".mean(axis=0)", 1)
    if broken == text:
        raise AssertionError("the solution of backprop has changed: find another mistake to hand in")
    wrong = folder / "backprop.py"
    wrong.write_text(broken, encoding="utf-8")
    return [wrong, *right[1:]], right


def walk(step: Walk, links: dict[str, str], work: Path) -> None:
    """The whole path; raises where a step does not come to what it should."""
    wrong, right = versions(work)
    step.browser.go(links[STUDENT])
    step.pictures("sign-in")
    step.click("main form button")
    step.expect("Backpropagation by hand")
    step.pictures("assignments")
    step.hand_in(wrong)
    step.browser.until(
        "document.querySelectorAll('#live-checks li').length > 3 || !document.getElementById('live')", 300
    )
    step.pictures("grading")
    print(f"graded after {step.graded():.1f} s of watching")
    step.expect("Wrong answer")
    step.pictures("feedback")
    step.hand_in(right)
    print(f"graded after {step.graded():.1f} s of watching")
    step.expect("Since your submission before this one")
    step.pictures("feedback-right")
    step.go("/assignments/backprop")
    step.expect("Counts")
    step.pictures("assignment")
    step.go("/assignments/backprop/leaderboard")
    step.expect("you")
    step.pictures("leaderboard")
    step.go("/account")
    step.pictures("account")
    step.click("header form button")
    step.browser.go(links[STAFF])
    step.click("main form button")
    staff_walk(step, student="sofya", name="Sofya Kovalevskaya")


def served(arguments: list[str], port: int) -> tuple[subprocess.Popen[str], dict[str, str]]:
    """The service in a process of its own, and its sign-in links by the beginning of a name."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    program = Path(sys.executable).parent / "autograde"
    process = subprocess.Popen(
        [str(program), "serve", "--demo", "--port", str(port), *arguments],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True,
    )  # fmt: skip
    links: dict[str, str] = {}
    assert process.stdout is not None
    for line in process.stdout:
        found = re.search(r"(\S.*?)\s+(http://\S+/sign-in/\S+)", line)
        if found:
            links |= {name: found[2] for name in (STUDENT, STAFF) if name in found[1]}
        if len(links) == 2:
            return process, links
    raise AssertionError("the service did not start")


def main() -> int:
    """Walk."""
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "build/web").resolve()
    program = find()
    if program is None:
        print("there is no Chromium on this machine: nothing to walk with")
        return 0
    port = 8900 + os.getpid() % 90
    process, links = served(["--jobs", "1", "--state", str(out / f"state-{os.getpid()}")], port)
    try:
        wait(lambda: process.poll() is None, "the service ended")
        browser = Browser(program, width=WIDE[0], height=WIDE[1])
        try:
            walk(Walk(browser, f"http://127.0.0.1:{port}", out), links, out / "work")
        finally:
            browser.close()
    finally:
        end(process)
    print(f"pictures: {out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
