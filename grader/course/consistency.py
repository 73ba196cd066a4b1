"""What types alone cannot say about autograde.yml: clashes in the roster, rules for files, folders that exist."""

from __future__ import annotations

import difflib
import unicodedata
from typing import TYPE_CHECKING

from grader.course.models import AttemptLimit

#: Small letters of other alphabets that look like Latin ones, and these.
_ALIKE = str.maketrans(
    "\u0430\u03b1\u0251\u0441\u03f2\u0501\u0435\u0261\u04bb\u0456"
    "\u03b9\u0131\u0458\u043a\u03ba\u04cf\u043c\u043e\u03bf\u0585"
    "\u0440\u03c1\u051b\u0455\u0442\u03c4\u03c5\u03bd\u051d\u0445\u03c7\u0443\u03b3",
    "aaaccdeghiiijkklmoooppqsttuvwxxyy",
)

if TYPE_CHECKING:
    from grader.course.models import AssignmentConfig, CourseFile, Student, Team
    from grader.course.yaml_lines import KeyPath, Marked


def roster_problems(config: CourseFile, marked: Marked) -> None:
    """Note ids, e-mails and handles that clash (whatever their case), and team members nobody knows."""
    seen: dict[str, KeyPath] = {}
    texts: list[tuple[KeyPath, str, str]] = []
    for index, student in enumerate(config.roster.students):
        key: KeyPath = ("roster", "students", index)
        texts.append(((*key, "id"), student.id, student.id))
        texts += [((*key, name), text, student.id) for name in ("email", "handle") if (text := getattr(student, name))]
    for index, team in enumerate(config.roster.teams):
        key = ("roster", "teams", index)
        texts.append(((*key, "id"), team.id, team.id))
        if team.handle:
            texts.append(((*key, "handle"), team.handle, team.id))
    for index, member in enumerate(config.server.staff):
        key = ("server", "staff", index)
        texts += [
            ((*key, name), text, f"staff {member.id}") for name in ("id", "email") if (text := getattr(member, name))
        ]
    owners: dict[str, str] = {}
    for where, text, owner in texts:
        folded = text.casefold()
        # A handle that repeats its own student's id is no clash; a second student or team with it is.
        if folded in seen and (owners[folded] != owner or where[-1] == "id"):
            first = marked.line(seen[folded])
            marked.add(where, f"{text!r} is used twice (first on line {first})", "give each person their own")
        seen.setdefault(folded, where)
        owners.setdefault(folded, owner)
    _handle_problems(config, marked)
    _member_problems(config, marked)


def _handle_problems(config: CourseFile, marked: Marked) -> None:
    """Note handles that people would take for somebody else: for the id, e-mail or name of another, however spelt."""
    everybody: list[tuple[str, int, Student | Team]] = [
        *(("students", index, student) for index, student in enumerate(config.roster.students)),
        *(("teams", index, team) for index, team in enumerate(config.roster.teams)),
    ]
    looks: dict[str, set[str]] = {}
    for _, _, owner in everybody:
        words = owner.name.split()
        names = ("".join(words[cut:] + words[:cut]) for cut in range(len(words)))
        for text in (owner.id, getattr(owner, "email", None) or "", *names):
            looks.setdefault(_look(text), set()).add(owner.id)
    looks.pop("", None)
    for kind, index, owner in everybody:
        # An LMS puts numbers behind an id: what is an id and numbers is taken for it.
        for look in {_look(owner.handle or ""), _look(owner.handle or "").rstrip("0123456789")}:
            others = looks.get(look, set())
            equal = (owner.handle or "").casefold() in {other.casefold() for other in others}  # that is noted already
            if others and owner.id not in others and not equal:
                what = f"the handle {owner.handle!r} looks like {min(others)!r}"
                marked.add(("roster", kind, index, "handle"), what, "choose one that cannot be mistaken for another")
                break


def _look(text: str) -> str:
    """Letters and digits as they look: without case, accents, signs, and the letters of other alphabets that look alike."""
    spread = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold()).translate(_ALIKE)
    return "".join(char for char in spread if char.isalnum())


def _member_problems(config: CourseFile, marked: Marked) -> None:
    known = [student.id for student in config.roster.students]
    placed: dict[tuple[str, str], str] = {}
    for index, team in enumerate(config.roster.teams):
        here: KeyPath = ("roster", "teams", index)
        for position, name in enumerate(team.assignments):
            if name not in config.assignments:
                near = difflib.get_close_matches(name, config.assignments, n=1)
                fix = f"did you mean `{near[0]}`?" if near else f"use one of: {', '.join(config.assignments)}"
                marked.add((*here, "assignments", position), f"there is no assignment {name!r}", fix)
        for position, member in enumerate(team.members):
            where: KeyPath = (*here, "members", position)
            if member not in known:
                near = difflib.get_close_matches(member, known, n=1)
                fix = f"did you mean `{near[0]}`?" if near else "add the student to roster.students"
                marked.add(where, f"no student {member!r} in the roster", fix)
                continue
            names = [name for name in config.assignments if team.hands_in(name)]
            taken = next((name for name in names if (member, name) in placed), None)
            if taken is not None:
                other = placed[member, taken]
                fix = "keep one team per student and assignment; a team's `assignments` says which are its own"
                marked.add(where, f"{member!r} is a member of {other!r} already, for {taken}", fix)
            for name in names:
                placed.setdefault((member, name), team.id)


