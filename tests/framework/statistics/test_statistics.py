"""Statistics of a class: what each number means, where it is undefined, and which checks are named to look at."""

from __future__ import annotations

import json
import math
import random
import re
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from typer.testing import CliRunner

from grader.cli.main import app
from grader.course import load_course
from grader.records import CheckResult, Report, Verdict
from grader.statistics import analyse, mistakes_made, read_histories, upload_of, write_statistics
from grader.statistics.diagnoses import kind_of
from grader.statistics.histories import History
from grader.statistics.item_analysis import item_rest, thirds
from grader.statistics.statistics_page import histogram
from grader.store import Store
from grader.validation.variant_files import Variant
from tests.support.builder import Homework, build_course

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
CHECKS = [f"test_{name}" for name in ("forward", "backward", "loss", "update", "shapes", "init", "train", "accuracy")]
EASY, BACKWARDS, AMBIGUOUS = "test_planted_easy", "test_planted_backwards", "test_planted_ambiguous"
CONFIG = """
course: {name: Course, timezone: Europe/Berlin}
roster: {students: [%s]}
assignments: {soft: {title: "Soft & <hard>", files: [soft.py]}}
"""


def variants(count=40):
    """Wrong variants as an author writes them: each fails one to three checks, and has a message that tells it."""
    rng = random.Random(1)
    return [
        Variant(
            name=f"mistake-{number}",
            kind="wrong",
            why=f"does wrong number {number}",
            edits=(),
            expect=dict.fromkeys(rng.sample(CHECKS, rng.randint(1, 3)), Verdict.WRONG_ANSWER),
            names=rf"mistake {number}\b" if number % 2 else None,
        )
        for number in range(count)
    ]


def check(name, *, full, message="", score=None, seconds=0.5):
    """One check of four points."""
    points = (4.0 if full else 0.0) if score is None else score
    verdict = Verdict.ACCEPTED if points == 4.0 else Verdict.WRONG_ANSWER
    return CheckResult(id=name, title=f"Title of {name}.", verdict=verdict, score=points, max_score=4.0, message=message, seconds=seconds)  # fmt: skip


def report(*checks, version="v1"):
    """A report of some checks."""
    return Report(
        assignment="soft",
        verdict=Verdict.PARTIAL,
        score=sum(item.score for item in checks),
        max_score=4.0 * len(checks),
        checks=checks,
        seed=1,
        profile="cpu",
        grader_version=version,
        submission_digest="a" * 64,
    )


def simulated_class(size=200, seed=0):
    """Mixtures of variants: the weaker a student, the more mistakes; each submission puts some of them right.

    Three checks are bad: one that nearly everybody passes, one that the strong fail, and one that comes out by chance.
    """
    rng, known = random.Random(seed), variants()
    histories = []
    for number in range(size):
        ability = rng.random()
        mistakes = [item for item in known if rng.random() < 0.22 * (1 - ability)]
        planted = {
            EASY: rng.random() < 0.99,
            BACKWARDS: rng.random() < 0.95 - 0.8 * ability,
            AMBIGUOUS: rng.random() < 0.55,
        }
        uploads = []
        for attempt in range(rng.randint(1, 4)):
            failed = {name: item.name for item in mistakes for name in item.expect}
            checks = [
                check(name, full=name not in failed, message=f"It is {failed[name].replace('-', ' ')}, off by {attempt}." if name in failed else "")
                for name in CHECKS
            ]  # fmt: skip
            checks += [
                check(name, full=passed, message="" if passed else "Not so.") for name, passed in planted.items()
            ]
            uploads.append(upload_of(NOON + timedelta(days=attempt), [report(*checks)]))
            mistakes = [item for item in mistakes if rng.random() > 0.3 + 0.5 * ability]
        histories.append(History(f"s{number:03}", f"Student {number:03}", tuple(uploads)))
    return histories, known


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_the_planted_checks_are_found_and_named(seed):
    """Of a class of 200, the too easy, the backward and the ambiguous check are named as what they are, and no other so."""
    histories, known = simulated_class(seed=seed)
    found = analyse(histories, mistakes_made(known, histories))
    names = {c.id: {flag.name for flag in c.flags} for c in found.checks}
    assert names[EASY] == {"too easy"}
    assert "negative" in names[BACKWARDS]
    assert "ambiguous" in names[AMBIGUOUS]
    for name in CHECKS:
        assert names[name].isdisjoint({"too easy", "negative", "ambiguous"}), (name, names[name])
    assert all(flag.rule for c in found.flagged for flag in c.flags)


