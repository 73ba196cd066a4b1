"""Logs: a line of JSON for each record, and nothing about a person in those of calls."""

from __future__ import annotations

import json
import logging
import sys

from grader.server.log_lines import JsonLines
from tests.framework.server.conftest import RIGHT


def line_of(*words, **more):
    """A record as it is written."""
    record = logging.makeLogRecord(
        {"name": "autograde.server", "levelno": 40, "levelname": "ERROR", "msg": words[0], "args": words[1:], **more}
    )
    return JsonLines().format(record)


def test_a_record_is_one_line():
    """Whatever is in a message: newlines, quotes, a traceback."""
    try:
        int("a\nb")
    except ValueError:
        text = line_of('the "store" failed:\n%s', "x", exc_info=sys.exc_info())
    assert "\n" not in text
    read = json.loads(text)
    assert (read["level"], read["logger"], read["message"]) == ("error", "autograde.server", 'the "store" failed:\nx')
    assert "ValueError: invalid literal" in read["traceback"]
    assert read["time"].endswith("+00:00")


def test_calls_are_logged_by_route_alone(site, caplog):
    """Method, pattern, status and milliseconds; no id, name, address, file or secret of a link."""
    caplog.set_level(logging.INFO, logger="autograde")
    number = site.handed_in("kurt", {"backprop.py": RIGHT, "my-name-is-kurt.py": RIGHT})
    site.browser("kurt").get(f"/submissions/{number}/files/my-name-is-kurt.py")
    site.browser("").get("/sign-in/a-secret-of-a-link")
    site.post("ines", "/staff/students/kurt/override", {"assignment": "backprop", "points": "3", "comment": "a remark"})
    lines = [JsonLines().format(record) for record in caplog.records if record.name.startswith("autograde")]
    calls = [json.loads(line) for line in lines]
    routes = {(call["method"], call["route"]) for call in calls if "route" in call}
    assert {("POST", "/staff/students/{student}/override"), ("GET", "/sign-in/{secret}")} <= routes
    assert all(call["ms"] >= 0 and call["status"] for call in calls if "route" in call)
    for told in ("kurt", "Goedel", "testclient", "a-secret-of-a-link", "a remark", "ines"):
        assert told not in "\n".join(lines)
