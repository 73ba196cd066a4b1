"""Which objects running code changes in place, by the names that it has for them."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_Function = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
#: Methods that change their object and are called for nothing else.
_MUTATORS = frozenset(
    {
        "append", "extend", "insert", "update", "add", "setdefault", "pop", "popitem", "popleft", "remove", "discard", "clear",
        "sort", "reverse", "appendleft", "extendleft", "fill", "put", "register", "move_to_end", "difference_update",
        "send", "intersection_update", "load_state_dict", "register_buffer", "register_module", "requires_grad_", "__setitem__",
    }
)  # fmt: skip
#: Functions that change their first argument.
_CHANGING = frozenset(
    {
        "setattr", "delattr", "next", "shuffle", "heappush", "heappop", "heapify", "insort", "insort_left", "insort_right", "copyto",
        "fill_diagonal", "put", "place", "putmask", "put_along_axis",
    }
)  # fmt: skip
#: Methods whose result is their object, a part of it, or another view of it.
_VIEWS = frozenset(
    {
        "get", "setdefault", "items", "values", "view", "view_as", "reshape", "ravel", "transpose", "permute", "squeeze",
        "unsqueeze", "narrow", "select", "expand", "expand_as", "swapaxes", "flatten", "unflatten", "numpy", "detach",
        "contiguous", "parameters", "named_parameters", "buffers", "children", "modules", "named_modules", "named_children",
        "__getitem__",
    }
)  # fmt: skip
#: Functions whose result is, or holds, what they are given.
_KEEPING = frozenset(
    {
        "list", "tuple", "dict", "iter", "next", "reversed", "sorted", "enumerate", "zip", "vars", "getattr", "asarray",
        "from_numpy", "as_tensor", "atleast_1d", "atleast_2d", "broadcast_to", "SimpleNamespace", "chain",
    }
)  # fmt: skip
#: Functions by which code reaches names that it spells as text.
_BY_TEXT = frozenset({"globals", "locals", "vars", "eval", "exec"})

#: How many names one object is followed through.
_MOST_NAMES = 100


@dataclass(slots=True)
class Changes:
    """What some code does to objects while it runs.

    ``mutates`` are the names of objects that it changes, ``calls_on`` names of which it calls a method that sounds as
    if it changed them. ``calls`` are the functions that it calls, ``.name`` for methods, each with the names of its
    arguments. ``shares`` says which names' objects a name may stand for from here on, in order; ``spells`` are texts
    that may be names. ``running`` says that it calls something.
    """

    mutates: set[str] = field(default_factory=set)
    calls_on: set[str] = field(default_factory=set)
    calls: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    shares: list[tuple[str, frozenset[str]]] = field(default_factory=list)
    spells: set[str] = field(default_factory=set)
    running: bool = False

    @classmethod
    def of(cls, node: ast.AST, *, inside: bool = False) -> Changes:
        """What ``node`` does when it runs; with ``inside``, what the functions in it do as well."""
        found = cls()
        texts: set[str] = set()
        by_text = False
        for part in ast.walk(node) if inside else running_parts(node):
            found._note(part)
            by_text = by_text or (isinstance(part, ast.Name) and part.id in _BY_TEXT)
            if isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value.isidentifier():
                texts.add(part.value)
        if by_text:
            found.spells = texts
        return found

    def through(self, names: set[str], known: Mapping[str, frozenset[str]]) -> set[str]:
        """``names``, and all names of objects that these may stand for, here or by what is ``known`` from before."""
        here: dict[str, set[str]] = {}
        for name, others in self.shares:
            here.setdefault(name, set()).update(others)
        found = set(names)
        pending = list(names)
        while pending and len(found) < _MOST_NAMES:
            name = pending.pop()
            for other in {*here.get(name, ()), *known.get(name, ())} - found:
                found.add(other)
                pending.append(other)
        return found

    def _note(self, part: ast.AST) -> None:
        match part:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self.mutates |= set(_roots(target))
                    self._share(target, value)
            case ast.NamedExpr(target=target, value=value):
                self._share(target, value)
            case ast.AugAssign(target=target):
                # `v += 1` changes an array, and whatever it is a view of.
                self.mutates |= {target.id} if isinstance(target, ast.Name) else set(_roots(target))
            case ast.Delete(targets=targets):
                self.mutates |= {root for target in targets for root in _roots(target)}
            case ast.AnnAssign(target=target, value=value):
                self.mutates |= set(_roots(target))
                if value is not None:
                    self._share(target, value)
            case (
                ast.For(target=target, iter=source)
                | ast.comprehension(target=target, iter=source)
                | ast.withitem(context_expr=source, optional_vars=ast.expr() as target)
            ):
                self._loop(target, source)
            case ast.Call():
                self.running = True
                self._call(part)
            case ast.FunctionDef(decorator_list=decorators) | ast.AsyncFunctionDef(decorator_list=decorators):
                for decorator in decorators:
                    self._decorator(decorator, part)
            case ast.ClassDef(decorator_list=decorators, name=name, bases=bases):
                self.calls += [(_called(decorator), (name,)) for decorator in decorators]
                self.calls += [(".__init_subclass__", ("", name))] if bases else []

    def _share(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            self.shares.append((target.id, frozenset(_reached(value))))
        elif isinstance(target, ast.Starred):
            self._share(target.value, value)
        elif isinstance(target, ast.Tuple | ast.List):
            if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts):
                for one, other in zip(target.elts, value.elts, strict=True):
                    self._share(one, other)
            else:
                for one in target.elts:
                    self._share(one, value)

    def _loop(self, target: ast.expr, source: ast.expr) -> None:
        names = frozenset(node.id for node in ast.walk(source) if isinstance(node, ast.Name))
        self.shares += [(node.id, names) for node in ast.walk(target) if isinstance(node, ast.Name)]

    def _decorator(self, decorator: ast.expr, function: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.running = True
        if isinstance(decorator, ast.Call):
            self.mutates |= {arg.id for arg in decorator.args if isinstance(arg, ast.Name)}
            decorator = decorator.func
        else:
            self.calls.append((_called(decorator), (function.name,)))
        if isinstance(decorator, ast.Attribute) and decorator.attr in _MUTATORS and (root := _root(decorator)):
            self.mutates.add(root)
        # `@patch` of a function that begins `self: Layer` gives that class a method.
        first = next(iter((*function.args.posonlyargs, *function.args.args)), None)
        if first is not None and first.annotation is not None:
            note = first.annotation
            classes = note.elts if isinstance(note, ast.Tuple) else [note]
            self.calls_on |= {item.id for item in classes if isinstance(item, ast.Name)}

    def _call(self, call: ast.Call) -> None:
        function = call.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        in_place = name.endswith("_") and not name.endswith("__")
        if isinstance(function, ast.Attribute) and (name in _MUTATORS or in_place) and (root := _root(function)):
            self.calls_on.add(root)
        if call.args and (name in _CHANGING or in_place) and (root := _root(call.args[0])):
            self.mutates.add(root)
        self.mutates |= {root for item in call.keywords if item.arg == "out" and (root := _root(item.value))}
        args = tuple(_root(arg) or "" for arg in call.args)
        if isinstance(function, ast.Name):
            self.calls.append((name, args))
        elif isinstance(function, ast.Attribute):
            self.calls.append((f".{name}", (_root(function.value) or "", *args)))


def running_parts(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run with the statement: all but the bodies of functions."""
    pending = [node]
    while pending:
        part = pending.pop()
        yield part
        if isinstance(part, _Function):
            pending += part.args.defaults + [item for item in part.args.kw_defaults if item is not None]
            pending += getattr(part, "decorator_list", [])
        else:
            pending += ast.iter_child_nodes(part)


