"""Feedback pages, the leaderboard and terminal tables, fed with what hostile students write."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import jinja2
import pytest
from rich.console import Console

import grader.reports
from grader.course import load_course
from grader.course.pseudonyms import pseudonym
from grader.errors import UsageError
from grader.policies import AttemptsLeft
from grader.records import CheckResult, Metric, Place, Report, Verdict
from grader.reports import feedback, formatting, leaderboard, pages, terminal_tables
from grader.reports.causes import causes_of, passed
from grader.reports.formatting import DASH, MINUS
from grader.reports.next_steps import next_steps, progress
from grader.reports.verdicts import WORDINGS
from grader.store import ReceivedFrom
from tests.support.builder import Homework, build_course

SECRET = bytes(range(32))

CONFIG = """
course: {name: "Vision & <Friends>", timezone: Europe/Berlin}
late_policy: {penalty_per_day: 0.25, max_days: 3}
roster:
  students:
    - {id: ada, name: "Ada <b>Lovelace</b>", handle: enchantress}
    - {id: alan, name: "=HYPERLINK(1)", handle: snowman}
assignments:
  backprop:
    title: "Backprop <by hand>"
    due: 2026-12-04T23:59
    files: [backprop.py]
    leaderboard:
      - {metric: accuracy, title: Accuracy, direction: higher, precision: 2}
      - {metric: parameters, direction: lower, precision: 0}
  plain:
    title: No columns, no date
    files: [backprop.py]
"""
DUE = datetime(2026, 12, 4, 22, 59, tzinfo=UTC)
NOW = DUE + timedelta(days=1)
HOSTILE = "<script>alert('x')</script>\x1b[31mred\x1b[0m\x00\x07 &amp; \u202eevil \"quoted\" <img src=x onerror=y>"


@pytest.fixture
def course(tmp_path):
    homeworks = (Homework(name, {"backprop.py": ""}) for name in ("backprop", "plain"))
    return load_course(build_course(tmp_path, CONFIG, *homeworks))


def check(id_="test_a", verdict=Verdict.WRONG_ANSWER, score=1.0, max_score=4.0, **more):
    values = {"title": f"Title of {id_}", "message": f"message {id_}", "hint": f"hint {id_}", "output": f"out {id_}"}
    return CheckResult(id=id_, verdict=verdict, score=score, max_score=max_score, **{**values, **more})


def report(*checks, verdict=Verdict.WRONG_ANSWER, score=40.0, **more):
    values = {"assignment": "backprop", "max_score": 100.0, "seed": 1, "profile": "cpu", "grader_version": "f" * 16}
    return Report(verdict=verdict, score=score, checks=checks, submission_digest="a" * 64, **{**values, **more})


class Page(HTMLParser):
    """A page as its text, its tags and its attributes; complains about tags that do not pair."""

    VOID = frozenset({"meta", "link", "br", "img", "input", "hr"})

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)
        self.close()
        assert self.open == []
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        """Note the tag and its attributes."""
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        """Close what was opened last, and nothing else."""
        assert self.open.pop() == tag

    def handle_data(self, data):
        """Keep what a reader sees."""
        if self.open and self.open[-1] not in ("style", "script"):
            self.words.append(data)


def give(course, given, *, owner="ada", received=DUE, now=NOW, name="backprop", folder="feedback", before=None):
    graded = feedback.FeedbackItem(owner, given, received, before=before)
    path = feedback.write_feedback(
        graded, course=course, assignment=course.assignment(name), folder=course.root / folder, now=now
    )
    return Page(path)


# --- feedback


def test_a_page_says_what_happened(course):
    """Total, each check's title, verdict in words, points, message, hint, output, and the metrics."""
    page = give(
        course,
        report(
            check(message="`db` is 32 times too large"),
            check("test_b", Verdict.ACCEPTED, 4.0, message="", output=""),
            metrics={"accuracy": Metric(name="accuracy", value=0.87654), "other": Metric(name="other", value=None)},
        ),
    )
    assert "40 of 100 points" in page.text
    assert "Wrong answer" in page.text
    assert "1 / 4" in page.text
    assert "<code>db</code> is 32 times too large" in page.source
    assert "Hint hint test_a" in page.text
    assert "What your code printed out test_a" in page.text
    assert "Accuracy higher 0.88" in page.text
    assert f"other higher {DASH}" in page.text
    assert "Feedback for Ada <b>Lovelace</b>" in page.text


