"""The store: nothing handed in or graded is lost, doubled or mixed up."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.course import load_course
from grader.errors import StoreError
from grader.records import Verdict
from grader.store import Mark, digest_files, recording, total
from tests.support.attempts import FILES, NOON, hand_in, report
from tests.support.stores import again, execute, rows, spoil_reports


def test_submission_comes_back_whole(store):
    """Files, times and the rest survive, also for whoever opens the store next."""
    at = datetime(2026, 12, 1, 13, 0, 0, 123456, tzinfo=timezone(timedelta(hours=1)))
    submission = hand_in(store, at=at, source="ada.zip", problem="none really")
    reopened = again(store)
    assert reopened.submissions("backprop") == [submission] == [reopened.submission(submission.id)]
    assert reopened.files(submission) == FILES
    assert (submission.received_at, submission.received_at.tzinfo) == (at, UTC)
    assert (submission.source, submission.problem) == ("ada.zip", "none really")
    assert submission.digest == digest_files(FILES)
    assert [file.path for file in submission.files] == ["backprop.py", "sub/y.py"]
    assert submission.files[0].size == 6


def test_same_upload_is_one_submission(store):
    """The same files by the same owner count once, at the earliest time; any other difference makes another."""
    first = hand_in(store)
    assert hand_in(store, source="renamed.zip") == first
    assert store.put_submission("backprop", "ada", FILES, received_at=NOON) == (first, False)
    assert hand_in(store, at=NOON + timedelta(seconds=1)) == first
    others = [
        hand_in(store, owner="grace"),
        hand_in(store, assignment="single"),
        hand_in(store, files={"backprop.py": b"x = 2\n"}),
    ]
    assert len({first.id, *(other.id for other in others)}) == 4
    assert [one.owner for one in store.submissions("backprop")] == ["ada", "grace", "ada"]
    assert len(store.submissions("backprop", owner="ada")) == 2


def test_times_need_a_zone(store):
    """A time without a timezone is refused: deadlines hang on it."""
    with pytest.raises(ValueError, match="no timezone"):
        hand_in(store, at=NOON.replace(tzinfo=None))


def test_contents_are_kept_once_and_verified(store):
    """Equal contents share a blob; a damaged or missing one is an error, and handing in again repairs it."""
    submission = hand_in(store)
    hand_in(store, owner="grace")
    blobs = sorted(path for path in (store.state / "blobs").rglob("*") if path.is_file())
    assert len(blobs) == 2
    target = store.state / "blobs" / submission.files[0].sha256[:2] / submission.files[0].sha256
    target.write_bytes(b"something else")
    with pytest.raises(StoreError, match="damaged"):
        store.files(submission)
    hand_in(store)
    assert store.files(submission) == FILES
    target.unlink()
    with pytest.raises(StoreError, match="missing"):
        store.files(submission)


def test_failed_write_leaves_no_submission(store):
    """Where a content cannot be kept there is no row that points at it."""
    store.state.joinpath("blobs").write_text("in the way")
    with pytest.raises(StoreError, match="cannot write"):
        hand_in(store)
    assert store.submissions("backprop") == []


@given(st.dictionaries(st.text(min_size=1, max_size=5), st.binary(max_size=5), max_size=4))
def test_digest_tells_submissions_apart(files):
    """Order does not matter, every byte of a name or content does."""
    digest = digest_files(files)
    assert digest_files(dict(reversed(files.items()))) == digest
    assert digest_files({**files, "one more": b""}) != digest
    for name, content in files.items():
        assert digest_files({**files, name: content + b"\n"}) != digest


def test_attempt_comes_back_whole(store):
    """The report survives as it was, with 64-bit seeds, staff text and metrics that are no numbers."""
    submission = hand_in(store)
    written = report(submission)
    attempt = store.record(submission, written)
    (found,) = again(store).attempts("backprop")
    assert found == attempt
    assert found.report == written
    assert (found.ordinal, found.seed, found.verdict, found.score) == (1, 2**63 + 5, Verdict.PARTIAL, 5.0)
    assert (found.finished_at - found.started_at, found.held) == (timedelta(seconds=2.5), False)


def test_checks_and_metrics_can_be_queried(store):
    """Checks and metrics are rows of their own as well."""
    submission = hand_in(store)
    store.record(submission, report(submission))
    assert rows(store, "SELECT check_id, verdict, score FROM checks ORDER BY position") == [
        ("test_a", "partial", 5.0),
        ("test_b", "skipped", None),
    ]
    assert rows(store, "SELECT name, value FROM metrics ORDER BY name") == [("acc", 0.5), ("nan", None)]


def test_grading_again_adds_an_attempt(store):
    """Attempts are counted by submission and grader version; none is replaced."""
    first, second = hand_in(store), hand_in(store, owner="grace")
    for version, expected in (("v1", 1), ("v1", 2), ("v2", 1), ("v1", 3)):
        assert store.record(first, report(first, version=version)).ordinal == expected
    assert store.record(second, report(second)).ordinal == 1
    assert [one.ordinal for one in store.attempts(submission=first, grader_version="v1")] == [1, 2, 3]
    assert len(store.attempts("backprop")) == 5
    assert store.attempts("single") == []


def test_report_on_other_files_is_refused(store):
    """A report must be about this submission's files and assignment."""
    submission = hand_in(store)
    for change in ({"submission_digest": "0" * 64}, {"assignment": "single"}):
        with pytest.raises(StoreError, match="is none on submission"):
            store.record(submission, report(submission, **change))


