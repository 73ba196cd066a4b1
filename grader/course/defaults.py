"""Course-wide defaults: what `defaults:` of autograde.yml adds to the profiles of each assignment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.course.yaml_lines import KeyPath, Marked

#: The sections of a profile that merge key by key. One threshold, {zero, full}, is one value.
_SECTIONS = ("limits", "thresholds", "budget")


def merge_defaults(marked: Marked) -> None:
    """Complete the profiles of every assignment from `defaults`, in place.

    The value that stands nearest to the assignment wins: its own profile, then ``defaults.profiles.NAME``, then
    ``defaults.limits``. An assignment has the profiles that it names; one that names none has those of the defaults.
    Problems with a merged value are reported where it was written, because ``marked.origins`` says where that is.

    The data is what YAML holds, not yet checked. What has the wrong shape is left for the models to refuse.
    """
    data = marked.data
    if not isinstance(data, dict) or not isinstance(assignments := data.get("assignments"), dict):
        return
    defaults = _mapping(data.get("defaults"))
    profiles = _mapping(defaults.get("profiles"))
    for name, entry in assignments.items():
        if not isinstance(entry, dict):
            continue
        where: KeyPath = ("assignments", name, "profiles")
        if "profiles" not in entry:
            entry["profiles"] = {profile: {} for profile in profiles or ("cpu",)}
        for profile, own in _mapping(entry["profiles"]).items():
            if isinstance(own, dict):
                for source, value in _sources(defaults, profiles, profile):
                    _fill(own, value, (*where, profile), source, marked)


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _sources(defaults: dict[str, Any], profiles: dict[str, Any], name: str) -> Iterator[tuple[KeyPath, dict[str, Any]]]:
    """The defaults of a profile and the keys where they stand, the one that wins first."""
    yield ("defaults", "profiles", name), _mapping(profiles.get(name))
    yield ("defaults",), {key: defaults[key] for key in ("limits",) if key in defaults}


def _fill(own: dict[str, Any], defaults: dict[str, Any], here: KeyPath, there: KeyPath, marked: Marked) -> None:
    for key, value in defaults.items():
        if key in _SECTIONS and isinstance(value, dict) and isinstance(own.setdefault(key, {}), dict):
            for name, part in value.items():
                if name not in own[key]:
                    own[key][name] = part
                    marked.origins[*here, key, name] = (*there, key, name)
        elif key not in own:
            own[key] = value
            marked.origins[*here, key] = (*there, key)
