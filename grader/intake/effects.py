"""What a call of a notebook's function does besides its result: objects and globals that it changes."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from grader.intake.changes import Changes

#: Functions that call functions that call functions: setting something up takes no more.
_DEEPEST = 8
_Definition = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(slots=True)
class Effect:
    """What a call does: parameters whose object it changes, by position; globals that it assigns, and that it changes."""

    parameters: tuple[str, ...] = ()
    local: set[str] = field(default_factory=set)
    alters: set[int] = field(default_factory=set)
    writes: set[str] = field(default_factory=set)
    changes: set[str] = field(default_factory=set)
    calls: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    @property
    def any(self) -> bool:
        """True where a call leaves something behind."""
        return bool(self.alters or self.writes or self.changes)


def effects_of(node: ast.stmt) -> Iterator[tuple[str, Effect]]:
    """The effects of the function ``node``, or of a class's methods, by the name under which code calls them."""
    if isinstance(node, _Definition):
        yield node.name, _effect(node)
    elif isinstance(node, ast.ClassDef):
        for child in node.body:
            if isinstance(child, _Definition):
                effect = _effect(child)
                yield f".{child.name}", effect
                if child.name == "__init__":
                    # A call of the class has no argument for `self`.
                    alters = {index - 1 for index in effect.alters if index}
                    yield node.name, replace(effect, parameters=effect.parameters[1:], alters=alters)


def spread(effects: Iterable[Effect], known: Mapping[str, Effect]) -> None:
    """Add to each of ``effects`` those of the functions that it calls, which ``known`` has by name."""
    calling = [effect for effect in effects if any(name in known for name, _ in effect.calls)]
    for _ in range(_DEEPEST):
        changed = False
        for effect in calling:
            before = (len(effect.alters), len(effect.writes), len(effect.changes))
            for function, args in effect.calls:
                inner = known.get(function)
                if inner is None or not inner.any:
                    continue
                effect.writes |= inner.writes
                effect.changes |= inner.changes
                for name in {args[index] for index in inner.alters if index < len(args)} - {""}:
                    if name in effect.parameters:
                        effect.alters.add(effect.parameters.index(name))
                    elif name not in effect.local:
                        effect.changes.add(name)
            changed = changed or before != (len(effect.alters), len(effect.writes), len(effect.changes))
        if not changed:
            return


def _effect(node: _Definition) -> Effect:
    parameters = tuple(arg.arg for arg in (*node.args.posonlyargs, *node.args.args))
    declared: set[str] = set()
    local = {arg.arg for arg in ast.walk(node.args) if isinstance(arg, ast.arg)}
    whole = ast.Module(node.body, [])
    for part in ast.walk(whole):  # functions inside, too: a decorator's wrapper sets the attribute
        match part:
            case ast.Global(names=names):
                declared |= set(names)
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                local.add(name)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                local.add(name)
    found = Changes.of(whole, inside=True)
    changed = found.through(found.mutates | found.calls_on, {})
    writes = {
        part.id
        for part in ast.walk(whole)
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store) and part.id in declared
    }
    alters = {index for index, name in enumerate(parameters) if name in changed}
    local -= declared
    return Effect(parameters, local, alters, writes, changed - local, found.calls)