def test_the_correlation_is_pearsons_without_the_check_itself():
    """Beside numpy's, with Fisher's interval written out."""
    rng = np.random.default_rng(0)
    rest = rng.normal(size=50)
    shares = (rest + rng.normal(size=50) > 0).astype(float)
    found = item_rest(shares.tolist(), rest.tolist())
    expected = np.corrcoef(shares, rest)[0, 1]
    assert found.value == pytest.approx(expected)
    half = 1.959964 / math.sqrt(47)
    assert math.atanh(found.high) - math.atanh(expected) == pytest.approx(half)
    assert math.atanh(expected) - math.atanh(found.low) == pytest.approx(half)


@pytest.mark.parametrize(
    ("shares", "rest", "why"),
    [
        ([1.0, 0.0, 1.0], [3, 2, 1], "3 students are too few"),
        ([1.0] * 6, [1, 2, 3, 4, 5, 6], "everybody has the same points here"),
        ([1.0, 0.0] * 3, [2.0] * 6, "everybody has the same points in all other checks"),
    ],
)
def test_a_correlation_that_is_undefined_says_why(shares, rest, why):
    """No number is made up where there is none."""
    found = item_rest(shares, rest)
    assert (found.value, found.low, found.high, found.why) == (None, None, None, why)


def test_the_interval_has_the_truth_in_it_nineteen_times_of_twenty():
    """Coverage of 400 draws from a bivariate normal of correlation 0.4."""
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(400):
        x = rng.normal(size=40)
        y = 0.4 * x + math.sqrt(1 - 0.16) * rng.normal(size=40)
        found = item_rest(x.tolist(), y.tolist())
        hits += found.low <= 0.4 <= found.high
    assert 0.92 <= hits / 400 <= 0.98


def test_thirds_are_those_of_the_rest():
    """Who is weak and who is strong is decided without the check itself."""
    assert thirds([0, 0, 0, 0, 0, 1, 1, 1, 1], list(range(9))) == (0.0, 1.0)
    assert thirds([1.0] * 8, list(range(8))) is None


def test_attempts_until_passed_and_first_attempts():
    """Counted in submissions; who never passed is counted apart, and takes no part in the median."""
    at = [upload_of(NOON, [report(check("test_a", full=full))]) for full in (False, True)]
    wrong, right = at
    histories = [
        History("a", "A", (right,)),
        History("b", "B", (wrong, right)),
        History("c", "C", (wrong, wrong, wrong, right)),
        History("d", "D", (wrong, wrong)),
    ]
    (found,) = analyse(histories).checks
    assert (found.first_pass, found.attempts_until_passed, found.never) == (0.25, 2, 1)
    assert found.difficulty == 0.75
    assert found.failed_once == 3


def test_messages_that_differ_in_numbers_are_one_diagnosis():
    """Cases and numbers aside; of a traceback the error counts. Names with digits in them stay apart."""
    assert kind_of("It is 3 times too large. (1 of 3 cases passed)") == kind_of("It is 17.5 times too large.")
    assert kind_of("`conv1` is wrong") != kind_of("`conv2` is wrong")
    trace = 'Traceback (most recent call last):\n  File "a.py", line %d, in f\n    x\nValueError: no %d\n'
    assert kind_of(trace % (1, 2)) == kind_of(trace % (8, 9)) == "ValueError: no #"


def test_a_message_that_does_not_help_is_named():
    """Ten of twelve who read the same three times on end: the message is at fault, not they."""
    stuck = upload_of(NOON, [report(check("test_a", full=False, message="It is wrong."), check("test_b", full=True))])
    moved = upload_of(NOON, [report(check("test_a", full=True), check("test_b", full=True))])
    histories = [History(f"s{n}", f"S{n}", (stuck, stuck, stuck)) for n in range(10)]
    histories += [History(f"t{n}", f"T{n}", (stuck, moved)) for n in range(2)]
    found = {c.id: c for c in analyse(histories).checks}["test_a"]
    assert "no help" in {flag.name for flag in found.flags}
    assert len(found.stuck) == 10