PLACE = Place(
    file="net.py",
    line=7,
    first=6,
    lines=("def f(x):", "    return x < 1 and `x`  # <b>", "", "x" * 3000),
    what="It was raised here.",
)


def test_a_message_stands_beside_the_students_code(course):
    """File and line, the lines with their numbers, the one that is meant marked; escaped, and long ones cut."""
    page = give(course, report(check(place=PLACE, message="Traceback (most recent call last):\n  boom")))
    assert "net.py , line 7. It was raised here." in page.text
    assert (
        '<span class="line meant"><span class="no">7</span>    return x &lt; 1 and `x`  # &lt;b&gt;</span>'
        in page.source
    )
    assert page.source.count('<span class="line meant">') == 1
    assert "x" * 401 not in page.source
    assert 'class="message by-bad trace"' in page.source


TRACE = (
    'Traceback (most recent call last):\n  File "net.py", line {caller}, in {by}\n    f(x)\n  File "net.py", line 7, in f\n    x @ y\n'
    "ValueError: shapes ({size},4) and (3,4) do not fit"
)


def stopped():
    """Checks that three causes stopped, in a mixed order, and two that passed."""
    traces = [TRACE.format(caller=20 + n, by=f"g{n}", size=n) for n in range(3)]
    missing = "`a.py` is missing from your submission, which has b.py."
    return [
        check("test_ok", Verdict.ACCEPTED, 4.0, message=""),
        check("test_one", Verdict.RUNTIME_ERROR, 0.0, message=traces[0], place=PLACE),
        check("test_missing", score=0.0, message=missing),
        check("test_two", Verdict.RUNTIME_ERROR, 0.0, message=traces[1], place=PLACE),
        check("test_refers", score=0.0, message='`a.py` is missing: see "Title of test_missing".'),
        check("test_alone", score=0.0, message="the sum is wrong"),
        check("test_three", Verdict.RUNTIME_ERROR, 0.0, message=f"{traces[2]} (1 of 2 cases passed)", place=PLACE),
        check(
            "test_kind", Verdict.RUNTIME_ERROR, 0.0, message=traces[0].replace("ValueError", "KeyError"), place=PLACE
        ),
        check("test_fine", Verdict.ACCEPTED, 4.0, message=""),
    ]


def test_checks_that_one_cause_stopped_stand_together():
    """The same line and kind of error, the same message, a reference to another check: the first says it, the others follow."""
    found = [(cause.first.id, [other.id for other in cause.others]) for cause in causes_of(stopped())]
    assert found == [
        ("test_one", ["test_two", "test_three"]),
        ("test_missing", ["test_refers"]),
        ("test_alone", []),
        ("test_kind", []),
    ]
    assert [cause.sentence for cause in causes_of(stopped())] == [
        "The same cause affects 2 more checks.", "The same cause affects 1 more check.", "", "",
    ]  # fmt: skip
    assert [item.id for item in passed(stopped())] == ["test_ok", "test_fine"]


def test_checks_without_a_message_share_no_cause():
    """Partly right checks, and hidden ones that may say nothing, stand each for itself."""
    silent = [check(f"test_{n}", Verdict.PARTIAL, message="") for n in range(3)]
    assert [cause.others for cause in causes_of(silent)] == [(), (), ()]


def test_a_cause_is_said_once_on_the_page(course):
    """What stops three checks is shown with its line in the first; all of them have their points; passed ones are folded."""
    page = give(course, report(*stopped()))
    assert page.text.count("shapes (") == 2  # once for each kind of error
    assert page.text.count("is missing from your submission") == 1
    assert "see" not in page.text
    assert page.text.count("0 / 4") == 7
    assert "The same cause affects 2 more checks." in page.text
    assert "2 checks without a loss" in page.text
    assert ("open", None) not in page.attributes
    checks = page.text.partition("Checks Check Verdict")[2]
    assert checks.index("Title of test_one") < checks.index("Title of test_two") < checks.index("Title of test_missing")
    whole = give(course, report(check("test_ok", Verdict.ACCEPTED, 4.0, message="")))
    assert ("open", None) in whole.attributes
    assert "1 check without a loss" in whole.text


