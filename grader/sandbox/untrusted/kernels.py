"""Recurrent layers of torch's own, taken out of a worker whose files are to build them by hand.

A rule on names is read in the source, and names can be hidden. What the names lead to cannot: every way to a fused
layer, from Python, TorchScript or a file, ends at an operator of torch's dispatcher. There the operators are replaced
by one that refuses. The original comes back only with the object that replaced it, to which nothing in Python refers.
Torch's layers that are written in Python lose their code, and the files with that code are empty to a worker
(:func:`written_files`), so that it cannot be read again.
"""

from __future__ import annotations

import ctypes
import importlib.util
import re
import sys
import warnings
from collections.abc import Collection, Iterator
from types import FunctionType, ModuleType
from typing import Any, NoReturn

#: What an operator of each kind is called, in whatever namespace.
_OPERATORS = {
    "lstm": re.compile(r"lstm|mkldnn_rnn_layer"),
    "gru": re.compile(r"gru"),
    "rnn": re.compile(r"rnn_tanh|rnn_relu"),
}
#: Those that serve all kinds; parameters are laid out by the last one, which computes nothing.
_SHARED = re.compile(r"_cudnn_rnn|miopen_rnn")
_LAYOUT = re.compile(r"flatten_weight")
_KEYS = ("CompositeImplicitAutograd", "CPU", "CUDA", "QuantizedCPU", "MkldnnCPU", "AutogradCPU", "AutogradCUDA")
#: Modules of torch and torchvision with the same layers in Python.
_WRITTEN = ("torch._decomp.decompositions", "torch.ao.nn.quantizable.modules.rnn", "torch.ao.nn.quantized.modules.rnn",
            "torch.ao.nn.quantized.dynamic.modules.rnn", "torchvision.models.optical_flow.raft")  # fmt: skip
_NAMES = {
    "lstm": re.compile(r"lstm", re.IGNORECASE),
    "gru": re.compile(r"gru(?!p)", re.IGNORECASE),
    "rnn": re.compile(r"rnn", re.IGNORECASE),
}


def refuse(kinds: Collection[str]) -> None:
    """Take torch's own layers of these kinds ("lstm", "gru", "rnn") out of this process, for good."""
    torch: Any = sys.modules.get("torch")
    if not kinds or torch is None:
        return
    with warnings.catch_warnings():  # of each operator that had a kernel, which is the point
        warnings.simplefilter("ignore")
        by_namespace: dict[str, list[str]] = {}
        for name in torch._C._dispatch_get_all_op_names():  # noqa: SLF001 - the only list there is
            if _is_refused(name, kinds):
                namespace, _, operator = name.partition("::")
                by_namespace.setdefault(namespace, []).append(operator)
        for namespace, operators in by_namespace.items():
            library = torch._C._dispatch_library("IMPL", namespace, "", __file__, 0)  # noqa: SLF001
            for operator in operators:
                for key in _KEYS:
                    library.impl(operator, key, _refused)
            # It lives on, and nothing in Python has it.
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(library))
    for module in _WRITTEN:
        if module in sys.modules:
            for function in _functions(sys.modules[module], kinds):
                _empty(function)


def written_files() -> list[str]:
    """The files of those layers that this process has read already: source, and bytecode where there is some."""
    found = []
    for module in _WRITTEN:
        source = getattr(sys.modules.get(module), "__file__", None)
        if source:
            found += [source, importlib.util.cache_from_source(source)]
    return found


def _is_refused(name: str, kinds: Collection[str]) -> bool:
    if _LAYOUT.search(name):
        return False
    if _SHARED.search(name):
        return len(kinds) == len(_OPERATORS)
    return any(_OPERATORS[kind].search(name) for kind in kinds)


def _refused(*_: Any, **__: Any) -> NoReturn:
    raise RuntimeError("This part is built by hand: torch's own recurrent layers do not run here.")


def _functions(module: ModuleType, kinds: Collection[str]) -> Iterator[FunctionType]:
    """The functions and methods of a module that compute a layer of these kinds."""
    for name, value in list(vars(module).items()):
        if not any(_NAMES[kind].search(name) for kind in kinds):
            continue
        if isinstance(value, FunctionType):
            yield value
        elif isinstance(value, type) and value.__module__ == module.__name__:
            yield from (vars(value)[name] for name in ("forward",) if isinstance(vars(value).get(name), FunctionType))


def _empty(function: FunctionType) -> None:
    """Take a function's code away, also from those that it wraps."""
    waiting, seen = [function], set()
    while waiting:
        here = waiting.pop()
        if id(here) in seen or not str(here.__module__).startswith("torch"):  # torchvision's as well
            continue
        seen.add(id(here))
        if here.__code__.co_freevars:
            cells = (cell.cell_contents for cell in here.__closure__ or ())
            waiting.extend(content for content in cells if isinstance(content, FunctionType))
        else:
            here.__code__ = _refused.__code__
