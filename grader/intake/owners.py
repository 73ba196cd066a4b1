"""Whose is it? From the name of an upload, as people or an LMS write it, to the student or team.

A wrong guess gives one student's work to another, so whatever is not plain stays unmatched and is named.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.course import Assignment, Owner, Roster

_SEPARATOR = re.compile(r"[\s_\-.,()\[\]+]+")
# Any suffix, not only those we read: a .rar by a known student is theirs, and they should hear of it.
_SUFFIX = re.compile(r"(?:\.tar\.\w{2,3}|\.(?:py|ipynb)\.(?:txt|json)|\.[a-z0-9]{1,5})$", re.IGNORECASE)
# What people and LMSs put behind a name without meaning somebody else.
_PLAIN_WORD = re.compile(
    "assignment|assignsubmission|attempt|backup|copy|draft|exercise|ex|file|final|fixed|group|handin|homework|hw|last|"
    "late|new|notebook|onlinetext|project|resubmission|revised|solutions?|submission|submit|task|team|updated?|upload"
)
_TITLE = r"(?:homework|hw|assignment|exercise|ex|project|lab|task|ps|pset|a|submission)[\s_\-]?\d{1,2}"
_UMLAUTS = str.maketrans(
    {
        "ä": "ae",
        "ö": "oe",
        "ü": "ue",
        "Ä": "Ae",
        "Ö": "Oe",
        "Ü": "Ue",
        "ß": "ss",
        "ø": "oe",
        "Ø": "Oe",
        "å": "aa",
        "Å": "Aa",
    }
)
_NUMBER = re.compile(r"(?:v|hw|ex|task|attempt|version)?\d+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Match:
    """The ``owner`` an upload's name leads to, with the ``rest`` of the name; or the ``reason`` why there is none."""

    owner: Owner | None = None
    rest: str = ""
    reason: str = ""


def match_owner(entry: str, roster: Roster, assignment: Assignment, *, folder: bool = False) -> Match:
    """Find whose upload ``entry`` is: by id, e-mail or full name at its beginning.

    What follows must be plain too: words such as "late", numbers, the assignment's name or files, or anything after a
    number that an LMS wrote.
    """
    stem = unicodedata.normalize("NFC", entry)
    if not folder:
        stem = _SUFFIX.sub("", stem)
    first = _match(stem, roster, assignment)
    if first.owner:
        return first
    for bare in _without_title(stem, assignment):
        match = _match(bare, roster, assignment)
        if match.owner:
            return match
    return first


def _without_title(stem: str, assignment: Assignment) -> Iterator[str]:
    """``stem`` without what may stand before the owner: the assignment's name, "hw2", "Homework 2"."""
    titles = [re.escape(assignment.name), re.escape(assignment.title), _TITLE]
    for title in titles:
        bare = re.sub(rf"^{title}[\s_\-.]+", "", stem, flags=re.IGNORECASE)
        if bare != stem:
            yield bare


def _match(stem: str, roster: Roster, assignment: Assignment) -> Match:
    near: Owner | None = None
    for prefix, rest in _prefixes(stem):
        owners = _owners(prefix, roster)
        if len(owners) > 1:
            ids = " and ".join(owner.id for owner in owners)
            return Match(reason=f"the name could be {ids}; rename it to one of these ids")
        if owners and _is_plain(rest, assignment):
            return Match(owners[0], rest)
        near = near or (owners[0] if owners else None)
    if near:
        return Match(
            reason=f"it begins like {near.id!r}, but the rest of the name is unknown; if it is theirs, rename "
            f"it to {near.id!r}"
        )
    return Match(
        reason="it does not begin with an id, e-mail address or name from the roster; rename it to the student's id"
    )


def _prefixes(stem: str) -> Iterator[tuple[str, str]]:
    """The beginnings of ``stem`` that end at a separator, the longest first, each with what follows."""
    yield stem, ""
    for cut in reversed(list(_SEPARATOR.finditer(stem))):
        if cut.start() > 0:
            yield stem[: cut.start()], stem[cut.end() :]


def suffix_of(name: str) -> str:
    """The ending of a file's name, ``.tar.gz`` and ``.ipynb.json`` as one."""
    found = _SUFFIX.search(name)
    return found[0] if found else ""


def find_owner(text: str, roster: Roster) -> Owner | None:
    """The one student or team with this id, e-mail or full name; None where there is none, or more than one."""
    owners = _owners(text, roster)
    return owners[0] if len(owners) == 1 else None


def _owners(text: str, roster: Roster) -> list[Owner]:
    found = roster.find(text)
    # A handle is what a student chose: whoever takes another's name for it must not get the other's work.
    if found is not None and text.strip().casefold() in (found.id.casefold(), _email(found)):
        return [found]
    squeezed = _squeeze(text)
    return [owner for owner in roster if squeezed and squeezed in _spellings(owner.name)]


def _email(owner: Owner) -> str | None:
    email = getattr(owner, "email", None)
    return email.casefold() if isinstance(email, str) else None


def _spellings(name: str) -> set[str]:
    """A full name without spaces: as it stands, and with the last words first ("lovelaceada"), as Canvas writes it.

    Letters with accents are spelled without them, as German does ("goedel"), or left out, as some servers do ("gdel").
    """
    found: set[str] = set()
    for text in (name, _german(name), name.encode("ascii", errors="ignore").decode()):
        words = text.split()
        found |= {_squeeze("".join(words[cut:] + words[:cut])) for cut in range(max(len(words), 1))}
    return found


def _german(name: str) -> str:
    return unicodedata.normalize("NFC", name).translate(_UMLAUTS)


def _squeeze(text: str) -> str:
    """Letters and digits only, without case or accents."""
    spread = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in spread if char.isalnum())


def _is_plain(rest: str, assignment: Assignment) -> bool:
    names = (assignment.name, *assignment.files)
    known = {_squeeze(word) for name in names for word in (name, *_SEPARATOR.split(name))}
    for word in filter(None, _SEPARATOR.split(rest)):
        if re.fullmatch(r"\d{2,}", word):
            return True  # an LMS's own number: what follows is the student's name for the file
        plain = _squeeze(word)
        if plain not in known and not _PLAIN_WORD.fullmatch(plain) and not _NUMBER.fullmatch(word):
            return False
    return True
