"""Points in time as people, learning platforms and their exports write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo

#: No form in which day and month could be taken for each other.
_FORMS = (
    "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d-%H-%M-%S", "%Y-%m-%d %I:%M:%S %p", "%Y-%m-%d %I:%M %p", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M",
    "%d %B %Y %I:%M %p", "%d %B %Y %H:%M", "%d %b %Y %I:%M %p", "%d %b %Y %H:%M", "%B %d %Y %I:%M %p", "%b %d %Y %I:%M %p",
    "%B %d %Y %H:%M", "%b %d %Y %H:%M", "%d %B %Y %I%M %p", "%d %b %Y %I%M %p", "%B %d %Y %I%M %p", "%b %d %Y %I%M %p",
    "%b %d %H:%M:%S %Y", "%d %b %Y %H:%M:%S", "%d %B %Y %H:%M:%S", "%B %d %Y %I:%M:%S %p", "%b %d %Y %I:%M:%S %p",
)  # fmt: skip
_WEEKDAY = re.compile(r"^(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\b[,.]?\s*", re.IGNORECASE)
_ZONE = re.compile(r"\s*(?:UTC|GMT|Z)$")
#: Names of months that English does not have so, by their first letters.
_MONTHS = {
    "jän": "Jan", "janu": "Jan", "janv": "Jan", "ener": "Jan", "genn": "Jan", "febr": "Feb", "févr": "Feb", "febb": "Feb",
    "mär": "Mar", "mars": "Mar", "marz": "Mar", "maar": "Mar", "avr": "Apr", "abri": "Apr", "apri": "Apr", "mai": "May",
    "mayo": "May", "magg": "May", "mei": "May", "juni": "Jun", "juin": "Jun", "giug": "Jun", "juli": "Jul", "juil": "Jul",
    "lugl": "Jul", "aoû": "Aug", "agos": "Aug", "augu": "Aug", "sept": "Sep", "sett": "Sep", "okt": "Oct", "octu": "Oct",
    "octo": "Oct", "otto": "Oct", "nove": "Nov", "dez": "Dec", "déc": "Dec", "dici": "Dec", "dece": "Dec",
}  # fmt: skip
_WORD = re.compile(r"[^\W\d_]{3,}\.?")
_ANY_WEEKDAY = re.compile(
    r"^(?:montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|"
    r"lunes|martes|miércoles|jueves|viernes|sábado|domingo|lunedì|martedì|mercoledì|giovedì|venerdì|sabato|domenica|"
    r"maandag|dinsdag|woensdag|donderdag|vrijdag|zaterdag|zondag|mo|di|mi|do|fr|sa|so)\b[,.]?\s*",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"(20\d{6})T?(\d{6})(Z?)")
_NANOSECONDS = re.compile(r"(\.\d{6})\d+")


def read_moment(text: str, zone: ZoneInfo) -> datetime | None:
    """The moment that ``text`` says, in UTC; times without a zone are in ``zone``. None where it says none."""
    text = " ".join(_NANOSECONDS.sub(r"\1", text.strip()).split())
    if not re.search(r"\d:?\d", text) or len(text) > 60:
        return None
    text = re.sub(r"\s*Uhr$", "", text, flags=re.IGNORECASE)
    text = re.sub(r"^(\d{4})/(\d\d?)/(\d\d?)\b", r"\1-\2-\3", text)
    text = re.sub(r"(?<=\s)(\d\d)\.(\d\d)$", r"\1:\2", text)  # 23.50 is an hour and minutes
    found = _digits(text) or _iso(text) or _spelt(text) or _of_mail(text)
    if found is None:
        return None
    try:
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError:
        return None


def _digits(text: str) -> datetime | None:
    """A time of digits alone, 20261204225000; not seconds since 1970, which a student's number could be."""
    found = _DIGITS.fullmatch(text)
    try:
        moment = datetime.strptime(found[1] + found[2], "%Y%m%d%H%M%S") if found else None  # noqa: DTZ007
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment and found and found[3] else moment


def _of_mail(text: str) -> datetime | None:
    """A time as mails write it: Fri, 4 Dec 2026 23:50:00 +0100."""
    try:
        return parsedate_to_datetime(text) if re.search(r"[+-]\d{4}$", text) else None
    except (ValueError, IndexError, TypeError):
        return None


def _iso(text: str) -> datetime | None:
    # "2026-11-20 10:00:00 +0100" and "... Z", as Ruby writes them, have a space that ISO 8601 has not.
    joined = re.sub(r"\s+(?=[+-]\d\d:?\d\d$|Z$)", "", text)
    joined = re.sub(r"\s*UTC$", "+00:00", joined)
    try:
        return datetime.fromisoformat(joined) if re.match(r"\d{4}-\d\d-\d\d[T ]\d", joined) else None
    except ValueError:
        return None


def _in_english(word: re.Match[str]) -> str:
    lower = word[0].casefold()
    return next((month for first, month in _MONTHS.items() if lower.startswith(first)), word[0])


def _spelt(text: str) -> datetime | None:
    utc = _ZONE.search(text)
    plain = _ANY_WEEKDAY.sub("", _WEEKDAY.sub("", _ZONE.sub("", text))).replace(",", " ").replace(" at ", " ")
    plain = _WORD.sub(_in_english, re.sub(r"(?<=\d)\.(?=\s)", "", plain))
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
