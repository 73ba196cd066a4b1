"""The contract between stub and student: names, and types of what is returned.

The solution has the stub's signatures, so its annotations say what each function returns. A value that breaks its
annotation is the student's mistake, told in the student's words, before a check can stumble over it.
"""

from __future__ import annotations

import ast
import copy
import difflib
import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from grader.engine.source_advice import kind_of
from grader.errors import UNREADABLE
from grader.remote_values import HasValue
from grader.sandbox.faults import ContractError, StudentError, StudentFault
from grader.text import counted

_ARRAYS = frozenset({"Tensor", "ndarray", "NDArray", "FloatTensor", "LongTensor", "ArrayLike"})


@dataclass(frozen=True, slots=True)
class Signature:
    """What the stub says of one name: its return annotation, or for a class those of its methods."""

    name: str
    module: str
    returns: ast.expr | None = None
    methods: Mapping[str, Signature] = field(default_factory=dict)
    is_class: bool = False
    arguments: ast.arguments | None = None

    def call(self) -> str:
        """How the stub has it called: ``softmax(x, dim=1)``, without annotations and ``self``."""
        return f"{self.name}({', '.join(_parameters(self.arguments)) if self.arguments else ''})"

    def argument(self, position: int) -> str:
        """The name of the argument in a position; a number in words where the stub does not say."""
        listed = [a.arg for a in (*self.arguments.posonlyargs, *self.arguments.args)] if self.arguments else []
        return f"`{listed[position]}`" if position < len(listed) else f"number {position + 1}"


