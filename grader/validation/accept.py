"""``autograde validate --accept``: what was measured becomes what is expected, written into the files for review."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import yaml

from grader.course import Assignment, variant_sources
from grader.errors import AuthoringError
from grader.records import Verdict
from grader.validation.result import Measured, Validation
from grader.validation.variants import Variant, groups_of, read_variants

_WIDTH = 120


def accept(assignment: Assignment, found: Validation) -> tuple[Validation, tuple[str, ...]]:
    """Write the measured verdicts of wrong variants into their files; comments and everything else stay as they are.

    Only a wrong variant that lost points is rewritten. One that keeps full marks, or that the grader could not judge,
    stays a problem, and so does a right variant that loses points: those are findings about the suite, not about the file.

    Returns:
        The validation without the problems that were accepted, and the names of the variants that were rewritten.

    Raises:
        AuthoringError: the solution itself fails, so that the measurement says nothing; or a file cannot be rewritten.

    """
    solution = next(item for item in found.measured if item.kind == "solution")
    if solution.problems:
        raise AuthoringError(
            "nothing was accepted: the solution itself loses points",
            where=assignment.folder,
            fix="correct the suite or the solution first",
        )
    wanted = {item.name: expected for item in found.measured if (expected := _expectation(item))}
    if wanted:
        groups = groups_of(assignment)
        texts = {path: path.read_bytes().decode() for path in variant_sources(assignment.folder)}
        changed = {path: _rewrite(text, wanted, groups) for path, text in texts.items()}
        _write({path: text for path, text in changed.items() if text != texts[path]}, assignment, wanted)
    measured = tuple(replace(item, problems=()) if item.name in wanted else item for item in found.measured)
    return replace(found, measured=measured), tuple(wanted)


def _expectation(item: Measured) -> dict[str, str]:
    """The verdicts of the checks on which a wrong variant lost points; empty where there is nothing to accept."""
    lost = {check.id: check.verdict for check in item.checks if check.verdict is not Verdict.ACCEPTED}
    if item.kind != "wrong" or not item.problems or any(verdict.held for verdict in lost.values()):
        return {}
    return {check: verdict.value for check, verdict in lost.items()}


def _write(texts: Mapping[Path, str], assignment: Assignment, wanted: Mapping[str, Mapping[str, str]]) -> None:
    """Replace the files, all or none; the result must read as the variants of before with the new expectations."""
    before = read_variants(assignment, unmeasured=True)
    originals = {path: path.read_bytes() for path in texts}
    try:
        for path, text in texts.items():
            draft = path.with_name(f".{path.name}.{os.getpid()}")
            draft.write_bytes(text.encode())
            draft.replace(path)
        _compare(before, read_variants(assignment, unmeasured=True), wanted)
    except BaseException:
        for path, data in originals.items():
            path.write_bytes(data)
        raise


def _compare(before: Sequence[Variant], after: Sequence[Variant], wanted: Mapping[str, Mapping[str, str]]) -> None:
    """Make sure that the variants are those of before, but for the expectations in ``wanted``."""
    found = {variant.name: variant for variant in after}
    for variant in before:
        verdicts = wanted.get(variant.name, variant.expect)
        expect = {check: Verdict(verdict) for check, verdict in verdicts.items()}
        new = found.get(variant.name)
        if new is None or variant.model_copy(update={"expect": expect, "where": new.where}) != new:
            raise AuthoringError(
                f"the expectation of {variant.name} cannot be written without changing something else",
                where=variant.where,
                fix=f"write it by hand: expect: {_join(_render(wanted.get(variant.name, {}), {}))}",
            )


def _rewrite(text: str, wanted: Mapping[str, Mapping[str, str]], groups: Mapping[str, Sequence[str]]) -> str:
    """The file's text with the expectations of the variants in ``wanted`` replaced, or added where there was none."""
    changes = [_change(text, entry, _render(wanted[name], groups)) for name, entry in _entries(text) if name in wanted]
    for start, end, new in sorted(changes, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _entries(text: str) -> Iterator[tuple[str, yaml.MappingNode]]:
    """The mapping of each variant, by its name."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    if isinstance(node, yaml.MappingNode):
        node = next((value for key, value in node.value if key.value == "variants"), None)
    for entry in node.value if isinstance(node, yaml.SequenceNode) else ():
        if isinstance(entry, yaml.MappingNode):
            names = {key.value: value.value for key, value in entry.value}
            for key in ("name", "wrong"):
                if key in names:
                    yield str(names[key]), entry


def _change(text: str, entry: yaml.MappingNode, items: list[str]) -> tuple[int, int, str]:
    """Where the new ``expect`` goes (from, to) and its text."""
    column = entry.start_mark.column
    flat = f"expect: {_join(items)}"
    # A check and its verdict stay on one line.
    lines = textwrap.wrap(flat.replace(": ", ":\0"), _WIDTH - column, break_long_words=False, break_on_hyphens=False)
    folded = f"\n{' ' * (column + 2)}".join(lines).replace("\0", " ")
    for key, value in entry.value:
        if key.value == "expect":
            return key.start_mark.index, _end(value), flat if entry.flow_style else folded
    if entry.flow_style:
        at = entry.end_mark.index - 1
        return at, at, f", {flat}"
    at = _end_of_block(text, entry)
    return at, at, f"\n{' ' * column}{folded}"


def _end(node: yaml.Node) -> int:
    """The index behind a node's last character. PyYAML ends a block where the next token begins."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)


def _end_of_block(text: str, entry: yaml.MappingNode) -> int:
    """The index behind the last line of an entry: the last that is indented as far as its keys."""
    at = end = entry.start_mark.index
    first = True
    for line in text[at:].splitlines(keepends=True):
        blank = not line.strip()
        if not first and not blank and len(line) - len(line.lstrip(" ")) < entry.start_mark.column:
            break
        at += len(line)
        if not blank:
            end = at - len(line) + len(line.rstrip("\r\n"))
        first = False
    return end


def _render(expect: Mapping[str, str], groups: Mapping[str, Sequence[str]]) -> list[str]:
    """``expect`` as the items of its list: groups where all their checks are in it, then single checks, then verdicts."""
    left = [check for check, verdict in expect.items() if verdict == Verdict.WRONG_ANSWER.value]
    items: list[str] = []
    for name, members in sorted(groups.items(), key=lambda item: -len(item[1])):
        if len(members) > 1 and set(members) <= set(left):
            items.append(name)
            left = [check for check in left if check not in members]
    others = [f"{check}: {verdict}" for check, verdict in expect.items() if verdict != Verdict.WRONG_ANSWER.value]
    return [*items, *left, *([f"{{{', '.join(others)}}}"] if others else [])]


def _join(items: Sequence[str]) -> str:
    return f"[{', '.join(items)}]"