def test_what_to_do_next_goes_by_the_points_to_win(course):
    """Three causes at most, the most expensive first, with how many checks each stops; never a hidden check's, nor a held one."""
    checks = [
        check("test_small", max_score=2.0, score=0.0),
        check("test_hidden", max_score=50.0, score=0.0, visibility="hidden"),
        check("test_held", Verdict.GRADER_ERROR, None, max_score=40.0),
        check("test_large", max_score=9.0, score=1.0),
        check("test_twice", max_score=3.0, score=0.0, message="alike"),
        check("test_again", max_score=3.0, score=0.0, message="alike"),
        check("test_least", max_score=1.5, score=0.5),
    ]
    shown = feedback.student_view(report(*checks), due=None, now=NOW).checks
    steps = next_steps(causes_of(shown))
    assert [(step.check.id, step.points, step.checks) for step in steps] == [
        ("test_large", 8.0, 1), ("test_twice", 6.0, 2), ("test_small", 2.0, 1),
    ]  # fmt: skip
    page = give(course, report(*checks))
    following = page.text.partition("What to do next")[2].partition("Checks Check Verdict")[0]
    assert "Title of test_twice up to 6 points, 2 checks" in following
    assert "hidden" not in following
    assert ("href", "#test_large") in page.attributes
    assert ("id", "test_large") in page.attributes
    assert "What to do next" not in give(course, report(check("test_only"))).text


def test_what_changed_since_the_submission_before(course):
    """Points in all, what is better and what is worse; nothing where there is no submission before, or it is held."""
    before = report(check("test_a", score=0.0), check("test_b", score=4.0), check("test_c"), score=5.0)
    now = report(
        check("test_a", Verdict.ACCEPTED, 4.0),
        check("test_b", score=3.0),
        check("test_c"),
        check("test_new"),
        score=9.0,
    )
    found = progress(now, before)
    assert found.points == 4.0
    assert [(change.check.id, change.before, change.now) for change in found.gained] == [("test_a", 0.0, 4.0)]
    assert [change.check.id for change in found.lost] == ["test_b"]
    assert (found.same, found.other_grader) == (1, False)
    assert progress(now, before.model_copy(update={"grader_version": "e" * 16})).other_grader
    assert progress(now, None) is None
    assert progress(now, report(verdict=Verdict.SYSTEM_ERROR, score=None)) is None
    page = give(course, now, before=before)
    changed = page.text.partition("Since your submission before this one")[2].partition("Checks Check")[0]
    assert "4 points more, before lateness. 1 check that lost points before loses as many now." in changed
    assert "Better test_a +4" in changed
    assert f"Worse test_b {MINUS}1" in changed


def test_attempts_that_are_left_are_said_where_they_are_limited(course):
    """How many, and when one more comes; nothing where there is no limit."""
    item = feedback.FeedbackItem(
        "ada", report(check()), DUE, attempts_left=AttemptsLeft(2, DUE + timedelta(hours=3), 1)
    )
    where = {"course": course, "assignment": course.assignment("backprop"), "folder": course.root / "left", "now": NOW}
    page = Page(feedback.write_feedback(item, **where))
    assert "Attempts left 2 one more on 5 Dec 2026, 02:59 CET" in page.text
    unlimited = feedback.FeedbackItem("ada", report(check()), DUE, attempts_left=AttemptsLeft(None, None, 1))
    assert "Attempts left" not in Page(feedback.write_feedback(unlimited, **where)).text


def test_what_the_page_says_at_its_top_is_not_repeated(course):
    """An upload that could not be read: the reason stands once, above checks that only did not run."""
    why = "Your submission could not be read: it is no zip"
    unread = [check(f"test_{n}", Verdict.NOT_RUN, 0.0, message=why, hint="", output="") for n in range(4)]
    page = give(course, report(*unread, verdict=Verdict.NOT_RUN, score=0.0, message=why))
    assert page.text.count("could not be read: it is no zip") == 1
    assert page.text.count("Title of test_") == 4


def test_a_cause_is_said_once_in_the_terminal():
    """The table has every check with its points, and each cause once."""
    shown = printed(terminal_tables.report_table(report(*stopped())))
    assert shown.count("ValueError: shapes") == 1
    assert shown.count("is missing") == 1
    assert shown.count("0 / 4") == 7
    assert "The same cause affects 2 more checks." in shown
    assert shown.index("Title of test_kind") < shown.index("Title of test_ok")


@pytest.mark.parametrize("source", list(ReceivedFrom))
def test_the_page_says_where_the_time_came_from(course, source):
    """Beside the time, in words; nothing where that was not noted."""
    item = feedback.FeedbackItem("ada", report(check()), DUE, received_from=source)
    path = feedback.write_feedback(
        item, course=course, assignment=course.assignment("backprop"), folder=course.root / "pages", now=NOW
    )
    assert f"Received {' '.join(f'4 Dec 2026, 23:59 CET {source.words}'.split())} Due" in Page(path).text


