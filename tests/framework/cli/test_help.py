"""What ``--help`` says: plain words for what an option takes, and examples that the commands understand."""

from __future__ import annotations

import re
import shlex

import pytest
import typer
from typer.testing import CliRunner

from grader.cli.help_words import EXAMPLES
from grader.cli.main import app

COMMANDS = typer.main.get_command(app).commands


@pytest.mark.parametrize("command", ["grade", "validate", "serve", "stats"])
def test_help_has_no_words_of_programmers(command):
    """A flag takes nothing, a number is N and a text TEXT: no `<bool>`, no `<int range>`, no `<list[str]>`."""
    shown = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"})
    options = shown.output.partition("Options")[2]
    assert shown.exit_code == 0
    assert "--help" in options
    assert re.findall(r"<(?:bool|int|float|str|list|path)\b", options) == []


def test_the_missing_argument_is_called_as_the_usage_line_calls_it():
    """`collect NAME` without a folder names FOLDER, in capitals as in its usage."""
    shown = CliRunner().invoke(app, ["collect", "backprop"])
    assert shown.exit_code == 2
    assert "'FOLDER'" in shown.output + (shown.stderr if shown.stderr_bytes else "")


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_are_understood(name):
    """Each example begins with its command, gives every argument that must be given, and only options that there are."""
    words = shlex.split(EXAMPLES[name])
    assert words[:2] == ["autograde", name]
    COMMANDS[name].make_context(name, words[2:], resilient_parsing=False).close()
