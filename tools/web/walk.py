"""Walk through the web service with a headless browser: sign in, hand in wrong and right work, watch, read, see the board.

``python -m tools.web.walk FOLDER --docs docs/pictures`` opens a made-up class on this machine. It saves pictures of what it
sees in FOLDER, wide and as on a phone, and in dark; those that the docs show go to the other folder. It fails where a step
does not come to what it should, where a page scrolls sideways, and where axe-core finds something.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from PIL import Image

from tools.formgrader.browser import Browser, end, find, wait
from tools.web import axe
from tools.web.staff import staff_walk

ROOT = Path(__file__).resolve().parents[2]
WIDE, PHONE = (1280, 900), (390, 844)
STUDENT, STAFF = "Sofya", "Course Staff"
#: Windows of the pictures in the docs, in CSS pixels, and their colours: pages have few, and a clone brings all of them.
DOCS, DOCS_PHONE, COLOURS = (1000, 760), (390, 760), 96
#: Notes each verdict that a page adds while work is being graded (the page is loaded anew at the end, this outlasts it), and
#: what the page listens to, so that it can be had to stay as it is.
_NOTE_VERDICTS = """
new MutationObserver(() => {
  const seen = new Set(JSON.parse(sessionStorage.getItem("verdicts") || "[]"));
  document.querySelectorAll("#live-checks li").forEach((item) => seen.add(location.pathname + " " + item.dataset.check));
  sessionStorage.setItem("verdicts", JSON.stringify([...seen]));
}).observe(document, {childList: true, subtree: true});
const Source = window.EventSource;
window.EventSource = class extends Source {
  constructor(...given) { super(...given); window.autogradeEvents = this; }
};
"""


class Walk:
    """One browser on one service."""

    def __init__(self, browser: Browser, address: str, out: Path, docs: Path, axe_source: str) -> None:
        self.browser, self.address, self.out, self.docs, self._axe = browser, address, out, docs, axe_source
        self.problems: list[str] = []
        self.views = 0
        browser.call("Page.addScriptToEvaluateOnNewDocument", source=_NOTE_VERDICTS)
        browser.call("Emulation.setScrollbarsHidden", hidden=True)

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
        """The page, wide, as on a phone, and in the dark; in each it must fit, and axe must find nothing."""
        for suffix, window, scheme in (("", WIDE, "light"), ("-phone", PHONE, "light"), ("-dark", WIDE, "dark")):
            self.window(window, scheme)
            sideways = self.browser.ask("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            if sideways > 0:
                self.problems.append(f"{name}{suffix} scrolls sideways by {sideways} pixels")
            self.problems += [f"{name}{suffix}: {found}" for found in axe.violations(self.browser, self._axe)]
            self.browser.picture(self.out / f"{name}{suffix}.png")
            self.views += 1
        self.window(WIDE)

    def window(self, size: tuple[int, int], scheme: str = "light") -> None:
        """Have a window of so many CSS pixels, in light or in dark."""
        self.browser.call(
            "Emulation.setDeviceMetricsOverride",
            width=size[0], height=size[1], deviceScaleFactor=1, mobile=size[0] < 500,
        )  # fmt: skip
        self.browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def for_docs(self, name: str, size: tuple[int, int] = DOCS, top: str = "") -> None:
        """The picture ``web-NAME.png`` of the docs: the page in a small window, from the element ``top`` on."""
        self.window(size)
        where = f"document.querySelector({json.dumps(top)})" if top else "document.body"
        self.browser.ask(f"window.scrollTo(0, {where}.getBoundingClientRect().top + window.scrollY - 12)")
        path = self.docs / f"web-{name}.png"
        self.browser.picture(path)
        with Image.open(path) as image:
            image.convert("RGB").quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(
                path, optimize=True
            )
        self.window(WIDE)

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

    def verdicts(self) -> int:
        """How many verdicts have appeared on the page of this submission while it was being graded."""
        return int(
            self.browser.ask(
                "JSON.parse(sessionStorage.getItem('verdicts') || '[]')"
                ".filter((item) => item.startsWith(location.pathname + ' ')).length"
            )
        )

    def standing(self) -> tuple[str, float]:
        """The student's own rank as the leaderboard shows it, and the score."""
        self.go("/assignments/backprop/leaderboard")
        rank, score = self.browser.ask(
            "[...document.querySelectorAll('tr.mine td')].map((cell) => cell.innerText).filter((text, at, all) =>"
            " at === 0 || at === all.length - 1)"
        )
        return rank.strip(), float(score.split("/")[0])


