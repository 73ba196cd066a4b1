"""The command ``autograde``. Commands import what they need when they run, so that ``--help`` is quick."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from grader import __version__
from grader.cli import (
    agents,
    author,
    constant_values,
    decide,
    explain,
    export,
    gradebook,
    grading,
    instructor,
    marks,
    operator,
    replaying,
    results,
    rosters,
    service_calls,
    similar,
    stats,
    storage,
    student,
    viva,
    web,
)
from grader.cli.help_words import in_plain_words
from grader.cli.terminal import write_what_terminals_take
from grader.errors import AutogradeError


class _Commands(TyperGroup):
    """All commands; one that is called without its assignment lists those that there are."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command, with help in plain words."""
        command = super().get_command(ctx, cmd_name)
        if command is not None:
            in_plain_words(command, cmd_name, ctx)
        return command

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was named."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            param = getattr(error, "param", None)
            # By name: some versions of typer have this class from click, others bring their own.
            if type(error).__name__ == "MissingParameter" and param is not None and param.name == "name":
                error.message = _assignments_here() if ctx.invoked_subcommand != "new" else ""  # type: ignore[attr-defined]
            raise


def _assignments_here() -> str:
    """The assignments of the course around the current folder, as a sentence; empty where there is no course."""
    from grader.course import load_course

    try:
        return f"Name one of: {', '.join(load_course(None).assignments)}."
    except AutogradeError:
        return ""


app = typer.Typer(
    name="autograde",
    cls=_Commands,
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


STUDENTS, INSTRUCTORS, AUTHORS, OPERATORS, ALL = (
    "For students",
    "For instructors",
    "For authors",
    "For operators",
    "For everyone",
)

app.command("check", rich_help_panel=STUDENTS)(student.check)
app.command("submit", rich_help_panel=STUDENTS)(student.submit)
app.command("status", rich_help_panel=STUDENTS)(service_calls.status)
app.command("fetch", rich_help_panel=STUDENTS)(service_calls.fetch)
app.command("init", rich_help_panel=INSTRUCTORS)(author.init)
app.add_typer(rosters.app, name="roster", rich_help_panel=INSTRUCTORS)
app.command("collect", rich_help_panel=INSTRUCTORS)(instructor.collect)
app.command("grade", rich_help_panel=INSTRUCTORS)(grading.grade)
app.command("replay", rich_help_panel=INSTRUCTORS)(replaying.replay)
app.command("feedback", rich_help_panel=INSTRUCTORS)(results.feedback)
app.command("leaderboard", rich_help_panel=INSTRUCTORS)(results.leaderboard)
app.command("export", rich_help_panel=INSTRUCTORS)(export.export)
app.add_typer(explain.app, name="grades", rich_help_panel=INSTRUCTORS)
app.command("extend", rich_help_panel=INSTRUCTORS)(decide.extend)
app.command("override", rich_help_panel=INSTRUCTORS)(decide.override)
app.command("slip-days", rich_help_panel=INSTRUCTORS)(decide.slip_days)
app.add_typer(decide.attempts, name="attempts", rich_help_panel=INSTRUCTORS)
app.command("audit", rich_help_panel=INSTRUCTORS)(explain.audit)
app.command("serve", rich_help_panel=INSTRUCTORS)(web.serve)
app.add_typer(web.app, name="server", rich_help_panel=INSTRUCTORS)
app.command("stats", rich_help_panel=INSTRUCTORS)(stats.stats)
app.command("similar", rich_help_panel=INSTRUCTORS)(similar.similar)
app.command("constants", rich_help_panel=INSTRUCTORS)(constant_values.constants)
app.command("viva", rich_help_panel=INSTRUCTORS)(viva.viva)
app.add_typer(marks.app, name="marks", rich_help_panel=INSTRUCTORS)
app.command("copy-store", rich_help_panel=INSTRUCTORS)(storage.copy_store)
app.command("backup", rich_help_panel=INSTRUCTORS)(storage.backup)
app.command("restore", rich_help_panel=INSTRUCTORS)(storage.restore)
app.add_typer(gradebook.app, name="gradebook", rich_help_panel=INSTRUCTORS)
app.command("new", rich_help_panel=AUTHORS)(author.new)
app.command("adopt", rich_help_panel=AUTHORS)(author.adopt)
app.command("release", rich_help_panel=AUTHORS)(author.release)
app.command("validate", rich_help_panel=AUTHORS)(author.validate)
app.command("schema", rich_help_panel=AUTHORS)(author.schema)
app.command("doctor", rich_help_panel=ALL)(operator.doctor)
app.command("agent", rich_help_panel=OPERATORS)(agents.agent)
app.command("ray-cluster", rich_help_panel=OPERATORS)(agents.ray_cluster)
app.command("demo", rich_help_panel=ALL)(operator.demo)


def main() -> None:
    """Entry point of the console script."""
    write_what_terminals_take()
    app()


if __name__ == "__main__":
    main()
