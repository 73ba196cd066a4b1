"""Submissions and reports for tests of the store; neither pytest nor hypothesis is imported, for the sake of child processes."""

from __future__ import annotations

from datetime import UTC, datetime

from grader.records import CheckResult, Metric, Report, Verdict

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
FILES = {"backprop.py": b"x = 1\n", "sub/y.py": b""}


def hand_in(store, owner="ada", *, files=FILES, at=NOON, assignment="backprop", **more):
    """Hand in two files; the submission."""
    return store.put_submission(assignment, owner, files, received_at=at, **more)[0]


def report(submission, score=5.0, verdict=Verdict.PARTIAL, version="v1", **more):
    """A report on a submission with the right digest: two checks, two metrics, one of them without a value."""
    fields = {
        "assignment": submission.assignment,
        "verdict": verdict,
        "score": None if verdict.held else score,
        "max_score": 10.0,
        "checks": (
            CheckResult(id="test_a", title="A", verdict=verdict, score=score, max_score=10.0, staff="for staff"),
            CheckResult(id="test_b", title="B", verdict=Verdict.SKIPPED, score=None, max_score=0.0),
        ),
        "metrics": {"acc": Metric(name="acc", value=score / 10), "nan": Metric(name="nan", value=None)},
        "seed": 2**63 + 5,
        "profile": "cpu",
        "grader_version": version,
        "submission_digest": submission.digest,
        "seconds": 2.5,
    }
    return Report(**{**fields, **more})
