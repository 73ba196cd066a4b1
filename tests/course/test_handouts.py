"""The handouts as students read them: header, formulas, figures, references, hints and rules."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from grader.course import load_course, read_suite
from grader.course.file_points import file_points

ROOT = Path(__file__).parents[2]
COURSE = load_course(ROOT / "autograde.yml")
NAMES = list(COURSE.assignments)


def handout(name):
    """The text that students read."""
    return (COURSE.assignment(name).release_folder / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_the_header_is_complete(name):
    """A student learns at the top when it is due, what it earns, how long it takes and what it takes."""
    top = handout(name).partition("\n## ")[0]
    for row in ("Due", "Points", "Time", "You need", "Read first", "Hand in", "Rules", "Stuck?"):
        assert f"| **{row}** |" in top, row


@pytest.mark.parametrize("name", NAMES)
def test_the_table_of_files_has_the_points_of_the_suite(name):
    """Where the author's table gives points to a file, or to files that share a row, they are the suite's."""
    assignment = COURSE.assignment(name)
    points = file_points(read_suite(assignment.hidden_folder), assignment.solution_files())
    assert sum(points.values()) == 100
    text = (assignment.folder / "README.md").read_text(encoding="utf-8")
    for cells, number in re.findall(r"^\| ((?:`\w+\.py`(?:, )?)+) \|.*\| (\d+) \|$", text, re.MULTILINE):
        files = re.findall(r"`(\w+\.py)`", cells)
        assert sum(points[file] for file in files) == int(number), cells


@pytest.mark.parametrize("name", NAMES)
def test_every_picture_is_there_and_shown(name):
    """At least three figures, each with a text for who does not see it; none lies in the folder unseen."""
    text, folder = handout(name), COURSE.assignment(name).release_folder
    shown = re.findall(r"^!\[([^\]]+)\]\((figures/[^)]+)\)$", text, re.MULTILINE)
    assert len(shown) >= 3
    assert {path for _, path in shown} == {f"figures/{path.name}" for path in (folder / "figures").iterdir()}
    for words, path in shown:
        assert len(words.split()) >= 3, path
        assert (folder / path).stat().st_size < 150_000, path


@pytest.mark.parametrize("name", NAMES)
def test_formulas_are_typeset(name):
    """Derivations are in LaTeX, in displays that are closed."""
    text = handout(name)
    assert text.count("$$") % 2 == 0
    assert text.count("$$") >= 4
    outside = re.sub(r"\$\$.*?\$\$", "", text, flags=re.DOTALL)
    code = re.sub(r"```.*?```|`[^`]*`", "", outside, flags=re.DOTALL)
    for number, line in enumerate(code.splitlines(), 1):
        assert line.count("$") % 2 == 0, f"line {number} of the text without displays: {line}"


@pytest.mark.parametrize("name", NAMES)
def test_references_say_what_they_are_good_for(name):
    """Five to ten works, each with authors, title, year and a sentence."""
    section = handout(name).partition("\n## References\n")[2].partition("\n## ")[0]
    works = [" ".join(text.split()) for text in re.findall(r"^- (.+(?:\n  .+)*)$", section, re.MULTILINE)]
    assert 5 <= len(works) <= 10
    for work in works:
        assert re.search(r"\*[^*]+\*.*\b(19|20)\d\d\b[^.]*\. .+\.$", work), work


@pytest.mark.parametrize("name", NAMES)
def test_hints_are_a_ladder(name):
    """Each topic has three steps, closed until a student opens them, for every module at least one topic."""
    text = (COURSE.assignment(name).release_folder / "HINTS.md").read_text(encoding="utf-8")
    topics = text.split("\n## ")[1:]
    assert len(topics) >= len(COURSE.assignment(name).files)
    for topic in topics:
        steps = re.findall(r"<details><summary>([^<]+)</summary>\n\n.+?\n\n</details>", topic, re.DOTALL)
        assert steps == ["A nudge", "More", "Nearly the answer"], topic.splitlines()[0]


@pytest.mark.parametrize("name", NAMES)
def test_links_stay_in_the_bundle(name):
    """Every link of handout, hints and rules is to a file of the bundle, or to a heading of the handout."""
    folder = COURSE.assignment(name).release_folder
    for page in ("README.md", "HINTS.md", "POLICIES.md"):
        text = re.sub(
            r"```.*?```|`[^`]*`|\$\$.*?\$\$", "", (folder / page).read_text(encoding="utf-8"), flags=re.DOTALL
        )
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if target.startswith("#"):
                assert target == "#handing-in"
                assert "\n## Handing in\n" in text
            elif "://" not in target:
                assert (folder / target).is_file(), f"{page}: {target}"


def test_rules_are_about_lateness_collaboration_and_ai():
    """What a student may ask before the first submission is answered in every bundle."""
    for name in NAMES:
        text = (COURSE.assignment(name).release_folder / "POLICIES.md").read_text(encoding="utf-8")
        assert re.findall(r"^## (.+)$", text, re.MULTILINE)[:3] == ["Lateness", "Collaboration", "Use of AI"]