def _parameters(arguments: ast.arguments) -> list[str]:
    """The parameters as text, with their defaults."""
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(plain) - len(arguments.defaults)) + list(arguments.defaults)
    found = [_parameter(a, default) for a, default in zip(plain, defaults, strict=True)]
    if arguments.vararg or arguments.kwonlyargs:
        found.append(f"*{arguments.vararg.arg if arguments.vararg else ''}")
    found += [_parameter(a, default) for a, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
    return [*found, f"**{arguments.kwarg.arg}"] if arguments.kwarg else found


def _parameter(argument: ast.arg, default: ast.expr | None) -> str:
    return argument.arg if default is None else f"{argument.arg}={ast.unparse(default)}"


def read_contract(sources: Mapping[str, str]) -> dict[str, Signature]:
    """Read the signatures of every top-level name; ``sources`` maps module names to Python text."""
    found: dict[str, Signature] = {}
    for module, text in sources.items():
        for node in ast.parse(text).body:
            for signature in _signatures(node, module):
                found.setdefault(signature.name, signature)
    return found


def _signatures(node: ast.stmt, module: str) -> list[Signature]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return [Signature(node.name, module, node.returns, arguments=node.args)]
        case ast.ClassDef():
            methods = {
                item.name: Signature(f"{node.name}.{item.name}", module, item.returns, arguments=_own(item))
                for item in node.body
                if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef))
            }
            start = methods.get("__init__")
            arguments = start.arguments if start else None
            return [Signature(node.name, module, methods=methods, is_class=True, arguments=arguments)]
        case ast.Assign():
            return [Signature(target.id, module) for target in node.targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [Signature(name, module)]
    return []


def _own(method: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.arguments:
    """The arguments of a method as its caller sees them: without ``self``."""
    arguments = copy.copy(method.args)
    static = any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in method.decorator_list)
    if not static and arguments.posonlyargs:
        arguments.posonlyargs = arguments.posonlyargs[1:]
    elif not static:
        arguments.args = arguments.args[1:]
    # A default of self itself would be odd; there may be no more defaults than arguments.
    count = len(arguments.posonlyargs) + len(arguments.args)
    arguments.defaults = arguments.defaults[max(0, len(arguments.defaults) - count) :]
    return arguments


#: What Python says where a call does not suit a signature.
_MISFIT = re.compile(
    r"missing \d+ required|takes (?:from )?\d+ (?:to \d+ )?positional|unexpected keyword|multiple values for|"
    r"takes no (?:keyword )?arguments|positional-only"
)


def misfit(error: StudentError, signature: Signature | None) -> StudentFault:
    """The error as the student should read it: a call that the stub's signature allows, and theirs does not.

    Anything else comes back as it is. An error from within the student's code has frames, and is left alone.
    """
    if signature is None or signature.arguments is None or error.frames or error.type_name != "TypeError":
        return error
    if not _MISFIT.search(error.text):
        return error
    renamed = re.search(r"unexpected keyword argument '(\w{1,60})'", error.text)
    tail = f" Was `{renamed[1]}` renamed?" if renamed else ""
    return ContractError(
        f"`{signature.name}` must take the arguments that the stub defines, `{signature.call()}`; yours does not: "
        f"{error.text[:200]}.{tail}"
    )


def not_defined(name: str, file: str, source: bytes | None) -> str:
    """The sentence for a name that a module lacks, with what it may have been called instead."""
    if kind := kind_of(source or b""):
        return f"`{file}` does not define `{name}`: it is {kind}, not a Python file."
    others = [other for other in defined_names(source) if other != name]
    near = difflib.get_close_matches(name, others, n=1, cutoff=0.75)
    hint = f" It defines `{near[0]}`; did you mean that? Keep the stub's names." if near else ""
    return f"`{file}` does not define `{name}`.{hint}"


@functools.lru_cache(maxsize=8)
def defined_names(source: bytes | None) -> list[str]:
    """The functions and classes that a module's source defines at its top; none where it does not parse."""
    try:
        body = ast.parse(source or b"").body
    except UNREADABLE:
        return []
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return [node.name[:80] for node in body if isinstance(node, kinds)][:500]


def fulfil(value: Any, signature: Signature | None) -> Any:
    """Give ``value`` back if it keeps the contract; a tuple with extra parts is cut to the promised length.

    Raises:
        ContractError: it does not; the message says what was promised and what came.
    """
    if signature is None or signature.returns is None:
        return value
    promised = _plain(signature.returns)
    if _parts(promised)[0] == "None":
        return value  # a function that should return nothing may return something
    cut = _cut(value, promised)
    if not _fits(cut, promised):
        came = describe(cut)
        raise ContractError(f"`{signature.name}` should return {_in_words(promised)}; it returned {came}.")
    return cut


def _plain(node: ast.expr) -> ast.expr:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        try:
            return ast.parse(node.value, mode="eval").body
        except SyntaxError:
            return node
    return node


def _parts(node: ast.expr) -> tuple[str, list[ast.expr]]:
    """Name and parameters of an annotation: ``tuple[int, float]`` gives ``("tuple", [int, float])``."""
    if isinstance(node, ast.Subscript):
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        return _parts(node.value)[0], list(inner)
    if isinstance(node, ast.Attribute):
        return node.attr, []
    if isinstance(node, ast.Name):
        return node.id, []
    if isinstance(node, ast.Constant) and node.value is None:
        return "None", []
    return "", []


def _is_fixed_tuple(name: str, inner: list[ast.expr]) -> bool:
    last = inner[-1] if inner else None
    return name in ("tuple", "Tuple") and bool(inner) and not (isinstance(last, ast.Constant) and last.value is ...)


def _cut(value: Any, node: ast.expr) -> Any:
    name, inner = _parts(node)
    if _is_fixed_tuple(name, inner) and isinstance(value, (tuple, list)) and len(value) >= len(inner):
        return tuple(value[: len(inner)])
    return value


def _fits(value: Any, node: ast.expr) -> bool:
    node = _plain(node)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _fits(value, node.left) or _fits(value, node.right)
    name, inner = _parts(node)
    if name in ("Union", "Optional"):
        return (name == "Optional" and value is None) or any(_fits(value, part) for part in inner)
    if _is_fixed_tuple(name, inner):
        return (
            isinstance(value, (tuple, list))
            and len(value) == len(inner)
            and all(_fits(part, want) for part, want in zip(value, inner, strict=True))
        )
    kind = _kind(value)
    if name in _ARRAYS:
        return kind == "array"
    if name in ("float", "int"):
        return kind == "number" or (kind == "array" and _size(value) == 1)
    if name == "bool":
        return kind in ("bool", "number") or (kind == "array" and _size(value) == 1)
    if name in ("tuple", "Tuple", "list", "List", "Sequence"):
        return isinstance(value, (tuple, list)) or kind in ("object", "array")
    if name in ("dict", "Dict", "Mapping"):
        return isinstance(value, dict) or kind == "object"
    if name == "str":
        return isinstance(value, str)
    if name == "None":
        return value is None
    if name[:1].isupper() and name not in ("Any", "Callable", "Iterator", "Iterable", "Generator", "Self"):
        return kind not in ("None", "number", "str", "bool")
    return True


def _size(value: Any) -> int:
    size = 1
    for length in value.shape:
        size *= int(length)
    return size


def _kind(value: Any) -> str:
    if value is None:
        return "None"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "str"
    if isinstance(value, (list, tuple, dict, bytes)):
        return type(value).__name__
    if hasattr(type(value), "shape") and hasattr(type(value), "dtype"):  # of the type: asking a handle asks the worker
        return "number" if isinstance(value, np.generic) else "array"
    return "object"


def describe(value: Any) -> str:
    """Name the type of a student's value, in the student's words."""
    if isinstance(value, HasValue):
        return "a Tensor"
    if isinstance(value, (tuple, list)):
        return f"a {'tuple' if isinstance(value, tuple) else 'list'} of {counted(len(value), 'value')}" + (
            f" ({', '.join(describe(part) for part in value)})" if 0 < len(value) <= 4 else ""
        )
    if value is None:
        return "None"
    kind = "dict" if isinstance(value, dict) else "ndarray" if isinstance(value, np.ndarray) else ""
    name = kind or getattr(value, "type_name", None) or type(value).__name__
    name = "numpy array" if name == "ndarray" else name  # a handle's name comes over the wire
    return f"{'an' if name[:1].lower() in 'aeio' else 'a'} {name}"


def _in_words(node: ast.expr) -> str:
    name, inner = _parts(node)
    if _is_fixed_tuple(name, inner):
        return f"a tuple of {counted(len(inner), 'value')} ({', '.join(_in_words(_plain(part)) for part in inner)})"
    if name in _ARRAYS:
        return "a Tensor" if "Tensor" in name else "a numpy array"
    text = ast.unparse(node)
    return f"{'an' if text[:1].lower() in 'aeio' else 'a'} {text}"
