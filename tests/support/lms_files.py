"""Gradebooks as platforms export them, for a list of students: what an instructor would download."""

from __future__ import annotations

import csv
import io
import random

COLUMN = "Backpropagation"


def written(rows, *, delimiter=",", newline="\r\n", encoding="utf-8", quoting=csv.QUOTE_MINIMAL):
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=delimiter, lineterminator=newline, quoting=quoting).writerows(rows)
    return stream.getvalue().encode(encoding)


def without_nul(text):
    """A platform's export holds none, whatever a student is called."""
    return text.replace("\x00", "").replace("\r", " ")


def turned(name):
    first, _, last = without_nul(name).rpartition(" ")
    return f"{last}, {first}" if first else last


def canvas(grades, old=None, points="10.0", title=COLUMN, more=()):
    old = old or {}
    rows = [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Notes", "Reading (700)", f"{title} (701)", "Current Score"],
        ["", "", "", "", "", "", "Manual Posting", "", ""],
        ["    Points Possible", "", "", "", "", "", "5", points, "(read only)"],
        *[
            [turned(g.name), str(9000 + i), f"SIS-{i}", g.student, "A and B", "", "1,5", old.get(g.student, ""), "77.7"]
            for i, g in enumerate(grades)
        ],
        *more,
        ["Student, Test", "8999", "", "5d41402abc4b2a76", "A", "", "", "", ""],
    ]  # fmt: skip
    return written(rows, newline="\n", encoding="utf-8-sig")


def moodle_worksheet(grades, old=None, points="10.00"):
    old = old or {}
    rows = [
        ["Identifier", "Full name", "Email address", "Status", "Grade", "Maximum grade", "Grade can be changed",
         "Last modified (submission)", "Last modified (grade)", "Feedback comments"],
        *[
            [f"Participant {500 + i}", without_nul(g.name), g.email, "Submitted", old.get(g.student, ""), points, "Yes", "-", "-", ""]
            for i, g in enumerate(grades)
        ],
    ]  # fmt: skip
    return written(rows, newline="\n")


def moodle_report(grades, old=None):
    old = old or {}
    rows = [
        ["First name", "Last name", "ID number", "Email address", "Quiz: Warm-up (Real)", f"Assignment: {COLUMN} (Real)",
         f"Assignment: {COLUMN} (Percentage)", "Course total (Real)"],
        *[
            [without_nul(g.name), "", g.student, g.email, "-", old.get(g.student, "-"), "-", "3.00"]
            for g in grades
        ],
    ]  # fmt: skip
    return written(rows, newline="\n")


def blackboard(grades, old=None):
    old = old or {}
    rows = [
        ["Last Name", "First Name", "Username", "Student ID", "Last Access", "Availability",
         "Essay [Total Pts: 20 Score] |11", f"{COLUMN} [Total Pts: 10 Score] |12"],
        *[
            [without_nul(g.name), "", g.student, f"7{i}", "2026-11-20", "Yes", "12.50", old.get(g.student, "")]
            for i, g in enumerate(grades)
        ],
    ]  # fmt: skip
    return b"\xff\xfe" + written(rows, delimiter="\t", encoding="utf-16-le", quoting=csv.QUOTE_ALL)


def brightspace(grades, old=None):
    old = old or {}
    rows = [
        ["OrgDefinedId", "Username", "Last Name", "First Name", "Warm-up Points Grade <Numeric MaxPoints:3 Weight:5>",
         f"{COLUMN} Points Grade <Numeric MaxPoints:10 Weight:10>", "End-of-Line Indicator"],
        *[
            [f"#{g.student}", f"#u{i}", without_nul(g.name), "", "2", old.get(g.student, ""), "#"]
            for i, g in enumerate(grades)
        ],
    ]  # fmt: skip
    return written(rows, encoding="utf-8-sig")


PIECES = (
    '=HYPERLINK("http://x","y")', "+1", "-2+3", "@SUM(A1:A9)", "=1+1", "\uff1d1", '"', '""', "'", "''; DROP TABLE x; --", ",", ";",
    "\t", "\n", "\r\n", "\r", "\u202e", "\u200f", "\u2066", "\u2028", "\ufeff", "\x00", "\x1b[31m", "\x07", "\x85",
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</title>", "&amp;", "{{ 7*7 }}", "{% raw %}", "../", "..\\",
    "/etc/passwd", "C:\\", "~/", "con", "nul.txt", "a" * 150, "%s%n", "${x}", "`id`", "_", "__", "_12_assignsubmission_file_",
    "Points Possible", "Student, Test", "Gödel", "李", "ש", "🙂", "é", ".", "..", "-", "|", "#", "EX", "N/A", "1,234", "Ada",
)  # fmt: skip


def hostile(count, seed=1):
    """As many texts, none twice, that are made of what harms tables, pages, terminals, archives and paths."""
    draw = random.Random(seed)
    found: dict[str, None] = {}
    while len(found) < count:
        pieces = draw.choices(PIECES, k=draw.randint(1, 4))
        found[
            f"{draw.choice(['', ' ', 'Ada '])}{draw.choice(['', ' ']).join(pieces)}{draw.choice(['', ' Lovelace'])}"[
                :190
            ]
        ] = None
    return list(found)
