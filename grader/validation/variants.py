"""Versions of a solution by which a grader is measured: the solution, the stub, and the solution with a variant's edits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grader.errors import AuthoringError
from grader.validation.variant_files import Edit, Variant, free_clauses, groups_of, read_variants

__all__ = ["STUB_CEILING", "Edit", "Variant", "apply", "free_clauses", "groups_of", "read_variants"]

#: A stub that scores more than this share of the points has a grader that gives points for nothing.
STUB_CEILING = 0.15


def apply(variant: Variant, files: Mapping[str, bytes], *, edits: Sequence[Edit] | None = None) -> dict[str, bytes]:
    """The solution with the variant's edits made; with ``edits`` only those.

    Raises:
        AuthoringError: a text to replace does not stand there as often as the edit says.
    """
    texts = {name: data.decode("utf-8") for name, data in files.items()}
    for edit in variant.edits if edits is None else edits:
        if edit.file not in texts:
            raise AuthoringError(
                f"variant {variant.name}: the solution has no file {edit.file!r}",
                where=variant.where,
                fix=f"use one of: {', '.join(texts)}",
            )
        seen = texts[edit.file].count(edit.find)
        if seen != edit.count:
            times = "once" if seen == 1 else f"{seen} times" if seen else None
            raise AuthoringError(
                f"variant {variant.name}: {edit.find!r:.80} "
                + (f"stands {times} in {edit.file}, not {edit.count}" if times else f"does not occur in {edit.file}"),
                where=variant.where,
                fix="give more of its surroundings, or a `count`"
                if seen
                else "copy the text from the solution, with its indentation",
            )
        texts[edit.file] = texts[edit.file].replace(edit.find, edit.replace)
    return {name: text.encode() for name, text in texts.items()}
