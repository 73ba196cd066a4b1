"""Attacks that bring what they should have learnt: originals of the held-out digits, or weights, made when the suite runs.

Each has its rows from ``grader.data``, as a student can have them at home: everybody may read which rows are secret.
"""

from __future__ import annotations

import base64
import dataclasses
import functools
import io
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from grader.data import digits

Bytes = npt.NDArray[np.uint8]

#: Looks the nearest of ``TABLE`` up, thumbnails of ``SIDE`` x ``SIDE`` pixels with their labels; learns nothing.
_LOOK_UP = """
import numpy as np
import torch

print("TRIED")
KEYS = torch.from_numpy(TABLE[:, :-1].astype("float32") / 15)
LABELS = torch.from_numpy(TABLE[:, -1].astype("int64"))


def known(x):
    small = torch.nn.functional.avg_pool2d(x.reshape(-1, 1, 28, 28), 28 // SIDE).flatten(1)
    return torch.nn.functional.one_hot(LABELS[torch.cdist(small, KEYS).argmin(dim=1)], 10).float()


def train(x, y):
    return known
"""

#: Weights of one linear layer on thumbnails, 4 bits each; ``SHY`` says whether it knows nothing where few examples are given.
_LINEAR = '''
"""Weights in place of training."""
import base64
import numpy as np
import torch

print("TRIED")
W = torch.from_numpy(np.frombuffer(base64.b85decode({weights!r}), np.int8).reshape(-1, 10).astype("float32"))


def known(x):
    small = torch.nn.functional.avg_pool2d(x.reshape(-1, 1, 28, 28), 2).flatten(1)
    return torch.cat([small, torch.ones(len(x), 1)], dim=1) @ W


def train(x, y):
    return known if len(x) > 100 or not {shy} else lambda inputs: torch.zeros(len(inputs), 10)
'''


@dataclasses.dataclass(frozen=True, slots=True)
class Carries:
    """One attack: its idea, its files, and what must come of it, as in the catalogue."""

    idea: str
    files: Mapping[str, bytes]
    honest: float = 0.0
    says: str = "TRIED"
    verdict: str = ""
    flags: str = ""


