"""Words of ``--help``: what an option takes in plain capitals, and an example for the commands that people type most."""

from __future__ import annotations

from typing import Any

#: By command, as it is typed. Each is tried by a test against the command's own options.
EXAMPLES = {
    "check": "autograde check",
    "submit": "autograde submit --to https://grade.example.org",
    "init": "autograde init my-course --roster class.csv",
    "collect": "autograde collect backprop ~/Downloads/submissions.zip --received 2026-12-04T20:00",
    "grade": "autograde grade backprop --jobs 4",
    "replay": "autograde replay 17",
    "feedback": "autograde feedback backprop",
    "leaderboard": "autograde leaderboard backprop",
    "export": "autograde export backprop --format canvas --into ~/Downloads/grades.csv",
    "extend": "autograde extend backprop ada --until 2026-12-06T23:59 --reason 'ill for two days'",
    "override": "autograde override backprop ada --points 12 --comment 'graded by hand'",
    "stats": "autograde stats backprop",
    "similar": "autograde similar backprop --most 40",
    "viva": "autograde viva backprop --student ada",
    "new": "autograde new word_vectors",
    "adopt": "autograde adopt homework1.ipynb",
    "release": "autograde release backprop --pack",
    "validate": "autograde validate backprop --seeds 1 --sample 20",
    "doctor": "autograde doctor --fix",
    "demo": "autograde demo",
}

_WORDS = {"integer": "N", "integer range": "N", "float": "NUMBER", "float range": "NUMBER"}


def in_plain_words(command: Any, name: str, ctx: Any) -> None:
    """Give the parameters of ``command``, and of those below it, the words that its help shows for what they take."""
    for parameter in [*command.params, command.get_help_option(ctx)]:
        if parameter is None or parameter.metavar is not None:
            continue
        if parameter.param_type_name == "argument":
            parameter.metavar = parameter.name.upper()
        elif parameter.is_flag:
            parameter.metavar = ""
        else:
            parameter.metavar = _taken(parameter)
    if not command.epilog and name in EXAMPLES:
        command.epilog = f"Example: {EXAMPLES[name]}"
    for inner, below in getattr(command, "commands", {}).items():
        in_plain_words(below, f"{name} {inner}", ctx)


def _taken(parameter: Any) -> str:
    annotation = getattr(getattr(parameter, "type_descriptor", None), "annotation", None)
    if annotation in (int, float):
        return "N" if annotation is int else "NUMBER"
    # Versions of typer that build on click have a type with a name instead.
    return _WORDS.get(str(getattr(getattr(parameter, "type", None), "name", "")), "TEXT")
