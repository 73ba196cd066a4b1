"""Looks at pages as people do: a headless browser opens each at 1280 and 390 pixels, light and dark, and says what is wrong.

``python -m tools.pages.walk build/pages --axe axe.min.js`` grades failing submissions, writes their feedback, the staff's index,
statistics and the leaderboard, takes a picture of each, and reports what scrolls sideways and what axe-core finds (tools/web/axe.py
says where its file comes from; without it, that part is left out). Exit code 1: something is wrong.
"""

from __future__ import annotations

import argparse
import base64
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from typer.testing import CliRunner

from grader.cli.main import app
from grader.course import load_course
from grader.errors import AuthoringError
from grader.store.store import Store
from grader.validation.variants import apply, read_variants
from tools.formgrader.browser import Browser, find
from tools.web.axe import violations

#: Of each assignment the checks that a submission must fail: those that draw something.
SHOWN = {
    "keypoints": ("test_faces",),
    "segmentation": ("test_scenes_mean_iou",),
    "rnn_lstm": ("test_rnn_sequence", "test_lstm_gradient", "test_train_step"),
}
WIDTHS = (1280, 390)
SCHEMES = ("light", "dark")
#: Wrong variants that a submission is made of.
MISTAKES = 5
_SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--axe", type=Path, help="axe.min.js of axe-core")
    parser.add_argument("--only", action="append", help="an assignment")
    parser.add_argument("--keep", action="store_true", help="use the pages that are already there")
    parser.add_argument("page", nargs="*", type=Path, help="look at these pages in place of making some")
    options = parser.parse_intermixed_args()
    program = find()
    if program is None:
        sys.exit("there is no Chromium here")
    pages = list(options.page) or written(options.out, options.only or list(SHOWN), keep=options.keep)
    axe = options.axe.read_text(encoding="utf-8") if options.axe else None
    problems = look(program, pages, options.out / "shots", axe)
    print("\n".join(problems) or f"{len(pages)} pages, {len(WIDTHS) * len(SCHEMES)} views each: nothing is wrong")
    sys.exit(bool(problems))


def written(out: Path, names: list[str], *, keep: bool) -> list[Path]:
    """The pages of failing submissions, of staff, and the leaderboard."""
    course = load_course(None)
    state = out / "state"
    for name in [] if keep else names:
        assignment = course.assignment(name)
        store = Store(state)
        solution = assignment.solution_files()
        owners = [student.id for student in course.roster.students][:4] or ["ada", "alan", "grace", "edsger"]
        for number, owner in enumerate(owners[:2]):
            received = datetime.now(UTC) - timedelta(days=2 - number)
            store.put_submission(name, owner, failing(assignment, solution, skip=number), received_at=received)
            store.put_submission(
                name, owner, failing(assignment, solution, skip=5 + number), received_at=received - timedelta(days=1)
            )
        store.put_submission(name, owners[2], solution, received_at=datetime.now(UTC))
        store.close()
        for command in ("grade", "feedback", "leaderboard", "stats", "similar"):
            done = CliRunner().invoke(app, [command, name, "--state", str(state)])
            print(f"{command} {name}: exit code {done.exit_code}")
    found: list[Path] = []
    for name in names:
        found += sorted((state / "feedback" / name).glob("*/index.html"))[:2]
        found += [state / "feedback" / name / "index.html", state / "leaderboard" / name / "index.html"]
        found += [state / "stats" / f"{name}.html", state / "similar" / f"{name}.html"]
    return [page for page in found if page.is_file()]


def failing(assignment, solution, skip=0):
    """The solution with several wrong variants in it, first those that fail a check which draws something."""
    wanted = SHOWN[assignment.name]
    variants = [item for item in read_variants(assignment) if item.kind == "wrong"]
    variants.sort(key=lambda item: not any(name in item.expect for name in wanted))
    first = [item for item in variants if any(name in item.expect for name in wanted)]
    files, made = dict(solution), 0
    for variant in [*first[skip : skip + 2], *variants[len(first) + 7 * skip :: 11]]:
        try:
            files = apply(variant, files)
            made += 1
        except AuthoringError:
            continue  # two variants of the same lines
        if made >= MISTAKES:
            break
    return files


def look(program: str, pages: list[Path], shots: Path, axe: str | None) -> list[str]:
    """What is wrong with the pages, and a picture of each in each view."""
    shots.mkdir(parents=True, exist_ok=True)
    problems: list[str] = []
    browser = Browser(program)
    try:
        for page in pages:
            for width in WIDTHS:
                for scheme in SCHEMES:
                    problems += view(browser, page, width, scheme, shots, axe)
    finally:
        browser.close()
    return problems


def view(browser: Browser, page: Path, width: int, scheme: str, shots: Path, axe: str | None) -> list[str]:
    """One page in one view."""
    browser.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
    browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    browser.call("Page.setBypassCSP", enabled=True)
    browser.go(page.resolve().as_uri())
    name = "-".join(part for part in page.with_suffix("").parts[-4:] if part not in ("index", "/"))
    problems = []
    if (beyond := browser.ask(_SIDEWAYS)) > 0:
        problems.append(f"{name} at {width}: scrolls sideways by {beyond} pixels")
    height = min(int(browser.ask("document.documentElement.scrollHeight")), 12000)
    picture = browser.call(
        "Page.captureScreenshot", format="png", captureBeyondViewport=True,
        clip={"x": 0, "y": 0, "width": width, "height": height, "scale": 1},
    )  # fmt: skip
    (shots / f"{name}-{width}-{scheme}.png").write_bytes(base64.b64decode(picture["data"]))
    if axe is not None:
        problems += [f"{name} at {width}, {scheme}: {found}" for found in violations(browser, axe)]
    return problems


if __name__ == "__main__":
    main()