def _called(decorator: ast.expr) -> str:
    if isinstance(decorator, ast.Name):
        return decorator.id
    return f".{decorator.attr}" if isinstance(decorator, ast.Attribute) else ""


def _reached(value: ast.expr) -> Iterator[str]:
    """Names whose objects the value of ``value`` may be, hold, or be a part or another view of."""
    pending = [value]
    while pending:
        match pending.pop():
            case ast.Name(id=name):
                yield name
            case ast.Attribute(value=inner) | ast.Subscript(value=inner) | ast.Starred(value=inner):
                pending.append(inner)
            case ast.NamedExpr(value=inner):
                pending.append(inner)
            case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts) | ast.BoolOp(values=parts):
                pending += parts
            case ast.Dict(values=parts):
                pending += parts
            case ast.IfExp(body=body, orelse=orelse):
                pending += [body, orelse]
            case ast.ListComp(generators=generators) | ast.GeneratorExp(generators=generators):
                pending += [item.iter for item in generators]
            case ast.Call(func=ast.Attribute(value=inner, attr=name), args=args):
                if name in _VIEWS:
                    pending.append(inner)
                if name in _KEEPING:
                    pending += args
            case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords) if name in _KEEPING:
                pending += [*args, *(item.value for item in keywords)]


def _roots(target: ast.AST) -> Iterator[str]:
    """Names whose object an assignment to ``target`` changes: of attributes and items, not of plain names."""
    if isinstance(target, ast.Tuple | ast.List):
        for element in target.elts:
            yield from _roots(element)
    elif isinstance(target, ast.Attribute | ast.Subscript) and (root := _root(target)):
        yield root


def _root(node: ast.AST) -> str | None:
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None
