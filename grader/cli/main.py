"""The command ``autograde``. Commands import what they need when they run, so that ``--help`` is quick."""

from __future__ import annotations

import typer

from grader import __version__
from grader.cli import author, export, gradebook, instructor, operator, results, rosters, student

app = typer.Typer(
    name="autograde",
    help="Grades deep-learning homework that runs real PyTorch code.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"autograde {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    _: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="print the version and stop"),
) -> None:
    """Options of every command."""


STUDENTS, INSTRUCTORS, AUTHORS, ALL = "For students", "For instructors", "For authors", "For everyone"

app.command("check", rich_help_panel=STUDENTS)(student.check)
app.add_typer(rosters.app, name="roster", rich_help_panel=INSTRUCTORS)
app.command("collect", rich_help_panel=INSTRUCTORS)(instructor.collect)
app.command("grade", rich_help_panel=INSTRUCTORS)(instructor.grade)
app.command("feedback", rich_help_panel=INSTRUCTORS)(results.feedback)
app.command("leaderboard", rich_help_panel=INSTRUCTORS)(results.leaderboard)
app.command("export", rich_help_panel=INSTRUCTORS)(export.export)
app.add_typer(gradebook.app, name="gradebook", rich_help_panel=INSTRUCTORS)
app.command("new", rich_help_panel=AUTHORS)(author.new)
app.command("release", rich_help_panel=AUTHORS)(author.release)
app.command("validate", rich_help_panel=AUTHORS)(author.validate)
app.command("schema", rich_help_panel=AUTHORS)(author.schema)
app.command("doctor", rich_help_panel=ALL)(operator.doctor)
app.command("demo", rich_help_panel=ALL)(operator.demo)


def main() -> None:
    """Entry point of the console script."""
    app()


if __name__ == "__main__":
    main()
