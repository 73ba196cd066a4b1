"""A runner without torch: a process that the coordinator starts, stops, waits for and kills like any other.

It speaks the runner's side of the channel and answers every submission with a report that was made beforehand. Tests of what
the coordinator does with runners use it through the fixture ``fake_runner``.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grader.sandbox.trusted.channel import Channel

READY = {"op": "ready", "checks": 1, "version": "fake"}


def serve(channel: Channel, first: dict[str, Any], report: dict[str, Any]) -> None:
    """Say ``first``; where that is that all is ready, answer until the coordinator hangs up."""
    channel.send(first)
    while first["op"] == "ready" and channel.receive() is not None:
        channel.send({"op": "report", "report": report})


def substitute(patch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Start this module wherever a runner is started; what it answers is set by calling what is returned."""
    answers: dict[str, str] = {}

    class Popen(subprocess.Popen):  # type: ignore[type-arg]
        """Starts the fake where the runner is asked for."""

        def __init__(self, command: Any, *args: Any, **options: Any) -> None:
            if isinstance(command, list) and "grader.engine.runner" in command:
                command = ["tests.support.fake_runner" if part == "grader.engine.runner" else part for part in command]
                options["env"] = {**options["env"], **answers, "PYTHONPATH": str(Path(__file__).parents[2])}
            super().__init__(command, *args, **options)

    patch.setattr(subprocess, "Popen", Popen)

    def answer(first: dict[str, Any] = READY, report: dict[str, Any] | None = None) -> None:
        answers["FAKE_RUNNER"] = json.dumps([first, report or {}])

    answer()
    return answer


if __name__ == "__main__":
    serve(Channel(socket.socket(fileno=int(sys.argv[1]))), *json.loads(os.environ["FAKE_RUNNER"]))