def test_the_due_date_is_that_of_who_handed_in(tmp_path):
    """On the page of a team's member the due date and the lateness are those of the extension that counts."""
    text = CONFIG.replace(
        "due: 2026-12-04T23:59\n", "due: 2026-12-04T23:59\n    extensions: {alan: 2026-12-06T23:59}\n"
    )
    homeworks = (Homework(name, {"backprop.py": ""}) for name in ("backprop", "plain"))
    course = load_course(build_course(tmp_path, text, *homeworks))
    for due_owner, told, late in (("", "Due 4 Dec 2026", True), ("alan", "Due 6 Dec 2026", False)):
        item = feedback.FeedbackItem("ada", report(check()), DUE + timedelta(hours=30), due_owner=due_owner)
        path = feedback.write_feedback(
            item, course=course, assignment=course.assignment("backprop"), folder=course.root / "pages", now=NOW
        )
        assert told in Page(path).text
        assert ("Late penalty" in Page(path).text) == late


def test_a_place_in_a_terminal():
    """The line that is meant is marked; the table of one report shows it under the message."""
    assert formatting.excerpt_text(PLACE).startswith(
        "net.py, line 7. It was raised here.\n  6 | def f(x):\n> 7 |     return x < 1 and `x`  # <b>\n  8 |\n  9 | xxx"
    )
    shown = io.StringIO()
    Console(file=shown, width=120).print(terminal_tables.report_table(report(check(place=PLACE))))
    assert "> 7 |     return x < 1" in shown.getvalue()


@pytest.mark.parametrize("visibility", ["hidden", "after_due"])
def test_a_place_is_kept_back_with_its_message(course, visibility):
    """What a check keeps to itself includes where it looked."""
    page = give(course, report(check(visibility=visibility, place=PLACE)), now=DUE - timedelta(days=1))
    assert "net.py" not in page.source
    assert "net.py" not in (course.root / "feedback/ada/report.json").read_text()


def test_no_hint_where_no_points_were_lost(course):
    """A hint given away with full marks would only puzzle."""
    page = give(course, report(check("test_b", Verdict.ACCEPTED, 4.0)))
    assert "hint test_b" not in page.source


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_has_words_and_a_sign(course, verdict):
    """Colour is never alone in saying it."""
    wording = WORDINGS[verdict]
    page = give(course, report(check(verdict=verdict, score=None if verdict.held else 0.0)))
    assert wording.word in page.text
    assert wording.sign.strip()
    assert len(wording.says) > 20


def test_lateness_is_explained(course):
    """What was lost, why, and what it was before; one day at a quarter."""
    page = give(course, report(check()), received=DUE + timedelta(hours=3))
    assert "30 of 100 points" in page.text
    assert "Late 1 day" in page.text
    assert "Before lateness 40 points" in page.text
    assert f"{MINUS}10 points (25 %)" in page.text
    assert "Received 5 Dec 2026, 02:59 CET" in page.text


def test_in_time_there_is_no_word_of_lateness(course):
    """The facts that do not apply are left out; so is a due date that is not set."""
    assert "Late" not in give(course, report(check())).text
    assert "Due" not in give(course, report(check()), name="plain").text


@pytest.mark.parametrize("verdict", [Verdict.GRADER_ERROR, Verdict.SYSTEM_ERROR])
def test_a_held_attempt_is_no_zero(course, verdict):
    """It says so plainly, shows no score, and nothing of what only staff may read."""
    held = report(check(verdict=verdict, score=None, staff="Traceback: secret"), verdict=verdict, score=None)
    page = give(course, held, received=DUE + timedelta(days=9))
    assert "It is not a zero" in page.text
    assert "Held not scored yet, of 100 points" in page.text
    assert "0 of 100" not in page.text
    assert "secret" not in page.source
    assert "secret" not in (course.root / "feedback/ada/report.json").read_text()


def test_a_hidden_check_keeps_its_words_to_itself(course):
    """Title, verdict and points only, on the page and in the JSON."""
    page = give(course, report(check(visibility="hidden")))
    saved = json.loads((course.root / "feedback/ada/report.json").read_text())
    assert "Title of test_a" in page.text
    assert "1 / 4" in page.text
    for secret in ("message test_a", "hint test_a", "out test_a"):
        assert secret not in page.source
        assert secret not in json.dumps(saved)


