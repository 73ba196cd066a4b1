"""What torch has ready, taken out of a worker whose code is to build it by hand.

A rule on names is read in the source, and names can be hidden; what a probe watches can be hidden from it. What the
names lead to cannot: every way to it, from Python, TorchScript or a file, ends at an operator of torch's dispatcher.
There the operators are replaced by one that refuses. The original comes back only with the object that replaced it,
to which nothing in Python refers. What torch has once more in Python loses its code, and the files with that code are
empty to a worker (:func:`written_files`), so that it cannot be read again.
"""

from __future__ import annotations

import ctypes
import importlib.util
import linecache
import re
import sys
import warnings
from collections.abc import Callable, Collection, Iterator
from types import FunctionType, ModuleType
from typing import Any, NoReturn

#: Stands for all of autograd: operators then leave no graph, and nothing has a gradient.
AUTOGRAD = "autograd"
#: What the operators of torch's recurrent layers are called, in whatever namespace. Others are what they are called.
_OPERATORS = {
    "lstm": re.compile(r"lstm|mkldnn_rnn_layer"),
    "gru": re.compile(r"gru"),
    "rnn": re.compile(r"rnn_tanh|rnn_relu"),
}
#: Those that serve all kinds; parameters are laid out by the last one, which computes nothing.
_SHARED = re.compile(r"_cudnn_rnn|miopen_rnn")
_LAYOUT = re.compile(r"flatten_weight")
_KEYS = ("CompositeImplicitAutograd", "CPU", "CUDA", "QuantizedCPU", "MkldnnCPU", "AutogradCPU", "AutogradCUDA")
_AUTOGRAD_KEYS = ("Autograd", "AutogradCPU", "AutogradCUDA", "AutogradNestedTensor", "AutogradOther")
#: Modules of torch and torchvision that write operators and layers once more, in Python.
_WRITTEN = ("torch._decomp.decompositions", "torch._refs", "torch._refs.nn.functional", "torch._refs.special",
            "torch.ao.nn.quantizable.modules.rnn", "torch.ao.nn.quantized.modules.rnn",
            "torch.ao.nn.quantized.dynamic.modules.rnn", "torchvision.models.optical_flow.raft")  # fmt: skip
#: Reads some of these as source, at the first derivative that is taken forward.
_LATE_READER = "torch._decomp.decompositions_for_jvp"
_NAMES = {
    "lstm": re.compile(r"lstm", re.IGNORECASE),
    "gru": re.compile(r"gru(?!p)", re.IGNORECASE),
    "rnn": re.compile(r"rnn", re.IGNORECASE),
}


def refuse(kinds: Collection[str]) -> None:
    """Take what torch has ready of these kinds out of this process, for good.

    Args:
        kinds: "lstm", "gru" and "rnn" for its recurrent layers, "autograd" for gradients; any other text stands for the
            operators whose names hold it, as "softmax" for ``log_softmax``.
    """
    torch: Any = sys.modules.get("torch")
    if not kinds or torch is None:
        return
    with warnings.catch_warnings():  # of each operator that had a kernel, which is the point
        warnings.simplefilter("ignore")
        patterns = [_OPERATORS.get(kind) or re.compile(re.escape(kind)) for kind in kinds if kind != AUTOGRAD]
        shared = set(_OPERATORS) <= set(kinds)
        by_namespace: dict[str, list[str]] = {}
        for name in torch._C._dispatch_get_all_op_names():  # noqa: SLF001 - the only list there is
            if not _LAYOUT.search(name) and (
                shared if _SHARED.search(name) else any(pattern.search(name) for pattern in patterns)
            ):
                namespace, _, operator = name.partition("::")
                by_namespace.setdefault(namespace, []).append(operator)
        for namespace, operators in by_namespace.items():
            library = torch._C._dispatch_library("IMPL", namespace, "", __file__, 0)  # noqa: SLF001
            for operator in operators:
                refusing = _refusing(operator.partition(".")[0])
                for key in _KEYS:
                    library.impl(operator, key, refusing)
            _keep(library)
        if AUTOGRAD in kinds:
            _keep(_without_graph(torch))
    for module in _WRITTEN:
        if module in sys.modules:
            for function in _functions(sys.modules[module], [kind for kind in kinds if kind != AUTOGRAD]):
                _empty(function)


def _keep(library: object) -> None:
    """It lives on, and nothing in Python has it."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(library))


def _without_graph(torch: Any) -> object:
    """Let every operator pass by the kernel that notes how to go back."""
    library = torch._C._dispatch_library("IMPL", "aten", "", __file__, 0)  # noqa: SLF001
    past = sys.modules["torch.library"].fallthrough_kernel
    for name in torch._C._dispatch_get_all_op_names():  # noqa: SLF001
        if name.startswith("aten::") and torch._C._dispatch_has_kernel_for_dispatch_key(name, "Autograd"):  # noqa: SLF001
            for key in _AUTOGRAD_KEYS:
                library.impl(name.removeprefix("aten::"), key, past)
    found: object = library
    return found


def written_files() -> tuple[str, ...]:
    """The files of what torch has in Python that this process has read: source, and bytecode where there is some."""
    found = []
    if "torch" in sys.modules:
        importlib.import_module(_LATE_READER)
        linecache.clearcache()  # it keeps what was read
    for module in _WRITTEN:
        source = getattr(sys.modules.get(module), "__file__", None)
        if source:
            found += [source, importlib.util.cache_from_source(source)]
    return tuple(found)


def _refusing(operator: str) -> Callable[..., NoReturn]:
    """What stands in the place of an operator."""

    def refused(*_: Any, **__: Any) -> NoReturn:
        raise RuntimeError(f"This part is built by hand: torch's own `{operator}` does not run here.")

    return refused


def _refused(*_: Any, **__: Any) -> NoReturn:
    raise RuntimeError("This part is built by hand: what torch has ready for it does not run here.")


def _functions(module: ModuleType, kinds: Collection[str]) -> Iterator[FunctionType]:
    """The functions and methods of a module that compute what is of these kinds."""
    patterns = [_NAMES.get(kind) or re.compile(re.escape(kind)) for kind in kinds]
    for name, value in list(vars(module).items()):
        if not any(pattern.search(name) for pattern in patterns):
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