def test_a_check_that_comes_out_otherwise_when_graded_again_is_named():
    """Same version, other points: unstable. Another version is allowed to disagree."""
    low, high = report(check("test_a", full=False)), report(check("test_a", full=True))
    again = upload_of(NOON, [low, high])
    newer = upload_of(NOON, [low, report(check("test_a", full=True), version="v2")])
    assert again.unstable == {"test_a"}
    assert newer.unstable == frozenset()
    (found,) = analyse([History("a", "A", (again,))]).checks
    assert [flag.name for flag in found.flags] == ["unstable"]


def test_a_variant_shows_who_made_its_mistake():
    """By the message that tells it from others, on a check that must see it; without one nobody can tell."""
    known = variants()
    told, untold = known[1], known[0]
    name = next(iter(told.expect))
    other = next(item for item in CHECKS if item not in told.expect)
    made = upload_of(NOON, [report(check(name, full=False, message="It is mistake 1."))])
    elsewhere = upload_of(NOON, [report(check(other, full=False, message="It is mistake 1."))])
    found = mistakes_made([told, untold], [History("a", "A", (made,)), History("b", "B", (elsewhere,))])
    assert [item.owners for item in found] == [("a",), None]


def test_every_score_is_in_the_histogram():
    """The ends too, and what lies beyond them."""
    bars = histogram([-1.0, 0.0, 9.99, 10.0, 100.0, 101.0], 100.0)
    assert [bar.count for bar in bars] == [3, 1, 0, 0, 0, 0, 0, 0, 0, 2]


@pytest.mark.slow
def test_the_page_and_the_command_say_the_same(tmp_path):
    """From the store: terminal, JSON and page, with hostile names and messages as text; who has a message is one click away."""
    students = ", ".join(f'{{id: s{n:02}, name: "Student <b>{n:02}</b>"}}' for n in range(12))
    course = build_course(tmp_path / "course", CONFIG % students, Homework("soft", {"soft.py": "x = 1\n"}))
    store = Store(tmp_path / "state")
    for n in range(12):
        made = store.put_submission("soft", f"s{n:02}", {"soft.py": f"x = {n}".encode()}, received_at=NOON)[0]
        checks = (
            check("test_a", full=n % 2 == 0, message="<script>alert(1)</script>" if n % 2 else ""),
            check("test_b", full=True),
        )
        store.record(made, report(*checks).model_copy(update={"submission_digest": made.digest}))
    loaded = load_course(course)
    histories = read_histories(loaded, loaded.assignment("soft"), store)
    assert [history.owner for history in histories] == [f"s{n:02}" for n in range(12)]
    store.close()

    def run(*more):
        result = CliRunner().invoke(app, ["stats", "soft", "--course", str(course), "--state", str(tmp_path / "state"), *more])  # fmt: skip
        assert result.exit_code == 0, result.output
        return result.output

    data = json.loads(run("--json"))
    assert {(item["check"], item["flag"]) for item in data["flagged"]} == {("test_b", "too easy")}
    assert data["checks"][0]["diagnoses"][0]["owners"] == [f"s{n:02}" for n in range(1, 12, 2)]
    assert "too easy: test_b" in run()
    page = (tmp_path / "state" / "stats" / "soft.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "Student &lt;b&gt;01&lt;/b&gt;" in page
    assert "undefined: everybody has the same points" in page
    charts = re.findall(r'<svg class="chart".*?</svg>', page, re.DOTALL)
    assert len(charts) == 3
    assert all("<title" in chart and "<desc" in chart for chart in charts)
    assert page.count("As a table") == 3


def test_a_class_without_grades_has_a_page(tmp_path):
    """Nothing divides by nothing."""
    course = build_course(tmp_path, CONFIG % "{id: a, name: A}", Homework("soft", {"soft.py": "x = 1\n"}))
    loaded = load_course(course)
    page = write_statistics(
        analyse([]), course=loaded, assignment=loaded.assignment("soft"), file=tmp_path / "page.html", now=NOON
    )
    assert "Nothing is graded yet" in page.read_text(encoding="utf-8")
