"""How platforms read what is imported into them: small readers, written from each platform's documented rules alone.

They share no code with grader/exports, so that a rule that was misread there is not misread here in the same way.
"""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from decimal import Decimal


class ImportFails(Exception):
    """The platform takes nothing of the file."""


def table_of(data, delimiter=","):
    """Rows of a file as a platform decodes it."""
    text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))


# -- Canvas: lib/gradebook_importer.rb -------------------------------------------------------------------------------------


def canvas_decimal(text):
    """Of all separators in a number the last is the decimal point; what is no number stays as it is."""
    if not re.fullmatch(r"-?[0-9.,]+%?", text):
        return text
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    parts = re.split("[.,]", digits.rstrip("%"))
    return Decimal(sign + (parts[0] if len(parts) == 1 else "".join(parts[:-1]) + "." + parts[-1]))


def canvas_import(data):
    """{assignment number: {student ID: score}}, and the headings that would become new assignments."""
    head = data.decode("utf-8-sig").splitlines()[:3]
    delimiter = ";" if sum(line.count(";") for line in head) > sum(line.count(",") for line in head) else ","
    header, *rows = table_of(data, delimiter)
    if len(header) <= 3 or "Student" not in header[0] or "ID" not in header[1]:
        raise ImportFails("Invalid header row")
    place = 2
    for optional in ("SIS User ID", "SIS Login ID", "Integration ID", "Root Account"):
        place += header[place] == optional
    if "Section" not in header[place]:
        raise ImportFails("Invalid header row")
    columns, new = {}, []
    for index in range(place + 1, len(header)):
        if re.search("(Current|Final|Override) (Score|Points|Grade)", header[index]):
            continue
        number = re.search(r"\((\d+)\)$", header[index])
        if number:
            columns[index] = number[1]
        else:
            new.append(header[index])
    scores = {number: {} for number in columns.values()}
    points = {}
    for row in rows:
        if "Points Possible" in row[0]:
            points = {columns[index]: row[index] for index in columns}
            continue
        if all(cell.strip() in ("", "Muted", "Manual Posting") for cell in row):
            continue
        for index, number in columns.items():
            cell = row[index].strip()
            if cell not in ("", "-", "N/A"):
                scores[number][row[1]] = "excused" if cell.upper() == "EX" else canvas_decimal(cell)
    return scores, points, new


# -- Moodle ----------------------------------------------------------------------------------------------------------------


def moodle_float(text, decimal_sign="."):
    """Moodle's unformat_float in its strict form: no spaces, the language's decimal sign, then PHP's is_numeric."""
    text = text.strip().replace(" ", "").replace(decimal_sign, ".")
    if not re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", text):
        raise ImportFails(f"{text!r} is no number")
    return Decimal(text)


def moodle_worksheet(data, decimal_sign="."):
    """{participant: grade} of a grading worksheet (importgradeslib.php); an empty grade changes nothing."""
    header, *rows = table_of(data)
    try:
        who, grade = header.index("Identifier"), header.index("Grade")
        header.index("Last modified (grade)")
    except ValueError as error:
        raise ImportFails("the columns Identifier, Grade and Last modified (grade) must be there") from error
    found = {}
    for row in rows:
        number = int(row[who].removeprefix("Participant "))
        if row[grade].strip() not in ("", "-"):
            found[number] = moodle_float(row[grade], decimal_sign)
    return found


def moodle_import(data, heading, users, maximum, decimal_sign="."):
    """{address: grade} of a grade import (load_data.php): one bad row fails the whole file."""
    header, *rows = table_of(data)
    who, grade = header.index("Email address"), header.index(heading)
    found = {}
    for line, row in enumerate(rows, 2):
        if len(row) != len(header):
            raise ImportFails(f"line {line} has another number of cells")
        if row[who] not in users:
            raise ImportFails(f"line {line}: unknown user")
        if row[grade].strip() in ("", "-"):
            continue
        value = moodle_float(row[grade], decimal_sign)
        if value > maximum:
            raise ImportFails(f"line {line}: grade too high")
        found[row[who]] = value
    return found