def test_attempt_at_nothing_is_refused(store):
    """No attempt without its submission; the database sees to it, too."""
    submission = replace(hand_in(store), id=77)
    with pytest.raises(StoreError, match="no submission 77"):
        store.record(submission, report(submission))
    with pytest.raises(StoreError, match=r"(?i)foreign key"):
        execute(store, "INSERT INTO files (submission_id, path, sha256, size) VALUES (77, 'a', 'b', 1)")


def test_report_is_kept_whole_or_not_at_all(store, monkeypatch):
    """A failure half way leaves no trace of the attempt."""
    submission = hand_in(store)
    twice = [{"name": "acc", "value": 0.5, "direction": "higher"}] * 2
    monkeypatch.setattr(recording, "_metric_rows", lambda _: twice)
    with pytest.raises(StoreError, match=r"(?i)unique|duplicate"):
        store.record(submission, report(submission))
    assert rows(store, "SELECT count(*) FROM attempts") == [(0,)]
    assert rows(store, "SELECT count(*) FROM checks") == [(0,)]


@pytest.mark.parametrize(
    ("verdicts", "pending"),
    [
        ([], True),
        ([Verdict.ACCEPTED], False),
        ([Verdict.WORKER_DIED], False),
        ([Verdict.SYSTEM_ERROR], True),
        ([Verdict.GRADER_ERROR], False),
        ([Verdict.SYSTEM_ERROR, Verdict.GRADER_ERROR], False),
        ([Verdict.GRADER_ERROR, Verdict.SYSTEM_ERROR], True),
        ([Verdict.SYSTEM_ERROR, Verdict.PARTIAL], False),
        ([Verdict.PARTIAL, Verdict.SYSTEM_ERROR], False),
    ],
)
def test_what_is_pending(store, verdicts, pending):
    """What has no verdict of this version yet, or failed by our own fault; a new version grades everything anew."""
    submission = hand_in(store)
    hand_in(store, assignment="single")
    for verdict in verdicts:
        store.record(submission, report(submission, verdict=verdict))
    assert store.pending("backprop", "v1") == ([submission] if pending else [])
    assert store.pending("backprop", "v2") == [submission]
    assert store.pending("backprop", "v1", force=True) == [submission]


def test_writers_wait_for_each_other(store):
    """Many writers at once: every attempt is there, with an ordinal of its own."""
    submission = hand_in(store)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: again(store).record(submission, report(submission)), range(24)))
    assert sorted(one.ordinal for one in found) == list(range(1, 25))


def test_two_batches_at_once_record_once(store):
    """Whoever removed the lock: the first attempt that counts stays the only one, unless more were asked for."""
    submission = hand_in(store)
    held = store.record(submission, report(submission, verdict=Verdict.SYSTEM_ERROR), once=True)
    first = store.record(submission, report(submission), once=True)
    assert (held.ordinal, first.ordinal) == (1, 2)
    assert store.record(submission, report(submission, score=7.0), once=True) == first
    assert store.record(submission, report(submission, verdict=Verdict.SYSTEM_ERROR), once=True) == first
    assert store.record(submission, report(submission, version="v2"), once=True).ordinal == 1
    assert store.record(submission, report(submission)).ordinal == 3


def test_unreadable_report_is_named(store):
    """A report that this version cannot read is an error with the attempt's number."""
    submission = hand_in(store)
    store.record(submission, report(submission))
    spoil_reports(store)
    with pytest.raises(StoreError, match="report of attempt 1"):
        store.attempts("backprop")
    with pytest.raises(StoreError, match="no submission 77"):
        store.submission(77)


