"""The reference pages, made from what they describe: the command line, autograde.yml and the fixtures of hidden suites.

Run by ``make docs-reference``; ``--check`` writes nothing and exits with 1 where a page is not what its source makes.
"""

from __future__ import annotations

import argparse
import difflib
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from grader.cli.help_words import EXAMPLES

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "docs" / "reference"
MADE = "<!-- Made by `make docs-reference`; change the source, not this page. -->\n"


# -- the command line ----------------------------------------------------------------------------------------------------


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every command that does something, as it is typed after ``autograde``, in the order of ``--help``."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


def command_line() -> Any:
    """The command line as click sees it."""
    from grader.cli.main import app

    return typer.main.get_command(app)


def cli_page() -> str:
    """Every command with its arguments and options."""
    root = command_line()
    parts = [
        "# Command line\n",
        MADE,
        "`autograde --help` and `autograde COMMAND --help` say the same in the terminal.\n",
        (
            "| exit code | meaning |\n|---|---|\n"
            "| 0 | done |\n"
            "| 1 | done, and something needs a person: a held attempt, a surviving mutant, a failed check |\n"
            "| 2 | the call or the configuration is wrong |\n"
            "| 3 | this machine cannot do it: no sandbox, no GPU where one is demanded, a missing extra |\n"
            "| 128 and a signal's number | stopped by that signal; 130 for Ctrl-C |\n"
        ),
    ]
    panels: dict[str, list[str]] = {}
    for name, command in commands(root):
        panel = str(root.commands[name.split()[0]].rich_help_panel)
        panels.setdefault(panel, []).append(_command(name, command))
    for panel, texts in panels.items():
        parts += [f"## {panel}\n", *texts]
    return "\n".join(parts)


def _command(name: str, command: Any) -> str:
    words = [_argument(p) if p.required else f"[{_argument(p)}]" for p in _arguments(command)]
    usage = " ".join(["autograde", name, *words])
    rows = [f"| `{_argument(p).removesuffix('...')}` | {_help(p)} |" for p in _arguments(command)]
    rows += [f"| {_option(p)} | {_help(p)} |" for p in _options(command)]
    text = inspect.cleandoc(command.help or "")
    if name in EXAMPLES:
        text += f"\n\nExample: `{EXAMPLES[name]}`"
    table = "\n".join(["", "| argument or option | meaning |", "|---|---|", *rows, ""]) if rows else ""
    return f"### `{usage}`\n\n{text}\n{table}"


def _argument(parameter: Any) -> str:
    name = (parameter.metavar or parameter.name).upper()
    return name.replace("[", "").replace("]", "") + ("..." if parameter.nargs < 0 and "..." not in name else "")


def _arguments(command: Any) -> list[Any]:
    return [p for p in command.params if p.param_type_name == "argument"]


def _options(command: Any) -> list[Any]:
    return [p for p in command.params if p.param_type_name == "option" and not p.hidden and p.name != "help"]


def _option(parameter: Any) -> str:
    names = ", ".join(f"`{name}`" for name in [*parameter.opts, *parameter.secondary_opts])
    takes = "" if parameter.is_flag else f" `{_takes(parameter)}`"
    return names + takes


def _takes(parameter: Any) -> str:
    kind = parameter.type_descriptor.annotation
    words = {int: "N", float: "NUMBER", str: "TEXT"}
    return str(parameter.metavar or words.get(kind, getattr(kind, "__name__", "VALUE").upper()))


def _help(parameter: Any) -> str:
    text = " ".join((parameter.help or "").split()).replace("|", "\\|")
    default = parameter.default
    if default in (None, "", False, ()) or parameter.required or getattr(parameter, "is_flag", False):
        return text
    return text if "default" in text else f"{text} (default: `{default}`)"


# -- autograde.yml -------------------------------------------------------------------------------------------------------


def sections() -> dict[str, dict[str, Any]]:
    """Every section of the course file by its title, the whole file first."""
    from grader.course import course_schema

    schema = course_schema()
    found: dict[str, dict[str, Any]] = {"CourseFile": schema}
    found.update(schema["$defs"])
    return found


def configuration_page() -> str:
    """Every key of autograde.yml with type, default and meaning."""
    parts = [
        "# autograde.yml\n",
        MADE,
        "An unknown key is an error that names the nearest one. `autograde schema` prints the same as JSON Schema, for editors.\n",
    ]
    for name, section in _in_order(sections()):
        keys = section.get("properties")
        if not keys:
            continue
        heading = "The whole file" if name == "CourseFile" else name
        parts.append(f"## {heading}\n\n{section.get('description', '')}\n")
        required = section.get("required", ())
        rows = [_key(key, told, required=key in required) for key, told in keys.items()]
        parts.append("\n".join(["| key | value | default | meaning |", "|---|---|---|---|", *rows, ""]))
    return "\n".join(parts)


