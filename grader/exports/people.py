"""Which person a row of somebody else's table is about: by id, by e-mail address, and only then by full name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the course. ``email`` is empty where none is known."""

    id: str
    name: str
    email: str = ""


class People:
    """The people of a course, found by what a platform calls them."""

    def __init__(self, people: Iterable[Person]) -> None:
        self._keys: dict[str, set[Person]] = {}
        self._names: dict[tuple[str, ...], set[Person]] = {}
        for person in people:
            for key in {key_of(person.id), key_of(person.email)} - {""}:
                self._keys.setdefault(key, set()).add(person)
            if name := name_key(person.name):
                self._names.setdefault(name, set()).add(person)

    def by_keys(self, cells: Iterable[str]) -> list[Person]:
        """Everybody whose id or e-mail address is one of ``cells``, in the order of ids."""
        found = {person for cell in cells for person in self._keys.get(key_of(cell), ())}
        return sorted(found, key=lambda person: person.id)

    def by_name(self, name: str) -> list[Person]:
        """Everybody of that full name, in the order of ids."""
        return sorted(self._names.get(name_key(name), ()), key=lambda person: person.id)


def key_of(text: str) -> str:
    """An id or an address as it is compared: composed, without case, without spaces around it and Brightspace's ``#``."""
    return unicodedata.normalize("NFC", text).strip().removeprefix("#").casefold()


def name_key(text: str) -> tuple[str, ...]:
    """A full name as it is compared: its words without case and accents, in any order ("Lovelace, Ada")."""
    spread = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(char for char in spread if not unicodedata.combining(char))
    return tuple(sorted(re.findall(r"[^\W_]+", bare)))