# -- Blackboard and Brightspace --------------------------------------------------------------------------------------------


def blackboard_import(data):
    """{column number: {user name: score}}; a heading without a number would become a column of text."""
    text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    header, *rows = table_of(data, "\t" if "\t" in text.splitlines()[0] else ",")
    user = header.index("Username")
    found = {}
    for index, heading in enumerate(header):
        if number := re.search(r"\|\s*(\d+)$", heading):
            found[number[1]] = {row[user]: Decimal(row[index]) for row in rows if row[index].strip()}
    return found


def brightspace_import(data):
    """{item: {OrgDefinedId: score}}; each row ends with a number sign."""
    header, *rows = table_of(data)
    if header[-1] != "End-of-Line Indicator" or any(row[-1] != "#" for row in rows):
        raise ImportFails("a row lacks its end")
    found = {}
    for index, heading in enumerate(header):
        if item := re.match(r"(.+) Points Grade\b", heading):
            found[item[1]] = {row[0].lstrip("#"): Decimal(row[index]) for row in rows if row[index].strip()}
    return found


# -- archives --------------------------------------------------------------------------------------------------------------


def moodle_feedback(data, participants):
    """{participant: {file name: content}} as importziplib.php sorts the files of a zip; others are ignored."""
    found = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            *_, base = info.filename.split("/")
            if info.is_dir() or base.startswith((".", "~")):
                continue
            parts = info.filename.split("/")
            while parts:
                cut = parts.pop(0).split("_", 4)
                if len(cut) < 4 or not cut[1].isdigit() or int(cut[1]) not in participants:
                    continue
                if (cut[2], cut[3]) != ("assignfeedback", "file"):
                    continue
                rest = "/".join([cut[4] if len(cut) == 5 else "", *parts]).lstrip("/")
                found.setdefault(int(cut[1]), {})[rest] = archive.read(info)
                break
    return found


_RESULT_KEYS = {
    "score", "execution_time", "output", "output_format", "test_output_format", "test_name_format", "visibility",
    "stdout_visibility", "extra_data", "tests", "leaderboard",
}  # fmt: skip
_TEST_KEYS = {
    "score", "max_score", "status", "name", "name_format", "number", "output", "output_format", "tags", "visibility", "extra_data",
}  # fmt: skip
_SEEN = {"hidden", "after_due_date", "after_published", "visible"}
_FORMATS = {"text", "html", "simple_format", "md", "ansi"}


def gradescope_results(data):
    """What Gradescope takes a results.json for: (total, the student sees the total, tests by number)."""
    value = json.loads(data)
    assert set(value) <= _RESULT_KEYS, set(value) - _RESULT_KEYS
    for key in ("output_format", "test_output_format", "test_name_format"):
        assert value.get(key, "text") in _FORMATS
    assert value.get("visibility", "visible") in _SEEN
    tests = value.get("tests", [])
    if "score" not in value and (not tests or any("score" not in test for test in tests)):
        raise ImportFails("either the whole or each test needs a score")
    for test in tests:
        assert set(test) <= _TEST_KEYS, set(test) - _TEST_KEYS
        assert test.get("visibility", "visible") in _SEEN
        assert test.get("status", "passed") in ("passed", "failed")
        assert isinstance(test["name"], str)
        assert isinstance(test.get("output", ""), str)
    for row in value.get("leaderboard", []):
        assert isinstance(row["name"], str)
        assert isinstance(row["value"], (int, float)) or set(row["value"]) == {"*"}
        assert row.get("order", "desc") in ("asc", "desc")
    total = value.get("score", sum(test.get("score", 0) for test in tests))
    seen = all(test.get("visibility", "visible") == "visible" for test in tests)
    return total, seen, {test["number"]: test for test in tests}
