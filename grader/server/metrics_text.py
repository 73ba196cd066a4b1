"""Figures about the service in the text form of Prometheus; none is about a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grader.server.service import Service


def metrics_text(service: Service) -> str:
    """The figures of this moment."""
    queue = service.queue()
    graders = service.graders()
    names = sorted(service.course.assignments)
    waits = [service.now().timestamp() - item.received_at.timestamp() for item in queue.order if not item.regrade]
    figures: list[tuple[str, str, Iterable[tuple[str, float]]]] = [
        (
            "autograde_waiting",
            "submissions that wait to be graded",
            [(f'{{assignment="{name}"}}', sum(item.assignment == name for item in queue.order)) for name in names],
        ),
        ("autograde_paused", "submissions that wait after a fault of ours", [("", len(queue.paused))]),
        ("autograde_running", "submissions that are being graded", [("", len(service.hub.running()))]),
        (
            "autograde_oldest_wait_seconds",
            "how long the oldest new submission has waited",
            [("", max(waits, default=0.0))],
        ),
        ("autograde_graders", "processes that grade", [("", len(graders))]),
        ("autograde_lanes", "submissions that can be graded at a time", [("", sum(item.lanes for item in graders))]),
        (
            "autograde_graders_in_trouble",
            "processes that cannot grade",
            [("", sum(bool(item.trouble) for item in graders))],
        ),
        ("autograde_watching", "pages that follow a submission", [("", service.hub.readers)]),
        (
            "autograde_attempt_seconds",
            "what an attempt takes, by the last ones",
            [(f'{{assignment="{name}"}}', pace.now) for name, pace in sorted(queue.pace.items())],
        ),
    ]
    lines = []
    for name, meaning, values in figures:
        lines += [f"# HELP {name} {meaning}", f"# TYPE {name} gauge"]
        lines += [f"{name}{labels} {value:g}" for labels, value in values]
    return "\n".join([*lines, *service.requests.lines()]) + "\n"