@pytest.mark.parametrize(("now", "shown"), [(DUE - timedelta(seconds=1), False), (DUE, True)])
def test_an_after_due_check_opens_at_the_due_date(course, now, shown):
    """Not a second before, on the page and in the JSON."""
    page = give(course, report(check(visibility="after_due")), now=now)
    saved = (course.root / "feedback/ada/report.json").read_text()
    for part in ("message test_a", "hint test_a", "out test_a"):
        assert (part in page.source) is shown
        assert (part in saved) is shown
    assert ("once the due date has passed" in page.text) is not shown


def test_an_after_due_check_opens_at_once_where_nothing_is_due(course):
    """There is no date to wait for."""
    assert "message test_a" in give(course, report(check(visibility="after_due")), name="plain").source


def test_student_text_is_inert(course):
    """Markup, escape sequences, control characters and text that turns around do nothing, wherever they stand."""
    hostile = check(HOSTILE, title=HOSTILE, message=f"{HOSTILE} here", hint=HOSTILE, output=HOSTILE)
    metric = Metric(name=HOSTILE, value=1.0)
    page = give(course, report(hostile, message=HOSTILE, metrics={HOSTILE: metric}))
    assert not {"script", "img"} & set(page.tags)
    assert not any(name.startswith("on") for name, _ in page.attributes)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e]", page.source)
    assert page.text.count("<script>alert('x')</script>red &amp; evil") == 7
    saved = json.loads((course.root / "feedback/ada/report.json").read_text())
    assert "\x1b" not in saved["checks"][0]["message"]


def test_a_lone_surrogate_can_be_written(course):
    """A student's print may hold what no encoding can."""
    page = give(course, report(check(output="a\ud800b", message="\udfff")))
    assert "ab" in page.text


def test_a_megabyte_becomes_a_screenful(course):
    """Its beginning and its end stay, and the page says that something is left out."""
    output = "\n".join(["first line", *(f"{n} " + "x" * 100 for n in range(10_000)), "last line"])
    page = give(course, report(check(output=output, message="m" * 1_000_000)))
    assert len(page.source) < 40_000
    for part in ("first line", "last line", "[... left out here ...]"):
        assert part in page.text


def test_pages_fetch_nothing(course):
    """No address, no import: they open from disk, without a network, and a policy holds them to it."""
    give(course, report(check()))
    write_standing(course, [entry()])
    feedback.write_feedback_batch(
        [feedback.FeedbackItem("ada", report(check()), DUE)],
        course=course,
        assignment=course.assignment("backprop"),
        folder=course.root / "feedback",
        now=NOW,
    )
    found = sorted((course.root).rglob("index.html"))
    assert len(found) == 3
    for path in found:
        page = Page(path)
        assert not re.search(r"https?:|//[a-z]|@import|url\(", page.source)
        assert "default-src 'none'" in page.source
        targets = [value for name, value in page.attributes if name in ("href", "src")]
        assert all((path.parent / target).is_file() for target in targets)
        assert "http-equiv" in dict(page.attributes)
        assert page.tags.count("h1") == 1
        assert ("scope", "col") in page.attributes
        assert ("scope", "row") in page.attributes
        assert ("lang", "en") in page.attributes


def test_contrast_is_readable_in_both_modes():
    """Every text colour reaches 4.5 to 1 on each ground that it is used on (WCAG 2, AA)."""
    css = (Path(grader.reports.__file__).parent / "templates" / "style.css").read_text()
    palettes = [
        dict(re.findall(r"--([\w-]+): (#\w+)", block)) for block in re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    ]
    light, dark, _print = palettes
    for palette in (light, dark):
        pairs = [
            ("ink", "page"),
            ("ink", "card"),
            ("ink", "wash"),
            ("soft", "page"),
            ("soft", "card"),
            ("soft", "wash"),
            ("ink", "heat"),
        ]
        pairs += [("accent", "card"), ("accent", "page")]
        pairs += [(tone, f"{tone}-wash") for tone in ("good", "partial", "bad", "held", "quiet")]
        for front, ground in pairs:
            assert contrast(palette[front], palette[ground]) >= 4.5, (front, ground)