@pytest.fixture
def course(tiny_course):
    """The tiny course; backprop is due on 4 December 2026 at 22:59 UTC."""
    return load_course(tiny_course)


def graded(store, owner, score, at, assignment="backprop", **more):
    submission = hand_in(store, owner, at=at, assignment=assignment, files={"a.py": f"{score} {at}".encode()})
    store.record(submission, report(submission, score, **more))
    return submission


LATE = datetime(2026, 12, 6, 12, tzinfo=UTC)


def test_best_submission_counts_after_lateness(store, course):
    """A late 9 of which 8 tenths are kept loses against an 8 in time; of two equals the earlier one counts."""
    assignment = course.assignment("backprop")
    early = graded(store, "kurt", 8.0, NOON)
    graded(store, "kurt", 8.0, NOON + timedelta(hours=1))
    late = graded(store, "kurt", 9.0, LATE)
    (row,) = store.standing(course, assignment)
    assert (row.owner, row.name, row.handle) == ("kurt", "Kurt Gödel", "incomplete")
    assert (row.submission, row.raw_score, row.late_penalty, row.final_score) == (early, 8.0, 0.0, 8.0)
    assert row.metrics["acc"].value == 0.8
    best = graded(store, "kurt", 10.5, LATE)
    (row,) = store.standing(course, assignment)
    assert (row.submission, row.late_penalty, row.days_late) == (best, 0.2, 2)
    assert row.final_score == pytest.approx(8.4)
    assert late.id < best.id


def test_last_submission_counts_where_the_policy_says_so(store, course):
    """With `attempts: last` a later, worse submission counts, even before it is graded."""
    assignment = course.assignment("single")
    graded(store, "ada", 9.0, NOON, "single")
    worse = graded(store, "ada", 2.0, LATE, "single")
    (row,) = store.standing(course, assignment)
    assert (row.submission, row.final_score) == (worse, 2.0)
    newest = hand_in(store, "ada", at=LATE + timedelta(days=1), assignment="single")
    (row,) = store.standing(course, assignment)
    assert (row.submission, row.attempt, row.final_score) == (newest, None, None)


def test_latest_attempt_with_a_score_counts(store, course):
    """Grading again changes the score; an attempt that is held changes nothing but is shown as held."""
    assignment = course.assignment("backprop")
    submission = graded(store, "ada", 3.0, NOON)
    store.record(submission, report(submission, 6.0, version="v2"))
    store.record(submission, report(submission, verdict=Verdict.GRADER_ERROR, version="v3"))
    (row,) = store.standing(course, assignment)
    assert (row.raw_score, row.held) == (6.0, True)
    assert [one.score for one in store.attempts(submission=submission)] == [3.0, 6.0, None]


def test_held_attempt_is_no_zero(store, course):
    """Where the fault is ours there is no score, rather than a score of zero."""
    submission = graded(store, "ada", 0.0, NOON, verdict=Verdict.SYSTEM_ERROR)
    (row,) = store.standing(course, course.assignment("backprop"))
    assert (row.submission, row.attempt, row.final_score, row.held) == (submission, None, None, True)


def test_rows_by_owner_and_by_student(store, course):
    """A leaderboard has a row for each that handed in, a team one; a gradebook one for each student."""
    assignment = course.assignment("backprop")
    graded(store, "gone", 1.0, NOON)
    graded(store, "team-rho", 7.0, NOON)
    graded(store, "ada", 5.0, NOON)
    by_owner = [(row.owner, row.final_score) for row in store.standing(course, assignment)]
    assert by_owner == [("team-rho", 7.0), ("gone", 1.0)]
    by_student = {row.owner: row.final_score for row in store.standing(course, assignment, by="student")}
    assert by_student == {"ada": 7.0, "grace": 7.0, "kurt": None, "evelyn": None, "0012": None, "gone": 1.0}


def test_standing_of_one_profile(store, course):
    """Attempts of another profile can be left out."""
    assignment = course.assignment("backprop")
    submission = graded(store, "ada", 3.0, NOON)
    store.record(submission, report(submission, 6.0, version="g1", profile="gpu"))
    assert store.standing(course, assignment)[0].raw_score == 6.0
    assert store.standing(course, assignment, profile="cpu")[0].raw_score == 3.0


