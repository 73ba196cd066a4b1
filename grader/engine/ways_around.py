"""Ways to a module, or to any name, that reading the source cannot follow. Where something is forbidden, so are they."""

from __future__ import annotations

from typing import Final

WAYS_AROUND: Final = frozenset(
    {
        "__builtins__", "__import__", "builtins", "compile", "ctypes", "eval", "exec", "gc.get_objects", "gc.get_referrers",
        "gc.get_referents", "imp", "importlib", "inspect.currentframe", "inspect.stack", "pkgutil", "pydoc", "runpy",
        "sys.modules",
    }
)  # fmt: skip
#: What code written for Python 2 and 3 alike takes from `builtins`, as published course code does; it leads nowhere.
PLAIN_BUILTINS: Final = frozenset(
    {
        "abs", "ascii", "bytes", "chr", "dict", "filter", "hex", "input", "int", "list", "map", "max", "min", "next", "object",
        "oct", "open", "pow", "print", "range", "round", "str", "sum", "super", "zip",
    }
)  # fmt: skip
#: Attributes that lead to another module's names, by frames, functions, classes or built-in functions.
REACHING: Final = frozenset(
    {
        "__builtins__", "__globals__", "__import__", "__loader__", "__subclasses__", "_getframe", "ctypes", "f_back", "f_builtins",
        "f_globals", "tb_frame",
    }
)  # fmt: skip
#: Modules that run text or bytes as code: not to be imported where names are forbidden. (A forbidden package is not
#: there at all, so there they lead nowhere.)
IMPORTS_BEYOND_NAMES: Final = frozenset(
    {
        "_pickle", "bdb", "cloudpickle", "code", "codeop", "dill", "doctest", "joblib", "marshal", "pdb", "pickle",
        "shelve", "timeit", "trace", "zipimport",
    }
)  # fmt: skip
#: Names by which torch runs code from text or a file, or hides from whoever watches, and its parts that hold the same
#: layers once more: forbidden beside any other name.
BEYOND_NAMES: Final = (
    "numpy.testing.runstring",
    "types.FunctionType",
    "types.CodeType",
    "torch.ao",
    "torch.export",
    "torch.hub",
    "torch.jit",
    "torch.library",
    "torch.load",
    "torch.onnx",
    "torch.ops",
    "torch.overrides",
    "torch.package",
    "torch.quantization",
    "torch.utils.cpp_extension",
    "torch._C",
    "torch._VF",
    "torch._decomp",
    "torch._dynamo",
    "torch._higher_order_ops",
    "torch._inductor",
    "torch._ops",
    "torch._prims",
    "torch._refs",
    "DisableTorchFunction",
    "DisableTorchFunctionSubclass",
)