def rule_problems(config: CourseFile, marked: Marked) -> None:
    """Note names that make no folder, files named twice or unknown, thresholds without a slope, and the like."""
    for name, entry in config.assignments.items():
        here: KeyPath = ("assignments", name)
        if not name.isidentifier() or name.startswith("_"):
            marked.add(here, "cannot be used as a folder name", "use letters, digits and underscores, a letter first")
        for index, file in enumerate(entry.files):
            if file in entry.files[:index]:
                marked.add((*here, "files", index), f"{file!r} is listed twice", "keep one of the two")
        for file in entry.forbid:
            if file not in entry.files:
                near = difflib.get_close_matches(file, entry.files, n=1)
                fix = f"did you mean `{near[0]}`?" if near else f"use one of: {', '.join(entry.files)}"
                marked.add((*here, "forbid", file), "this file is not among `files`", fix)
        _profile_problems(entry, here, marked)


def merge_limits(course: AttemptLimit, own: AttemptLimit) -> AttemptLimit:
    """The limit of an assignment: its own keys, empty ones among them, and the course's for the rest."""
    return AttemptLimit(**{**course.model_dump(), **own.model_dump(include=own.model_fields_set)})


def policy_problems(config: CourseFile, marked: Marked) -> None:
    """Note attempts that come back to no bucket, slip days that nobody has, and grades that nothing is left of."""
    budget = config.slip_days.budget
    most = config.slip_days.per_assignment
    if most is not None and most > budget:
        what = f"more than `budget`, which is {budget}"
        marked.add(("slip_days", "per_assignment"), what, "give a budget for the course that allows it")
    weighted = [entry for entry in config.assignments.values() if entry.weight > 0]
    droppable = min(sum(entry.droppable for entry in weighted), max(len(weighted) - 1, 0))
    if config.course_grade.drop_lowest > droppable:
        marked.add(("course_grade", "drop_lowest"), f"at most {droppable} can be dropped here", "drop fewer")
    _limit_problems(config.attempt_limit, config.attempt_limit, ("attempt_limit",), marked)
    for name, entry in config.assignments.items():
        here: KeyPath = ("assignments", name)
        if entry.slip_days is not None and entry.slip_days > budget:
            fix = "give `slip_days.budget` for the course"
            marked.add((*here, "slip_days"), f"more than the course's budget, which is {budget}", fix)
        merged = merge_limits(config.attempt_limit, entry.attempt_limit)
        _limit_problems(merged, entry.attempt_limit, (*here, "attempt_limit"), marked)


def _limit_problems(limit: AttemptLimit, written: AttemptLimit, here: KeyPath, marked: Marked) -> None:
    """Note what does not fit together in a limit; only what is ``written`` here is reported here."""
    if limit.capacity is None and limit.refill_hours is not None and written.model_fields_set:
        where = next(key for key in ("refill_hours", "capacity", "total") if key in written.model_fields_set)
        marked.add((*here, where), "attempts come back, but `capacity` is missing", "give `capacity`")
    if (
        limit.capacity is not None
        and limit.total is not None
        and limit.total < limit.capacity
        and written.model_fields_set
    ):
        where = next(key for key in ("total", "capacity", "refill_hours") if key in written.model_fields_set)
        marked.add((*here, where), "`total` is less than `capacity`", "`capacity` cannot be more than `total`")


def _profile_problems(entry: AssignmentConfig, here: KeyPath, marked: Marked) -> None:
    for profile, budget in entry.profiles.items():
        for metric, threshold in budget.thresholds.items():
            if threshold.zero == threshold.full:
                where = (*here, "profiles", profile, "thresholds", metric)
                marked.add(where, "`zero` and `full` are the same", "set `zero` to what a trivial baseline reaches")
            if threshold.is_suspect(threshold.full):
                where = (*here, "profiles", profile, "thresholds", metric, "suspect")
                marked.add(where, "`full` would be reported to staff", "set `suspect` beyond what the budget can reach")
        if budget.data and not entry.data:
            where = (*here, "profiles", profile, "data")
            marked.add(where, "sizes for a data set that the assignment does not name", f"add {here[-1]}.data")


def file_problems(config: CourseFile, marked: Marked) -> None:
    """Note folders and files of an assignment that are missing."""
    root = marked.path.parent
    for name, entry in config.assignments.items():
        here: KeyPath = ("assignments", name)
        folder = root / "assignments" / name
        if not folder.is_dir():
            marked.add(here, f"there is no folder assignments/{name}", "create it, or correct the name")
        elif not any((folder / "hidden").glob("test_*.py")):
            marked.add(here, f"there is no hidden suite assignments/{name}/hidden/test_*.py", "write one")
        for index, file in enumerate(entry.files):
            if not (root / "solutions" / name / file).is_file():
                what = f"there is no file solutions/{name}/{file}"
                marked.add((*here, "files", index), what, "add the solved module, or correct the name")