def mark(store, student, question, points, extra=0.0):
    fields = {"comment": "", "marker": "staff", "marked_at": NOON}
    assert store.put_mark(Mark("backprop", student, question, points, extra, **fields))


def test_standing_reads_no_report(store, course):
    """Scores, metrics and marks on checks are in rows: a class's standing costs no parsing of thousands of reports."""
    assignment = course.assignment("backprop")
    graded(store, "kurt", 8.0, NOON)
    graded(store, "evelyn", 3.0, NOON, verdict=Verdict.GRADER_ERROR)
    mark(store, "kurt", "test_a", 9.0, extra=0.5)
    mark(store, "kurt", "test_b", 0.0)
    before = store.standing(course, assignment)
    spoil_reports(store)
    assert store.standing(course, assignment) == before
    kurt, evelyn = before
    assert (kurt.raw_score, kurt.auto_score, kurt.metrics["acc"].value, kurt.metrics["nan"].value) == (
        9.5,
        8.0,
        0.8,
        None,
    )
    assert (evelyn.attempt, evelyn.latest.verdict, evelyn.held) == (None, Verdict.GRADER_ERROR, True)


@pytest.mark.parametrize("points", [None, 0.0, 4.0])
@pytest.mark.parametrize("verdict", [Verdict.PARTIAL, Verdict.SYSTEM_ERROR])
def test_rows_come_to_what_the_report_comes_to(store, course, verdict, points):
    """A total over an attempt's rows is the total over its report, held and overridden checks included."""
    graded(store, "kurt", 8.0, NOON, verdict=verdict)
    mark(store, "kurt", "test_a", points, extra=1.0)
    mark(store, "kurt", "no_such_check", 3.0)
    (row,) = store.standing(course, course.assignment("backprop"))
    expected = total(store.reports([row.latest.id])[row.latest.id], (), store.marks("backprop")["kurt"])
    assert total(row.latest, (), row.marks) == expected
    assert row.raw_score == expected.score


def test_reports_are_read_by_attempt(store):
    """Many at a time, and ids of none are left out."""
    attempts = [store.record(one, report(one)) for one in (hand_in(store), hand_in(store, "grace"))]
    wanted = [attempt.id for attempt in attempts] + [attempts[0].id] + list(range(1000, 2500))
    assert store.reports(wanted) == {attempt.id: attempt.report for attempt in attempts}
    spoil_reports(store)
    with pytest.raises(StoreError, match=f"report of attempt {attempts[0].id}"):
        store.reports([attempts[0].id])


def test_a_report_without_checks_and_metrics_is_kept(store):
    """An upload that cannot be read has neither."""
    submission = hand_in(store)
    attempt = store.record(submission, report(submission, checks=(), metrics={}))
    assert store.attempts("backprop") == [attempt]
    assert rows(store, "SELECT count(*) FROM checks") == rows(store, "SELECT count(*) FROM metrics") == [(0,)]


def test_what_was_withdrawn_counts_for_nothing_until_it_counts_again(store, tiny_course):
    """The submission stays, and its score is nobody's; the last word about it counts, and saying it twice changes nothing."""
    course = load_course(tiny_course)
    assignment = course.assignment("single")
    submission, _ = store.put_submission("single", "kurt", {"single.py": b"1"}, received_at=datetime.now(UTC))
    assert store.withdraw(submission, "kurt")
    assert not store.withdraw(submission, "kurt")
    assert store.withdrawn() == {submission.id}
    assert store.standing(course, assignment) == []
    assert [item.id for item in store.submissions("single")] == [submission.id]
    assert store.withdraw(submission, "kurt", withdrawn=False)
    assert store.withdrawn() == frozenset()
    assert [row.owner for row in store.standing(course, assignment)] == ["kurt"]


def test_what_waits_is_known_without_its_files(store):
    """What no attempt settles waits: new work, what an earlier version graded, and what failed for a reason of ours."""
    first, second, third = (hand_in(store, owner, files={"a.py": owner.encode()}) for owner in ("ada", "grace", "kurt"))
    store.record(first, report(first))
    store.record(second, report(second, verdict=Verdict.SYSTEM_ERROR))
    version = report(first).grader_version
    waiting = {item.submission_id: item for item in store.waiting({"backprop": version})}
    assert set(waiting) == {second.id, third.id}
    assert (waiting[second.id].faults, waiting[third.id].faults) == (1, 0)
    later = {item.submission_id: item for item in store.waiting({"backprop": "another"})}
    assert later[first.id].regrade
    assert not later[third.id].regrade
    assert len(store.recent("backprop")) == 1