def contrast(one: str, other: str) -> float:
    """WCAG 2's contrast ratio of two colours, #rrggbb each."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    bright, dim = sorted([luminance(one), luminance(other)], reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def test_the_staffs_index_puts_held_attempts_first(course):
    """With everyone's score before and after lateness, a link to each page, and a table for a spreadsheet."""
    held = report(check(verdict=Verdict.SYSTEM_ERROR, score=None), verdict=Verdict.SYSTEM_ERROR, score=None)
    items = [
        feedback.FeedbackItem("ada", report(check(), score=80.0), DUE + timedelta(hours=30)),
        feedback.FeedbackItem("alan", held, DUE),
        feedback.FeedbackItem("stranger", report(check(), score=10.0), DUE),
    ]
    path = feedback.write_feedback_batch(
        items, course=course, assignment=course.assignment("backprop"), folder=course.root / "out", now=NOW
    )
    page = Page(path)
    assert page.text.index("=HYPERLINK(1)") < page.text.index("Ada <b>Lovelace</b>") < page.text.index("stranger")
    assert "3 graded, 1 late, mean 25, median 25" in page.text
    assert "1 attempt is held." in page.text
    rows = list(csv.DictReader(io.StringIO((path.parent / "index.csv").read_text())))
    assert [row["id"] for row in rows] == ["alan", "ada", "stranger"]
    assert rows[0]["name"] == "'=HYPERLINK(1)"
    assert (rows[0]["held"], rows[0]["score"], rows[0]["final"]) == ("yes", "", "")
    assert (rows[1]["score"], rows[1]["kept"], rows[1]["final"]) == ("80", "0.5", "40")
    assert all((path.parent / row["page"]).is_file() for row in rows)


def test_the_staffs_index_can_be_sorted(course):
    """Its columns sort by value, not by text: points, dates and days; the one script is ours; the CSV's columns are explained."""
    items = [feedback.FeedbackItem("ada", report(check(), score=80.0), DUE)]
    path = feedback.write_feedback_batch(
        items, course=course, assignment=course.assignment("backprop"), folder=course.root / "pages", now=NOW
    )
    page = Page(path)
    assert ("class", "sortable stack") in page.attributes
    assert {("data-value", "80.0"), ("data-value", str(DUE.timestamp())), ("data-value", "wrong_answer")} <= set(
        page.attributes
    )
    sorter, source = pages.script("sort.js")
    assert f"<script>{sorter}</script>" in page.source
    assert any(f"script-src {source};" in (value or "") for name, value in page.attributes if name == "content")
    assert "lateness leaves" in page.text


def test_an_index_of_nobody(course):
    """An empty batch is no error."""
    path = feedback.write_feedback_batch(
        [], course=course, assignment=course.assignment("backprop"), folder=course.root / "out", now=NOW
    )
    assert "Nothing is graded yet." in Page(path).text


@pytest.mark.parametrize("owner", ["../ada", "", ".hidden", "a/b", "a\0", "x" * 200])
def test_an_owner_cannot_lead_out_of_the_folder(course, owner):
    """Ids come from uploads as well."""
    with pytest.raises(UsageError, match="cannot name a feedback folder"):
        give(course, report(check()), owner=owner)


def test_a_template_that_misses_a_value_is_an_error():
    """Rather than an empty place on a page that is handed back."""
    with pytest.raises(jinja2.UndefinedError):
        pages.render("feedback.html.j2", title="x")


# --- leaderboard


def entry(handle="ada", accuracy=0.9, score=80.0, *, hours=0.0, **metrics):
    values = {"accuracy": accuracy, **metrics}
    return leaderboard.LeaderboardEntry(
        handle, DUE - timedelta(days=1) + timedelta(hours=hours), score, 100.0, True, values
    )


def ranks(course, entries, name="backprop"):
    rows = leaderboard.standing(entries, course=course, assignment=course.assignment(name))
    return [(row.rank, row.handle) for row in rows]


def write_standing(course, entries, now=NOW):
    path = leaderboard.write_leaderboard(
        entries, course=course, assignment=course.assignment("backprop"), folder=course.root / "board", now=now
    )
    return Page(path)


def test_equals_share_a_rank(course):
    """1, 2, 2, 4: by the first metric as it is shown, then the score; the earlier of equals is listed first."""
    entries = [
        entry("late twin", 0.9, hours=2),
        entry("last", 0.5),
        entry("early twin", 0.9001, hours=1),
        entry("best", 0.95),
        entry("lower score", 0.5, score=70.0),
    ]
    assert ranks(course, entries) == [
        (1, "best"),
        (2, "early twin"),
        (2, "late twin"),
        (4, "last"),
        (5, "lower score"),
    ]


