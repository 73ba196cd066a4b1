"""Gradescope's export: submission_metadata.yml says who handed in each folder, and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import yaml

from grader.errors import SubmissionError
from grader.intake.moments import read_moment

METADATA = "submission_metadata.yml"
_MOST = 64 * 1024 * 1024


class _Loader(yaml.SafeLoader):
    """Plain values only: Ruby's objects become what they hold, and times stay text."""


def _plain(loader: _Loader, _suffix: str, node: yaml.Node) -> object:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    assert isinstance(node, yaml.ScalarNode)
    return loader.construct_scalar(node)


_Loader.add_multi_constructor("!", _plain)
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True, slots=True)
class Handed:
    """Who handed in one folder, each by e-mail, id and name, and when."""

    submitters: tuple[tuple[str, ...], ...]
    received: datetime | None


def read_metadata(path: Path, zone: ZoneInfo) -> Mapping[str, Handed]:
    """What the export at ``path`` says, by folder.

    Raises SubmissionError where the file cannot be read.
    """
    try:
        if path.stat().st_size > _MOST:
            raise SubmissionError("is too large", where=path, fix="download the export again")
        data = yaml.load(path.read_text(encoding="utf-8-sig"), Loader=_Loader)  # noqa: S506 - a SafeLoader
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise SubmissionError(f"cannot be read: {error}", where=path, fix="download the export again") from error
    if not isinstance(data, dict):
        return {}
    return {str(name): _handed(entry, zone) for name, entry in data.items() if isinstance(entry, dict)}


def _handed(entry: Mapping[object, object], zone: ZoneInfo) -> Handed:
    fields = {str(key).strip(":"): value for key, value in entry.items()}
    people = fields.get("submitters")
    found = []
    for person in people if isinstance(people, list) else []:
        if isinstance(person, dict):
            about = {str(key).strip(":"): str(value) for key, value in person.items() if value is not None}
            found.append(tuple(about[key] for key in ("email", "sid", "name") if about.get(key)))
    created = fields.get("created_at")
    return Handed(tuple(found), read_moment(str(created), zone) if created is not None else None)
