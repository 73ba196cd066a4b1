"""The documents keep up with the code: what there is, they name; what they name, there is."""

from __future__ import annotations

import re
from typing import Any

import pytest

from grader.layer_names import LAYER_NAMES
from grader.records import Verdict
from tests.framework.docs.documents import GENERATED, ROOT, headings, links, spans, text_of
from tools import reference

COMMANDS = dict(reference.commands(reference.command_line()))
#: Folders of the repository whose files the documents speak of.
FOLDERS = ("grader", "tests", "tools", "deploy", "docs", "assignments", "solutions", "release", ".ci")
#: Parts of a path that stand for a name of the reader's own.
_PLACEHOLDER = re.compile(r"[A-Z]{2,}|[*<{…]|\.\.\.|\bX\b")


def named(word: str, text: str) -> bool:
    """Whether ``word`` occurs in code in ``text``."""
    return re.search(rf"`[^`\n]*(?<![\w-]){re.escape(word)}(?![\w-])[^`\n]*`", text) is not None


# -- what there is, they name ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_documented(name):
    """A page that a person wrote says what each command is for."""
    text = text_of()
    assert re.search(rf"autograde {name}\b", text), f"no document speaks of `autograde {name}`"


@pytest.mark.parametrize("name", reference.fixtures())
def test_every_fixture_is_documented(name):
    """The author's guide says what each fixture gives."""
    assert named(name, text_of("docs/how-to/authoring.md"))


@pytest.mark.parametrize("layer", LAYER_NAMES)
def test_every_layer_is_documented(layer):
    """The security page says what each layer gives and needs."""
    assert named(layer, text_of("docs/explanation/security.md"))


@pytest.mark.parametrize("verdict", [verdict.value for verdict in Verdict])
def test_every_verdict_is_documented(verdict):
    """The glossary says what each verdict means, and the architecture when it is reached."""
    assert named(verdict, text_of("docs/reference/glossary.md"))
    assert re.search(rf"\b{verdict}\b", text_of("docs/explanation/architecture.md"))


def test_the_reference_is_what_its_sources_make():
    """Every option, YAML key and fixture stands in docs/reference as the code has it."""
    assert reference.drift() == "", "run `make docs-reference`"


def test_every_option_is_explained():
    """No command, argument, option or fixture has a blank for its meaning."""
    rows = text_of("docs/reference/cli.md", "docs/reference/fixtures.md").splitlines()
    assert [row for row in rows if re.fullmatch(r"\| .* \|\s*\|", row)] == []


# -- what they name, there is ----------------------------------------------------------------------------------------------


def exists(path: str) -> bool:
    """Whether a path below the repository, or the end of one (`layers/cleanup.py`), is there."""
    path = path.split(":", maxsplit=1)[0].rstrip("/")
    if path.partition("/")[0] in FOLDERS:
        return (ROOT / path).exists()
    return any(
        found.as_posix().endswith(f"/{path}")
        for folder in FOLDERS
        for found in (ROOT / folder).rglob(path.split("/")[-1])
    )


def test_every_path_exists():
    """A file or folder of the repository that a document names is there."""
    missing = []
    for span in spans():
        for word in re.findall(r"[\w.*<>{}/-]+", span.text):
            known = word.startswith(tuple(f"{folder}/" for folder in FOLDERS)) or re.search(
                r"\w/[\w/]+\.(py|md|yml)$", word
            )
            ours = not word.startswith(("/", "~", ".venv", "build/"))
            if known and ours and not _PLACEHOLDER.search(word) and not exists(word):
                missing.append(str(span))
    assert missing == []


def test_every_link_leads_somewhere():
    """The file of a link is there, and so is the heading that it names."""
    broken = []
    for link in links():
        file, _, anchor = link.text.partition("#")
        target = (link.document.parent / file).resolve() if file else link.document
        if not target.exists() or (anchor and anchor not in headings(target)):
            broken.append(str(link))
    assert broken == []


def test_every_make_target_exists():
    """`make TARGET` in a document is a target of the Makefile."""
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    asked = {(target, str(span)) for span in spans() for target in re.findall(r"^make ([a-z][\w-]*)", span.text)}
    assert asked, "no document names a target"
    assert [where for target, where in sorted(asked) if target not in targets] == []


def options_of(command: Any) -> set[str]:
    """Every option that a command takes."""
    return {"--help", "-h"} | {
        name for p in command.params for name in (*p.opts, *p.secondary_opts) if name.startswith("-")
    }


def test_every_command_line_can_be_typed():
    """`autograde COMMAND --option` in a document names a command that is there, with options that it takes."""
    wrong = []
    for span in spans():
        for typed in re.findall(r"(?:^|[ /(])autograde ([a-z].*)", span.text):
            words = typed.split()
            name = next((name for name in (" ".join(words[:2]), words[0]) if name in COMMANDS), None)
            if name is None:
                # A group of commands, or a noun that follows the name: `autograde gradebook`.
                if not any(other.startswith(f"{words[0]} ") for other in COMMANDS):
                    wrong.append(f"{span}: there is no command {words[0]}")
                continue
            asked = set(re.findall(r"(?<!\S)--?[a-z][\w-]*", typed)) - options_of(COMMANDS[name])
            wrong += [f"{span}: {name} does not take {option}" for option in sorted(asked)]
    assert wrong == []


def test_what_is_generated_says_so():
    """A reader who wants to change a generated page learns which command makes it."""
    for document in GENERATED:
        assert "ade by `make " in document.read_text(encoding="utf-8"), document