def test_what_is_not_scored_is_listed_last_without_a_rank(course):
    """However good its metric; and a missing or broken metric ranks behind every number."""
    entries = [
        entry("held", 1.0, score=None),
        entry("none", None, score=100.0),
        entry("nan", float("nan"), score=90.0),
        entry("worst", 0.0, score=0.0),
    ]
    assert ranks(course, entries) == [(1, "worst"), (2, "none"), (3, "nan"), (None, "held")]
    assert "Not scored yet" in write_standing(course, entries).text


def test_lower_can_be_better(course):
    """The column's own direction decides."""
    column = course.assignment("backprop").leaderboard[1]
    assignment = SimpleNamespace(leaderboard=(column,), cost=None)
    entries = [entry("big", parameters=200), entry("small", parameters=100)]
    rows = leaderboard.standing(entries, course=course, assignment=assignment)
    assert [row.handle for row in rows] == ["small", "big"]


def test_without_columns_the_score_decides(course):
    """An assignment without metrics still has a standing."""
    assert ranks(course, [entry("b", score=1.0), entry("a", score=2.0)], "plain") == [(1, "a"), (2, "b")]


def test_the_page_is_complete_without_its_script(course):
    """Handle, metrics at their precision, score, pass and the date in the course's timezone."""
    page = write_standing(course, [entry("snowman", 0.876, parameters=1234.0)])
    assert "snowman 0.88 1234 80 / 100 ✓ Passed 3 Dec 2026, 23:59 CET" in page.text
    assert "by Accuracy (higher is better)" in page.text


def test_the_pages_own_script_is_the_only_one_allowed(course):
    """Its digest stands in the policy, and it is the very text of the page."""
    page = write_standing(course, [entry()])
    script, source = pages.script("sort.js")
    assert f"<script>{script}</script>" in page.source
    policy = next(value for name, value in page.attributes if name == "content" and "default-src" in value)
    assert policy.startswith(f"default-src 'none'; style-src 'unsafe-inline'; script-src {source};")


def test_hostile_handles(course):
    """Inert in HTML, no formula in the CSV, and one line long."""
    handles = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "<script>x</script>", 'a,b"c\nd', "z" * 999]
    handles += ["\u3000=1+1", "\u2003\u00a0=1", "\u2800 =1", "\u00ad\u3000@SUM(A1)"]
    page = write_standing(course, [entry(handle, hours=n) for n, handle in enumerate(handles)])
    assert page.tags.count("script") == 1
    rows = list(csv.DictReader(io.StringIO((course.root / "board/leaderboard.csv").read_text())))
    assert len(rows) == len(handles)
    for row in rows:
        assert not row["handle"].lstrip("\u00ad\u2800\u3000\u2003\u00a0 \t").startswith(("=", "+", "-", "@"))
    assert rows[7]["handle"] == 'a,b"c d'
    assert max(len(row["handle"]) for row in rows) == 60


def test_numbers_in_the_csv_stay_numbers(course):
    """A negative metric is no formula."""
    write_standing(course, [entry(accuracy=-0.5, parameters=-0.0)])
    (row,) = csv.DictReader(io.StringIO((course.root / "board/leaderboard.csv").read_text()))
    assert (row["rank"], row["accuracy"], row["parameters"], row["score"]) == ("1", "-0.50", "0", "80")


def test_the_json_is_strict(course):
    """No NaN, times with their offset, and the columns that were used."""
    write_standing(course, [entry(accuracy=float("inf")), entry("held", score=None)])
    saved = json.loads((course.root / "board/leaderboard.json").read_text(), parse_constant=pytest.fail)
    assert saved["schema_version"] == 1
    assert saved["columns"][0]["metric"] == "accuracy"
    assert saved["rows"][0]["metrics"] == {"accuracy": None, "parameters": None}
    assert saved["rows"][0]["received"] == "2026-12-03T23:59:00+01:00"
    assert saved["rows"][1]["passed"] is None


def test_an_entry_of_the_stores_standing(course):
    """The handle is taken, the name is not; the score is the one after lateness, and half of it passes."""
    submission = SimpleNamespace(received_at=DUE)
    metrics = {"accuracy": Metric(name="accuracy", value=0.5)}
    row = SimpleNamespace(
        handle="enchantress", submission=submission, final_score=50.0, max_score=100.0, metrics=metrics, name="Ada"
    )
    made = leaderboard.entry_of(row, secret=SECRET)
    assert made == leaderboard.LeaderboardEntry("enchantress", DUE, 50.0, 100.0, True, {"accuracy": 0.5})
    assert leaderboard.entry_of(row, secret=SECRET, pass_fraction=0.51).passed is False
    row.submission = None
    assert leaderboard.entry_of(row, secret=SECRET) is None


