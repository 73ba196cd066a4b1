"""Contract coverage: each promise of a stub is broken in the solution, one at a time, and some check must notice.

What a stub promises is read from its signature and its docstring:

* an argument is honoured: its default is put in its place, or, where it has none and is a plain number, text or truth value,
  what the first call was given;
* an argument is left alone: it is written to when the call is over;
* the result is an int, or has the dtype that the docstring names: it is given another;
* the result can be followed by autograd, or has no graph: it is cut off, or given one.

A promise that no check notices is a sentence that a student may break for full points: ask for it, or take it out of the stub.
Nothing runs here: this is source to source, and the standard library alone.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterator, Sequence

from grader.validation.mutation import Mutant

OPERATOR = "contract"

_PLAIN = frozenset({"int", "float", "bool", "str"})
_HOLDS_DATA = re.compile(r"Tensor|ndarray|list\[|dict\[|Sample")
_ALONE = re.compile(
    r"\b(?:is|are|it|they|them|itself) left as|left as it was|left alone|as (?:it was|they were)\b|no function changes"
    r"|(?:handed in|given|arguments|inputs) stay as they are|return(?:s)? (?:a )?new|new tensors|leave the old|writes into none|overwrite",
    re.IGNORECASE,
)
_DTYPES = re.compile(r"\b(?:u?int(?:8|16|32|64)|float(?:16|32|64)|dtype|bool)\b")
_FOLLOWED = re.compile(
    r"gradients? (?:can )?flow|connected|autograd (?:can|could|sees|finds|follows)|ready for ``backward|can learn from it",
    re.IGNORECASE,
)
_CUT = re.compile(r"without (?:building )?(?:a|any) graph|no graph|plain number|number without", re.IGNORECASE)

#: What breaks a promise, put in front of the first definition. It leaves signatures as they are, and imports what every
#: solution may import.
_HELPER = """
def _promise_broken(kind, name="", value=None):
    from functools import wraps

    kept = []

    def spoil(given):
        if hasattr(given, "detach"):
            plain = given.detach()
            plain.logical_not_() if "bool" in str(plain.dtype) else plain.add_(1)
        elif hasattr(given, "dtype"):
            given[...] = ~given if given.dtype == bool else given + 1
        elif isinstance(given, dict):
            for part in given.values():
                spoil(part)
        elif isinstance(given, list) and given:
            spoil(given[0])
            given.append(given[0])

    def other(found):
        if isinstance(found, (tuple, list)):
            return type(found)(other(part) for part in found)
        if isinstance(found, dict):
            return {key: other(part) for key, part in found.items()}
        if hasattr(found, "detach"):
            if kind == "detached":
                return found.detach()
            if kind == "with a graph":
                return found + found.detach().double().sum().requires_grad_() * 0 if found.is_floating_point() else found
            if "bool" in str(found.dtype):
                return found.byte()
            return (found.float() if "64" in str(found.dtype) else found.double()) if found.is_floating_point() else (
                found.int() if "64" in str(found.dtype) else found.long()
            )
        if hasattr(found, "astype") and kind == "dtype":
            return found.astype({"float64": "float32", "float32": "float64", "int64": "int32", "bool": "uint8"}.get(str(found.dtype), "int64"))
        if kind == "a float" and isinstance(found, int):
            return float(found)
        torch = globals().get("torch")  # not imported here: it may be forbidden
        if kind == "with a graph" and isinstance(found, float) and torch:
            return torch.tensor(found, requires_grad=True) * 1
        return found

    def wrap(function):
        code = function.__code__
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]

        @wraps(function)
        def broken(*args, **kwargs):
            at = names.index(name) if name else 0
            given = args[at] if at < len(args) and name else kwargs.get(name)
            if kind in ("default", "first"):
                put = value if kind == "default" else given
                if kind == "first":
                    kept.append(given)
                    put = kept[0]
                if at < len(args):
                    args = (*args[:at], put, *args[at + 1 :])
                elif kind == "default" or name in kwargs:
                    kwargs = {**kwargs, name: put}
            found = function(*args, **kwargs)
            if kind == "written to":
                try:
                    spoil(given)
                except (RuntimeError, ValueError, TypeError):
                    pass  # read-only, or expanded: nobody could have written to it
            return other(found) if kind in ("dtype", "detached", "with a graph", "a float") else found

        return broken

    return wrap

