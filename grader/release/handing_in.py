"""The end of every released handout: what to hand in, how, by when, and what grades it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.course import read_questions
from grader.course.environment import describe_environment
from grader.release.handout_header import date_text

if TYPE_CHECKING:
    from grader.course import Assignment


def handing_in(assignment: Assignment) -> str:
    """The section as Markdown, made from autograde.yml and from the machine that builds the release."""
    files = ", ".join(f"`{name}`" for name in assignment.files)
    answers = read_questions(assignment.notebook_source)
    notebook = f", and the notebook `{assignment.name}.ipynb` with your written answers" if answers else ""
    if not answers and assignment.notebook_source.is_file():
        notebook = f". Where you wrote code in the notebook `{assignment.name}.ipynb`, hand it in as well"
    lines = [
        "## Handing in",
        "",
        f"- **What:** {files}{notebook}. Include your own files that these import or read.",
        "- **How:** where your course accepts submissions, as one zip or file by file. Other files in the folder do no harm.",
        *(
            [f"- **By when:** {date_text(assignment.due)}, unless your course gives you another date."]
            if assignment.due
            else []
        ),
        f"- **Graded with:** {describe_environment()}, {_machine(assignment)}. Write your code for these versions.",
    ]
    return "\n".join(lines) + "\n"


def _machine(assignment: Assignment) -> str:
    """Where it runs: the first profile is the one under which a course grades."""
    profile = next(iter(assignment.profiles.values()), None)
    if profile is not None and profile.device == "cuda":
        return "on a GPU and without a network"
    return "without a GPU and without a network"