def test_who_chose_no_handle_has_a_pseudonym():
    """It is stable, differs between courses, and tells neither id nor name."""
    row = SimpleNamespace(
        owner="s2026001", handle="", submission=SimpleNamespace(received_at=DUE), final_score=1.0, max_score=1.0,
        metrics={}, name="Ada Lovelace",
    )  # fmt: skip
    shown = [leaderboard.entry_of(row, secret=secret).handle for secret in (SECRET, SECRET, b"other" * 8)]
    assert shown[0] == shown[1] != shown[2]
    assert re.fullmatch(r"[a-z]+-[a-z]+-\d{3}", shown[0])
    assert len({pseudonym(SECRET, f"s{number}") for number in range(1000)}) > 995


def test_the_page_says_what_passed_means(course):
    """The share of the points, beside the table."""
    page = write_standing(course, [entry()])
    assert "Passed: 50 % of the points or more, after lateness." in page.text


def test_nobody_yet(course):
    """An empty leaderboard is a page as well."""
    assert "Nobody has handed in yet." in write_standing(course, []).text


# --- terminal and text


def printed(table, width=120):
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(table)
    return console.file.getvalue()


def test_a_batch_at_a_glance():
    """Points, verdict in words, the dearest checks first, and why a submission was not graded."""
    checks = [check("test_small", score=3.0), check("test_big", score=0.0), check("test_ok", Verdict.ACCEPTED, 4.0)]
    held = report(verdict=Verdict.SYSTEM_ERROR, score=None)
    rows = [
        terminal_tables.BatchRow("ada", report(*checks, seconds=1.234)),
        terminal_tables.BatchRow("alan", held, "out of disk"),
        terminal_tables.BatchRow("[bold]eve[/bold]\x1b[31m", None, "no file"),
    ]
    shown = printed(terminal_tables.batch_table(rows, title="backprop"))
    assert re.search(rf"ada +40 / 100 +✗ Wrong answer +1\.23 +test_big {MINUS}4, test_small {MINUS}1", shown)
    assert re.search(rf"alan +{DASH} +… Held for staff +[0-9.]+ +out of disk", shown)
    assert re.search(rf"\[bold\]eve\[/bold\] +{DASH} +not graded +no file", shown)
    assert "\x1b" not in shown


def test_many_lost_checks_are_counted():
    """A batch stays a line a submission."""
    checks = [check(f"test_{n}", score=0.0) for n in range(5)]
    assert "and 3 more" in printed(terminal_tables.batch_table([terminal_tables.BatchRow("ada", report(*checks))]))


def test_one_report_in_the_terminal():
    """Message and hint where points were lost, nothing but the title where not; hostile text stays text."""
    ok = check("test_ok", Verdict.ACCEPTED, 4.0)
    shown = printed(terminal_tables.report_table(report(check(message="[red]x\x1b[31m\nsecond"), ok)))
    assert "  [red]x\n" in re.sub(" +\n", "\n", shown)
    assert "hint: hint test_a" in shown
    assert "hint test_ok" not in shown
    assert re.search(r"total +✗ Wrong answer +40 / 100", shown)
    held = report(verdict=Verdict.GRADER_ERROR, score=None)
    assert "held for staff" in printed(terminal_tables.report_table(held))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, formatting.DASH),
        (float("nan"), formatting.DASH),
        (10.0, "10"),
        (7.5, "7.5"),
        (100, "100"),
        (1 / 3, "0.33"),
        (-0.001, "0"),
    ],
)
def test_numbers(value, shown):
    """No trailing zeros, no minus zero, a dash for nothing."""
    assert formatting.number(value) == shown


def test_points_agree_with_their_number(course):
    """One point is in the singular, on the page as well."""
    assert [formatting.points(value) for value in (1, 1.0, 0, 2.5, None)] == [
        "1 point", "1 point", "0 points", "2.5 points", f"{DASH} points",
    ]  # fmt: skip
    page = give(course, report(check(max_score=1.0), score=1.0, max_score=1.0), received=DUE + timedelta(hours=30))
    assert "of 1 point " in page.text
    assert "Before lateness 1 point Late" in page.text


def test_a_moment_is_in_the_courses_timezone():
    """Summer time is named."""
    when = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)
    assert formatting.moment(when, ZoneInfo("Europe/Berlin")) == "2 Jul 2026, 00:30 CEST"