def versions(folder: Path) -> tuple[list[Path], list[Path]]:
    """A wrong version of the solution of backprop, and the right one, as files."""
    right = [ROOT / "solutions" / "backprop" / name for name in ("backprop.py", "hyperparams.py", "torch_net.py")]
    folder.mkdir(parents=True, exist_ok=True)
    text = right[0].read_text(encoding="utf-8")
    # Gradients too small by the size of the batch: the network learns next to nothing, so that the leaderboard can move.
    broken = text.replace("dw = rows.T @ dout", "dw = rows.T @ dout / len(rows)", 1)
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
    step.go("/assignments/backprop")
    step.pictures("hand-in")
    step.for_docs("hand-in")

    step.hand_in(wrong)
    step.browser.until(
        "document.querySelectorAll('#live-checks li').length > 3 || !document.getElementById('live')", 1200
    )
    # The page stays as it is, for long enough to look at it.
    step.browser.ask("window.autogradeEvents && window.autogradeEvents.close()")
    step.for_docs("grading")
    step.pictures("grading")
    step.browser.ask("location.reload()")
    print(f"graded after {step.graded():.1f} s of watching, {step.verdicts()} verdicts on the way")
    assert step.verdicts() > 3, "no verdicts appeared while the work was being graded"
    step.expect("Wrong answer")
    step.expect("it looks averaged")
    step.pictures("feedback")
    step.for_docs("feedback", (1000, 1100))
    step.for_docs("feedback-phone", DOCS_PHONE)
    before = step.standing()

    step.hand_in(right)
    print(f"graded after {step.graded():.1f} s of watching, {step.verdicts()} verdicts on the way")
    assert step.verdicts() > 3, "no verdicts appeared while the work was being graded"
    step.expect("Since your submission before this one")
    step.pictures("feedback-right")
    step.go("/assignments/backprop")
    step.expect("Counts")
    step.pictures("assignment")
    after = step.standing()
    assert after[1] > before[1], f"the score did not rise: {before}, then {after}"
    assert _first(after[0]) < _first(before[0]), f"the leaderboard did not move: {before}, then {after}"
    print(f"rank and score on the leaderboard: {before}, then {after}")
    step.pictures("leaderboard")
    step.for_docs("leaderboard")
    step.go("/account")
    step.pictures("account")
    step.click("header form button")
    step.browser.go(links[STAFF])
    step.click("main form button")
    staff_walk(step, student="sofya", name="Sofya Kovalevskaya")


def _first(rank: str) -> int:
    """A rank, or the better end of a range of ranks."""
    return int(re.split(r"\D", rank)[0])


def served(arguments: list[str], port: int, log: Path) -> tuple[subprocess.Popen[str], dict[str, str]]:
    """The service in a process of its own, and its sign-in links by the beginning of a name."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    program = Path(sys.executable).parent / "autograde"
    process = subprocess.Popen(
        [str(program), "serve", "--demo", "--port", str(port), *arguments],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=log.open("wb"), text=True, start_new_session=True,
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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, nargs="?", default=Path("build/web-walk"))
    parser.add_argument("--docs", type=Path, help="where the docs' pictures go; otherwise beside the others")
    arguments = parser.parse_args()
    out = arguments.out.resolve()
    program = find()
    if program is None:
        print("there is no Chromium on this machine (Debian: apt-get install chromium): nothing was walked")
        return 3
    source = axe.obtain(ROOT / "build")
    out.mkdir(parents=True, exist_ok=True)
    port = 8900 + os.getpid() % 90
    state = out / f"state-{os.getpid()}"
    process, links = served(["--jobs", "1", "--state", str(state)], port, out / "service.log")
    try:
        wait(lambda: process.poll() is None, "the service ended")
        browser = Browser(program, width=WIDE[0], height=WIDE[1])
        try:
            step = Walk(browser, f"http://127.0.0.1:{port}", out, (arguments.docs or out / "docs").resolve(), source)
            walk(step, links, out / "work")
        except BaseException:
            with contextlib.suppress(Exception):
                browser.picture(out / "stopped-here.png")
            raise
        finally:
            browser.close()
    finally:
        end(process)
        shutil.rmtree(state, ignore_errors=True)
    print("\n".join(step.problems) or f"{step.views} views: each fits, and axe-core {axe.VERSION} finds nothing")
    print(f"pictures: {out}")
    return int(bool(step.problems))


if __name__ == "__main__":
    sys.exit(main())
