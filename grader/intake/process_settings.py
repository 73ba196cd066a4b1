"""Calls that set something for the whole process: random seeds, torch's default dtype, where modules are looked for.

They bind no name, and code that names nothing of them does something else without them.
"""

from __future__ import annotations

import ast

#: By what they are called on. A default device is left out: a notebook's GPU is not the grader's.
_SETTERS = {
    "random": frozenset({"seed"}),
    "torch": frozenset(
        {"manual_seed", "seed", "set_default_dtype", "set_float32_matmul_precision", "set_flush_denormal"}
    ),
    "np": frozenset({"seterr"}),
    "numpy": frozenset({"seterr"}),
    "sys": frozenset({"setrecursionlimit"}),
    "cuda": frozenset({"manual_seed", "manual_seed_all"}),
}
_PATH_METHODS = frozenset({"append", "insert", "extend"})


def sets_up(node: ast.stmt) -> bool:
    """True for a statement that is such a call, of values that are the same everywhere.

    Of `sys.path`, only folders of the submission count: others exist on the student's machine alone.
    """
    match node:
        case ast.Expr(
            value=ast.Call(
                func=ast.Attribute(value=ast.Attribute(value=ast.Name(id="sys"), attr="path"), attr=method), args=args
            )
        ):
            places = [part.value for arg in args for part in ast.walk(arg) if isinstance(part, ast.Constant)]
            texts = [place for place in places if isinstance(place, str)]
            plain = not any(isinstance(part, ast.Name | ast.Call) for arg in args for part in ast.walk(arg))
            return (
                method in _PATH_METHODS
                and plain
                and bool(texts)
                and not any(text.startswith(("/", "~")) or ":" in text for text in texts)
            )
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=owner, attr=method), args=args, keywords=keywords)):
            name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
            # What it is given must be known without a run: a constant, an attribute such as `torch.float64`.
            parts = [part for value in (*args, *(item.value for item in keywords)) for part in ast.walk(value)]
            return method in _SETTERS.get(name, ()) and not any(
                isinstance(part, ast.Call | ast.Await) for part in parts
            )
    return False
