"""Names that code uses and does not define: what each of them is, and what to write."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Mapping

from grader.errors import UNREADABLE
from grader.python_source import bound_names, first_line, parse

#: Packages that only show or record how a run goes, and packages for Python 2, by what to do without them.
DISPENSABLE = {
    "tqdm": "It only shows progress: loop without it, `for x in xs` instead of `for x in tqdm(xs)`.",
    **dict.fromkeys(("past", "future", "six"), "It is for Python 2, and Python 3 does not need it: delete the import."),
    **dict.fromkeys(
        ("wandb", "tensorboard", "tensorboardX", "mlflow", "comet_ml", "torchsummary", "torchinfo", "torchviz", "ipywidgets", "IPython",
         "ipdb", "seaborn", "plotly"),
        "It shows or records what happens. Grading does not need it: import it where you use it, below "
        '`if __name__ == "__main__":`, or not at all.',
    ),
}  # fmt: skip
#: Packages by their names, none of which a student has written: they are not installed where they are missing.
PACKAGES = frozenset(
    {
        "tensorflow", "keras", "jax", "flax", "cv2", "d2l", "fastai", "torchtext", "torchaudio", "torchmetrics", "einops", "lightning",
        "pytorch_lightning", "skimage", "sklearn", "scipy", "pandas", "numba", "cupy", "transformers", "datasets", "timm", "kornia",
        "albumentations", "imageio", "h5py", "nltk", "spacy", "gym", "gymnasium", "optuna", "ray", "kagglehub", "kaggle", "gdown",
        "requests", "rich", "yaml", "networkx", "PIL", "matplotlib", "torchvision",
    }
)  # fmt: skip
#: Modules of Python 2, by what they are called now.
_RENAMED = {
    "cPickle": "import pickle", "urllib2": "import urllib.request", "StringIO": "from io import StringIO", "Queue": "import queue",
    "ConfigParser": "import configparser", "Tkinter": "import tkinter", "itertools.izip": "zip", "imp": "import importlib",
}  # fmt: skip
#: Packages that import notebooks, which are read without them.
_IMPORTERS = frozenset({"import_ipynb", "nbimporter", "importnb", "ipynb"})
ALIASES = {
    "np": "import numpy as np", "plt": "import matplotlib.pyplot as plt", "torch": "import torch", "nn": "from torch import nn",
    "F": "import torch.nn.functional as F", "optim": "from torch import optim", "math": "import math", "random": "import random",
    "pd": "import pandas as pd", "Tensor": "from torch import Tensor", "torchvision": "import torchvision",
    "transforms": "from torchvision import transforms", "Path": "from pathlib import Path",
    **dict.fromkeys(("DataLoader", "Dataset", "TensorDataset", "Subset", "random_split"), "from torch.utils.data import {}"),
    **dict.fromkeys(("partial", "reduce", "lru_cache", "wraps", "cached_property"), "from functools import {}"),
    **dict.fromkeys(("defaultdict", "Counter", "OrderedDict", "deque", "namedtuple"), "from collections import {}"),
    **dict.fromkeys(("dataclass", "field"), "from dataclasses import {}"),
    **dict.fromkeys(
        ("List", "Dict", "Tuple", "Set", "Optional", "Union", "Any", "Callable", "Iterable", "Iterator", "Sequence", "Literal",
         "NamedTuple", "TypeVar"),
        "from typing import {}",
    ),
    **dict.fromkeys(
        ("os", "sys", "time", "copy", "json", "re", "pickle", "itertools", "functools", "collections", "warnings", "string", "glob", "csv"),
        "import {}",
    ),
}  # fmt: skip
#: What Python 2 had, by what Python 3 has in its place.
_OF_PYTHON_2 = {
    "xrange": "range", "unicode": "str", "basestring": "str", "long": "int", "unichr": "chr", "izip": "zip", "imap": "map",
    "reload": "importlib.reload", "execfile": "exec(open(...).read())",
}  # fmt: skip
_OF_JSON = {"null": "None", "true": "True", "false": "False"}


def advise_module(top: str) -> str:
    """What to do about a module that is not there, by the first part of its name."""
    if top in DISPENSABLE:
        return DISPENSABLE[top]
    if top in _RENAMED:
        return f"`{top}` is of Python 2: write `{_RENAMED[top]}`."
    if top in _IMPORTERS:
        return "Notebooks that you hand in are read together: delete this import, and what it imports from a notebook."
    if top in PACKAGES:
        return "This package is not installed where you are graded: do without it, or ask the course's staff to have it installed."
    return (
        "If it is your own file, hand it in together with the others. If it is a package, do without it, or ask the course's "
        "staff to have it installed where they grade."
    )


def advise_name(text: str, file: str, line: int, files: Mapping[str, bytes], *, at_top: bool) -> str:
    """What to do about a name that is not defined; empty where there is nothing certain to say.

    Args:
        text: the text of the NameError.
        file: the file that uses the name.
        line: where in it.
        files: what is graded, by name.
        at_top: whether the line stands outside of functions, and ran while ``file`` was imported.

    """
    found = re.search(r"name '(\w{1,80})' is not defined", text)
    if found is None:
        return ""
    name = found[1]
    own = _bound(files.get(file, b""))
    if at_top and own.get(name, 0) > line:
        return f"`{file}` runs from top to bottom, and `{name}` is defined further down, in line {own[name]}: move this line below it."
    for other in sorted(files):
        stem = other.removesuffix(".py")
        if other not in (file, stem) and stem.isidentifier() and name in _bound(files[other]):
            return f"`{name}` is defined in `{other}`, and this file does not import it: `from {stem} import {name}`."
    if name in ("get_ipython", "display"):
        return f"`{name}` exists only in notebooks: delete the line. Grading needs no magics, and nothing can be installed here."
    if name in ALIASES:
        return f"This file uses `{name}` but does not import it: `{ALIASES[name].format(name)}`."
    if name in _OF_JSON:
        return f"`{name}` is JSON; Python writes `{_OF_JSON[name]}`."
    if name == "raw_input":
        return "`raw_input` is of Python 2, and nobody can type an answer while your code is graded: delete it."
    if name in _OF_PYTHON_2:
        return f"`{name}` is of Python 2; in Python 3 it is `{_OF_PYTHON_2[name]}`."
    near = difflib.get_close_matches(name, [other for other in own if len(other) > 3], n=1, cutoff=0.85)
    return f"`{file}` defines `{near[0]}`; is that what is meant?" if near else ""


def _bound(source: bytes) -> dict[str, int]:
    """The names that a module defines itself at its top, each with the line of the first definition."""
    try:
        body = parse(source).body
    except UNREADABLE:
        return {}
    found: dict[str, int] = {}
    for node in body:
        for name in bound_names(node) if not isinstance(node, ast.Import | ast.ImportFrom) else ():
            found.setdefault(name, first_line(node))
    return found