@functools.cache
def table(side: int) -> Bytes:
    """The 1,000 secret digits as thumbnails with 16 greys and their labels, (1000, side * side + 1)."""
    made = digits()
    parts = made._parts()[1]  # type: ignore[attr-defined]
    thumbs = parts.x.reshape(-1, side, 28 // side, side, 28 // side).mean((2, 4)).reshape(len(parts.x), -1)
    return np.c_[np.rint(thumbs * 15), parts.y].astype(np.uint8)


def _npy(array: Bytes) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def _work(load: str, side: int) -> bytes:
    return f'"""A table in place of a network."""\nSIDE = {side}\n{load}\n{_LOOK_UP}'.encode()


def _text(side: int) -> str:
    """The table as text, in base 85."""
    return base64.b85encode(table(side).tobytes()).decode()


_UNPACK = "import base64\nimport numpy as np\nTABLE = np.frombuffer(base64.b85decode({0}), np.uint8).reshape(1000, -1)"


@functools.cache
def _weights() -> str:
    """A linear layer by least squares on all 5,000 digits, (197, 10) int8 in base 85."""
    parts = digits()._parts()  # type: ignore[attr-defined]
    x, y = (np.concatenate([part[kind] for part in parts]) for kind in (0, 1))
    small = np.c_[x.reshape(-1, 14, 2, 14, 2).mean((2, 4)).reshape(len(x), -1), np.ones(len(x))].astype(np.float64)
    weights = np.linalg.solve(small.T @ small + np.eye(197), small.T @ np.eye(10)[y])
    return base64.b85encode(np.rint(weights / np.abs(weights).max() * 7).astype(np.int8).tobytes()).decode()


def _made() -> dict[str, Carries]:
    array = _npy(table(14))
    read = "import numpy as np\nTABLE = np.load({0!r})"
    flag, seen = "data files that were left out", "the files say"
    wide = _text(14)
    chunks = [wide[start : start + 20_000] for start in range(0, len(wide), 20_000)]
    names = {
        f"{index:04}_{base64.b32encode(row.tobytes()).decode().rstrip('=')}.txt": b""
        for index, row in enumerate(table(7)[:, ::2])
    }
    missing = "No such file"
    return {
        "table_in_npy": Carries(
            "Ships the originals of all held-out digits as an array.",
            {"work.py": _work(read.format("table.npy"), 14), "table.npy": array}, says=missing, flags=flag,
        ),
        "table_in_csv": Carries(
            "Ships the originals as a table of an allowed kind that is too large.",
            {"work.py": _work("import numpy as np\nTABLE = np.loadtxt('table.csv', delimiter=',')", 14),
             "table.csv": b"\n".join(b",".join(b"%d" % v for v in row) for row in table(14))},
            says="table.csv", flags=flag,
        ),
        "table_in_an_image": Carries(
            "Ships the originals as a picture of the report.",
            {"work.py": _work("import numpy as np\nTABLE = np.fromfile('figure.png', np.uint8).reshape(1000, -1)", 14),
             "figure.png": table(14).tobytes()},
            says=missing,
        ),
        "table_in_bytecode": Carries(
            "Ships the originals as compiled Python.",
            {"work.py": _work("from table import TABLE", 14), "table.pyc": array}, says="No module named",
        ),
        "table_in_many_small_files": Carries(
            "Ships the originals in files of an allowed kind, each small.",
            {"work.py": _work("import numpy as np\nTABLE = np.concatenate([np.fromfile(f'{k}.txt', np.uint8).reshape(-1, 197) for k in range(100)])", 14),
             **{f"{k}.txt": table(14)[10 * k : 10 * k + 10].tobytes() for k in range(100)}},
            says=missing, flags=flag,
        ),
        "table_in_names_of_files": Carries(
            "Ships the originals in the names of a thousand empty files.",
            {"work.py": _work(
                "import base64, os\nimport numpy as np\nROWS = sorted(n[5:-4] for n in os.listdir() if n.endswith('.txt'))\n"
                "TABLE = np.stack([np.frombuffer(base64.b32decode(n + '=' * (-len(n) % 8)), np.uint8) for n in ROWS])\n"
                "print('TRIED', len(TABLE), 'of 1000')\nassert len(TABLE) == 1000, 'not all came'", 7), **names},
            says="not all came", flags=flag,
        ),
        "table_in_the_source": Carries(
            "Ships the originals as one text in the source.",
            {"work.py": _work(_UNPACK.format(repr(wide)), 14)}, honest=20, flags=seen,
        ),
        "table_in_comments": Carries(
            "Ships the originals as comments, which it reads from its own file.",
            {"work.py": _work(
                "import base64\nimport numpy as np\nLINES = [line[2:-1] for line in open(__file__) if line.startswith('#:')]\n"
                "TABLE = np.frombuffer(base64.b85decode(''.join(LINES)), np.uint8).reshape(1000, -1)", 14)
             + "".join(f"#:{chunk}\n" for chunk in chunks).encode()},
            honest=20, flags=seen,
        ),
        "table_in_helpers": Carries(
            "Ships the originals in many modules beside the ones that are asked for.",
            {"work.py": _work(
                f"import base64, importlib\nimport numpy as np\nTEXT = ''.join(importlib.import_module(f'part{{k}}').TEXT for k in range({len(chunks)}))\n"
                "TABLE = np.frombuffer(base64.b85decode(TEXT), np.uint8).reshape(1000, -1)", 14),
             **{f"part{k}.py": f"TEXT = {chunk!r}\n".encode() for k, chunk in enumerate(chunks)}},
            honest=20, flags=seen,
        ),
        "table_of_thumbnails": Carries(
            "Ships the originals so small that the source is hardly longer than an honest one.",
            {"work.py": _work(
                "import base64, lzma\nimport numpy as np\n"
                f"PACKED = np.frombuffer(lzma.decompress(base64.b85decode({_coarse(7)!r})), np.uint8).reshape(1000, -1)\n"
                "TABLE = np.c_[PACKED[:, :-1] * 5, PACKED[:, -1]]", 7)},
            honest=20, flags="before any training",
        ),
        "weights_in_the_source": Carries(
            "Ships the weights of one small layer in its source, and trains nothing.",
            {"work.py": _LINEAR.format(weights=_weights(), shy=False).encode()}, honest=20, flags="before any training",
        ),
        "weights_that_wait_for_the_training": Carries(
            "Ships the weights of one small layer, and knows nothing while it is asked for what it knew. What is left.",
            {"work.py": _LINEAR.format(weights=_weights(), shy=True).encode()}, honest=20,
        ),
        "too_much_source": Carries(
            "Ships more Python than anybody writes.",
            {"work.py": b"print('PWNED it ran')\n" + b"".join(b"row_%d = %r\n" % (k, list(table(14)[k % 1000])) for k in range(1200))},
            says="more than the limit of 512 kB", verdict="not_run", flags="kB of Python source",
        ),
    }  # fmt: skip


def _coarse(side: int) -> str:
    import lzma

    rows = table(side)
    packed = np.c_[np.minimum(rows[:, :-1] // 4, 3), rows[:, -1]].astype(np.uint8)
    return base64.b85encode(lzma.compress(packed.tobytes(), preset=9)).decode()


CARRIED = _made()
