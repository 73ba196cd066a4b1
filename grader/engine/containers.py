"""Containers that came from a student: what they lack is the student's mistake, not the check's."""

from __future__ import annotations

from typing import Any

from grader.sandbox.faults import ContractError
from grader.text import counted


class StudentDict(dict[str, Any]):
    """A dict that came from a student: a key that is missing is the student's mistake, not the check's."""

    def __missing__(self, key: str) -> Any:
        have = ", ".join(repr(k) for k in list(self)[:12]) or "nothing"
        raise ContractError(f"A dict that your code returned has no key {key!r:.80}; it has {have}.")


class StudentList(list[Any]):
    """A list that came from a student; an item that is missing is the student's mistake."""

    def __getitem__(self, index: Any) -> Any:
        try:
            return super().__getitem__(index)
        except IndexError:
            raise ContractError(
                f"A list that your code returned has {counted(len(self), 'item')}; item {index} was needed."
            ) from None


def soften(value: Any) -> Any:
    """Containers that blame the student for what is not in them."""
    if type(value) is dict:
        return StudentDict({key: soften(item) for key, item in value.items()})
    if type(value) is list:
        return StudentList([soften(item) for item in value])
    if type(value) is tuple:
        return tuple(soften(item) for item in value)
    return value
