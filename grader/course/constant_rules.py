"""What types alone cannot say about the constants of an assignment: values that clash, files and owners that there are not."""

from __future__ import annotations

import difflib
import keyword
from typing import TYPE_CHECKING

from grader.course.constants import same

if TYPE_CHECKING:
    from grader.course.constants import ConstantConfig
    from grader.course.models import AssignmentConfig, CourseFile
    from grader.course.sections import Scalar
    from grader.course.yaml_lines import KeyPath, Marked

#: Characters of a text that is a constant: it stands in messages and in a line of a module.
_LONGEST = 100
#: A whole number that every library takes, as an int64 and as a float.
_LARGEST = 2**53


def constant_problems(config: CourseFile, marked: Marked) -> None:
    """Note constants that cannot be drawn, that no module holds, or that are given to somebody whom nobody knows."""
    known = [*(student.id for student in config.roster.students), *(team.id for team in config.roster.teams)]
    for assignment, entry in config.assignments.items():
        here: KeyPath = ("assignments", assignment)
        if entry.constants_since is not None and not entry.constants:
            marked.add((*here, "constants_since"), "there are no `constants` here", "add them, or remove this key")
        places: dict[tuple[str, str], str] = {}
        for name, constant in entry.constants.items():
            where = (*here, "constants", name)
            if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
                marked.add(
                    where, "cannot be the name of a constant", "use letters, digits and underscores, a letter first"
                )
            _value_problems(constant, where, marked)
            _given_problems(constant, known, where, marked)
            _file_problems(name, constant, entry, places, where, marked)


def _value_problems(constant: ConstantConfig, here: KeyPath, marked: Marked) -> None:
    if (constant.choices is None) == (constant.range is None):
        marked.add(
            here,
            "a constant has `choices` or `range`, one of the two",
            "write `choices: [24, 28, 32]`, or `range: [1000, 9999]`",
        )
        return
    kind: type = int
    if constant.choices is not None:
        choices = constant.choices
        if len(choices) < 2:
            marked.add((*here, "choices"), "there is nothing to draw from", "name two values or more")
            return
        kind = type(choices[0])
        for index, value in enumerate(choices):
            at = (*here, "choices", index)
            if type(value) is not kind:
                fix = f"write all of them as {_NOUNS[kind]}"
                marked.add(at, f"{value!r} is of another type than {choices[0]!r}", fix)
            elif any(same(value, other) for other in choices[:index]):
                marked.add(at, f"{value!r} is listed twice", "keep one of the two")
            _size_problem(value, at, marked)
    elif constant.range is not None:
        low, high = constant.range
        if low >= high:
            marked.add(
                (*here, "range"), f"{low} is not less than {high}", "write the least value first, then the greatest"
            )
        for index, value in enumerate(constant.range):
            _size_problem(value, (*here, "range", index), marked)
    if type(constant.default) is not kind:
        marked.add(
            (*here, "default"), f"{constant.default!r} is of another type than the values", f"write {_NOUNS[kind]}"
        )
    _size_problem(constant.default, (*here, "default"), marked)


_NOUNS: dict[type, str] = {bool: "true or false", int: "a whole number", float: "a number with a point", str: "text"}


def _size_problem(value: Scalar, here: KeyPath, marked: Marked) -> None:
    if isinstance(value, str) and (len(value) > _LONGEST or not value.isprintable()):
        marked.add(here, f"text of at most {_LONGEST} printable characters can be a constant", "shorten it")
    elif isinstance(value, int) and abs(value) > _LARGEST:
        marked.add(here, f"{value} is too large", "keep to 53 bits, which every library takes")


def _given_problems(constant: ConstantConfig, known: list[str], here: KeyPath, marked: Marked) -> None:
    for owner, value in constant.given.items():
        at = (*here, "given", owner)
        if known and owner not in known:  # a machine that only grades knows nobody
            near = difflib.get_close_matches(owner, known, n=1)
            fix = f"did you mean `{near[0]}`?" if near else "use an id of the roster"
            marked.add(at, f"no student or team {owner!r} in the roster", fix)
        if not same(value, constant.default) and not constant.allows(value):
            what = f"{value!r} is neither one of the values nor the default"
            marked.add(at, what, "give one of them, so that it can be told from a mistake")


def _file_problems(
    name: str,
    constant: ConstantConfig,
    entry: AssignmentConfig,
    places: dict[tuple[str, str], str],
    here: KeyPath,
    marked: Marked,
) -> None:
    if constant.file is None:
        if constant.variable is not None:
            marked.add((*here, "variable"), "a variable needs the file in which it is", f"add `file: {entry.files[0]}`")
        return
    if constant.file not in entry.files:
        near = difflib.get_close_matches(constant.file, entry.files, n=1)
        fix = f"did you mean `{near[0]}`?" if near else f"use one of: {', '.join(entry.files)}"
        marked.add((*here, "file"), "this file is not among `files`", fix)
    place = constant.file, constant.variable or name.upper()
    if place in places:
        marked.add(here, f"{place[1]} in {place[0]} is {places[place]!r} already", "give each a `variable` of its own")
    places.setdefault(place, name)
