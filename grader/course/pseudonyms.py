"""Names for who has chosen none: stable for a course, unlike the id, and no way back without the course's secret."""

from __future__ import annotations

import hashlib
import hmac

_COLOURS = [
    "amber",
    "azure",
    "beige",
    "bronze",
    "cobalt",
    "copper",
    "coral",
    "crimson",
    "cyan",
    "ebony",
    "emerald",
    "golden",
    "grey",
    "indigo",
    "ivory",
    "jade",
    "lemon",
    "lilac",
    "magenta",
    "maroon",
    "mint",
    "navy",
    "ochre",
    "olive",
    "orange",
    "pearl",
    "pink",
    "purple",
    "ruby",
    "russet",
    "sable",
    "scarlet",
    "silver",
    "teal",
    "umber",
    "violet",
]
_ANIMALS = [
    "badger",
    "beaver",
    "bison",
    "crane",
    "curlew",
    "dipper",
    "dolphin",
    "dormouse",
    "dove",
    "falcon",
    "ferret",
    "finch",
    "fox",
    "gecko",
    "gull",
    "hare",
    "heron",
    "hoopoe",
    "ibex",
    "ibis",
    "jackdaw",
    "kestrel",
    "lapwing",
    "lark",
    "linnet",
    "lynx",
    "magpie",
    "marmot",
    "marten",
    "mole",
    "moth",
    "newt",
    "otter",
    "owl",
    "plover",
    "puffin",
    "raven",
    "robin",
    "rook",
    "seal",
    "shrew",
    "skylark",
    "snipe",
    "stoat",
    "stork",
    "swallow",
    "swan",
    "swift",
    "tern",
    "thrush",
    "toad",
    "vole",
    "wagtail",
    "weasel",
    "wren",
]


def pseudonym(secret: bytes, owner: str) -> str:
    """The name that the leaderboard shows for ``owner``, such as ``cobalt-heron-417``.

    It follows from the course's secret and the id by HMAC-SHA-256, so it stays the same for a whole term, and nobody
    without the secret can tell whose it is. There are 1.8 million of them: two owners hardly ever share one.
    """
    digest = int.from_bytes(hmac.digest(secret, f"pseudonym\x1f{owner}".encode(), hashlib.sha256)[:8], "big")
    digest, colour = divmod(digest, len(_COLOURS))
    digest, animal = divmod(digest, len(_ANIMALS))
    return f"{_COLOURS[colour]}-{_ANIMALS[animal]}-{100 + digest % 900}"