def _in_order(found: dict[str, dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Sections in the order in which a reader who begins at the top meets them."""
    seen: dict[str, None] = {}
    queue = ["CourseFile"]
    while queue:
        name = queue.pop(0)
        if name not in seen:
            seen[name] = None
            queue += _references(found[name].get("properties", {}))
    yield from ((name, found[name]) for name in [*seen, *(name for name in found if name not in seen)])


def _references(told: Any) -> list[str]:
    if isinstance(told, dict):
        own = [told["$ref"].rpartition("/")[2]] if "$ref" in told else []
        return own + [name for value in told.values() for name in _references(value)]
    return [name for value in told for name in _references(value)] if isinstance(told, list) else []


def _key(key: str, told: dict[str, Any], *, required: bool) -> str:
    default = "required" if required else _default(told)
    meaning = " ".join(str(told.get("description", "")).split()).replace("|", "\\|")
    return f"| `{key}` | {_kind(told)} | {default} | {meaning} |"


def _default(told: dict[str, Any]) -> str:
    value = told.get("default")
    return "" if value in (None, [], {}, "") else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _kind(told: dict[str, Any]) -> str:
    """The type of a value in words."""
    if "$ref" in told:
        name = told["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in told:
        return " or ".join(_kind(item) for item in told["anyOf"] if item.get("type") != "null")
    if "enum" in told:
        return " or ".join(f"`{item}`" for item in told["enum"])
    kind = told.get("type", "any")
    if isinstance(kind, list):
        return " or ".join(kind)
    if kind == "array":
        return f"list of {_kind(told.get('items', {}))}"
    if kind == "object":
        values = told.get("additionalProperties") or next(iter(told.get("patternProperties", {}).values()), {})
        return f"mapping to {_kind(values)}" if values else "mapping"
    bounds = [
        f"{sign} {told[name]}"
        for name, sign in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"))
        if name in told
    ]
    return f"{kind} {' and '.join(bounds)}".strip()


# -- fixtures ------------------------------------------------------------------------------------------------------------


def fixtures() -> dict[str, str]:
    """Every fixture of a hidden suite with its docstring."""
    from _pytest.fixtures import FixtureFunctionDefinition

    from grader.engine import plugin

    return {
        name: inspect.cleandoc(value.__doc__ or "")
        for name, value in vars(plugin).items()
        if isinstance(value, FixtureFunctionDefinition) and name != "grading"
    }


def options() -> dict[str, str]:
    """Every option that the plugin gives to pytest, with its help."""
    import pytest

    from grader.engine import plugin

    parser = pytest.Parser(_ispytest=True)
    plugin.pytest_addoption(parser)
    found = [option for group in parser._groups for option in group.options]
    return {option.names()[0]: str(option.attrs().get("help", "")) for option in found}


def fixtures_page() -> str:
    """The fixtures and pytest options of hidden suites."""
    rows = [f"| `{name}` | {' '.join(text.split()).replace('``', '`')} |" for name, text in fixtures().items()]
    more = [f"| `{name}` | {text} |" for name, text in options().items()]
    return "\n".join(
        [
            "# Fixtures and options of hidden suites\n",
            MADE,
            "[The author's guide](../how-to/authoring.md) shows how they are used.\n",
            "| fixture | gives |",
            "|---|---|",
            *rows,
            "\n`pytest assignments/NAME/hidden --submission PATH` takes these options besides pytest's own:\n",
            "| option | meaning |",
            "|---|---|",
            *more,
            "",
        ]
    )


# -- all of them ---------------------------------------------------------------------------------------------------------


def pages() -> dict[Path, str]:
    """Every page by its path."""
    return {
        PAGES / "cli.md": cli_page(),
        PAGES / "configuration.md": configuration_page(),
        PAGES / "fixtures.md": fixtures_page(),
    }


def drift() -> str:
    """How the committed pages differ from what their sources make; empty where they do not."""
    found = []
    for path, text in pages().items():
        old = path.read_text(encoding="utf-8") if path.is_file() else ""
        name = str(path.relative_to(ROOT))
        found += difflib.unified_diff(old.splitlines(), text.splitlines(), name, "what its source makes", lineterm="")
    return "\n".join(found)


def main() -> int:
    """0 where all is written, or nothing would change."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 where a page would change")
    if parser.parse_args().check:
        if difference := drift():
            sys.stdout.write(f"{difference}\n\nrun `make docs-reference`\n")
        return int(bool(difference))
    PAGES.mkdir(parents=True, exist_ok=True)
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