"""


def make_clauses(source: str, file: str, regions: Sequence[tuple[int, int]]) -> tuple[Mutant, ...]:
    """The promises of a module's graded functions, each as the module with this one broken.

    Args:
        source: text of the solved module.
        file: its name.
        regions: first and last line of each part that students write, counted from 1.

    """
    tree = ast.parse(source)
    about = ast.get_docstring(tree) or ""
    found = []
    for owner, node, docs in _functions(tree):
        if not any(first <= (node.end_lineno or 0) and node.lineno <= last for first, last in regions):
            continue
        function = f"{owner}.{node.name}".lstrip(".")
        for words, broken in _promises(node, docs, about):
            key = hashlib.sha256(f"{OPERATOR}\n{file}\n{function}\n{words}".encode()).hexdigest()[:10]
            made = _with_decorator(source, tree, node, broken)
            found.append(Mutant(key, file, function, node.lineno, OPERATOR, words, made, (key,)))
    return tuple(found)


def _functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef, str]]:
    """Functions and methods with what their stub says of them; a class says what its constructor takes."""
    for item in tree.body:
        if isinstance(item, ast.FunctionDef):
            yield "", item, ast.get_docstring(item) or ""
        elif isinstance(item, ast.ClassDef):
            for part in item.body:
                if isinstance(part, ast.FunctionDef):
                    docs = ast.get_docstring(part) or ""
                    if part.name == "__init__":
                        docs += "\n" + (ast.get_docstring(item) or "")
                    yield item.name, part, docs


def _promises(node: ast.FunctionDef, docs: str, about: str) -> Iterator[tuple[str, str]]:
    """Each promise in words, and the decorator that breaks it."""
    if not docs or (node.name.startswith("_") and node.name not in ("__init__", "__call__", "__getitem__")):
        return
    arguments = [*node.args.posonlyargs, *node.args.args]
    defaults: list[ast.expr | None] = [None] * (len(arguments) - len(node.args.defaults)) + list(node.args.defaults)
    pairs = [*zip(arguments, defaults, strict=True), *zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)]
    alone = bool(_ALONE.search(docs) or _ALONE.search(about))
    for argument, default in pairs:
        name, kind = argument.arg, ast.unparse(argument.annotation) if argument.annotation else ""
        if name in ("self", "cls", "ctx", "verbose"):
            continue
        if default is not None:
            yield (
                f"`{name}` is honoured, not {ast.unparse(default)} in its place",
                f'"default", "{name}", {ast.unparse(default)}',
            )
        elif kind in _PLAIN:
            yield f"`{name}` is honoured at every call", f'"first", "{name}"'
        if alone and _HOLDS_DATA.search(kind) and not kind.startswith("Callable"):
            yield f"`{name}` is left as it was", f'"written to", "{name}"'
    returns = ast.unparse(node.returns) if node.returns else ""
    says = docs.partition("Returns:")[2] or docs.partition("Args:")[0]
    if returns == "int":
        yield "the result is an int", '"a float"'
    elif _DTYPES.search(says) and re.search("Tensor|ndarray|Sample", returns):
        yield "the result has its dtype", '"dtype"'
    if _CUT.search(docs) and re.search("Tensor|float", returns) and "int64" not in says:  # whole numbers have none
        yield "the result has no graph", '"with a graph"'
    elif _FOLLOWED.search(docs) and "Tensor" in returns:
        yield "autograd can follow the result", '"detached"'


def _with_decorator(source: str, tree: ast.Module, node: ast.FunctionDef, broken: str) -> str:
    """The module with the helper in front of its definitions, and ``node`` wrapped by it, inside of other decorators."""
    lines = source.split("\n")
    indent = " " * node.col_offset
    at = node.lineno - 1
    lines.insert(at, f"{indent}@_promise_broken({broken})")
    imports = [item.end_lineno or 0 for item in tree.body if isinstance(item, (ast.Import, ast.ImportFrom))]
    first = min(_first_line(item) for item in tree.body if isinstance(item, (ast.FunctionDef, ast.ClassDef)))
    below = max((line for line in imports if line < first), default=first - 1)
    return "\n".join([*lines[:below], _HELPER, *lines[below:]])


def _first_line(item: ast.FunctionDef | ast.ClassDef) -> int:
    return min([item.lineno, *(decorator.lineno for decorator in item.decorator_list)])
