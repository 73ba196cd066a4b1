"""Points in time as people, learning platforms and their exports write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

#: No form in which day and month could be taken for each other.
_FORMS = (
    "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d-%H-%M-%S", "%Y%m%d%H%M%S", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M",
    "%d %B %Y %I:%M %p", "%d %B %Y %H:%M", "%d %b %Y %I:%M %p", "%d %b %Y %H:%M", "%B %d %Y %I:%M %p", "%b %d %Y %I:%M %p",
    "%B %d %Y %H:%M", "%b %d %Y %H:%M", "%d %B %Y %I%M %p", "%d %b %Y %I%M %p", "%B %d %Y %I%M %p", "%b %d %Y %I%M %p",
    "%d %b %Y %H:%M:%S", "%d %B %Y %H:%M:%S", "%B %d %Y %I:%M:%S %p", "%b %d %Y %I:%M:%S %p",
)  # fmt: skip
_WEEKDAY = re.compile(r"^(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\b[,.]?\s*", re.IGNORECASE)
_ZONE = re.compile(r"\s*(?:UTC|GMT|Z)$")
_NANOSECONDS = re.compile(r"(\.\d{6})\d+")


def read_moment(text: str, zone: ZoneInfo) -> datetime | None:
    """The moment that ``text`` says, in UTC; times without a zone are in ``zone``. None where it says none."""
    text = " ".join(_NANOSECONDS.sub(r"\1", text.strip()).split())
    if not re.search(r"\d:?\d", text) or len(text) > 60:
        return None
    found = _iso(text) or _spelt(text)
    if found is None:
        return None
    try:
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError:
        return None


def _iso(text: str) -> datetime | None:
    # "2026-11-20 10:00:00 +0100" and "... Z", as Ruby writes them, have a space that ISO 8601 has not.
    joined = re.sub(r"\s+(?=[+-]\d\d:?\d\d$|Z$)", "", text)
    joined = re.sub(r"\s*UTC$", "+00:00", joined)
    try:
        return datetime.fromisoformat(joined) if re.match(r"\d{4}-\d\d-\d\d[T ]\d", joined) else None
    except ValueError:
        return None


def _spelt(text: str) -> datetime | None:
    utc = _ZONE.search(text)
    plain = _WEEKDAY.sub("", _ZONE.sub("", text)).replace(",", " ").replace(" at ", " ")
    plain = re.sub(r"\s+", " ", re.sub(r"(?<=[a-z])\.", "", plain)).strip()
    plain = re.sub(r"\b([ap])\.?m\.?$", lambda match: match[1].upper() + "M", plain, flags=re.IGNORECASE)
    plain = re.sub(r"(?<=\b)(\d{3}) (?=[AP]M$)", r"0\1 ", plain)
    for form in _FORMS:
        try:
            found = datetime.strptime(plain, form)  # noqa: DTZ007 - the caller knows the zone
        except ValueError:
            continue
        return found.replace(tzinfo=UTC) if utc else found
    return None
