"""What IPython allows in a cell and Python does not: magics, shell lines, help requests, indented cells, prompts."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

CELL_MAGIC = re.compile(r"\s*%%(?P<name>!|[\w-]+)(?P<rest>[^\n]*)(?:\n|$)")
_LINE_MAGIC = re.compile(r"(?P<indent>[ \t]*)(?:[%!?]|[\w.*%]+\?{1,2}[ \t]*$)")
_TIMED = re.compile(
    r"(?P<indent>[ \t]*)%{1,2}(?:time|prun|memit|mprun|lprun|snakeviz|pyinstrument)[ \t]+(?P<code>[A-Za-z_(\[].*)$"
)
_ASSIGNED = re.compile(r"(?P<head>[ \t]*[A-Za-z_][\w, \t]*=[ \t]*)(?P<kind>!|%(?=[A-Za-z]))")
_RUN = re.compile(
    r"(?P<indent>[ \t]*)%run[ \t]+(?:-[a-zA-Z][ \t]+)*['\"]?(?:\./)?(?P<path>[\w/]+)(?:\.py)?['\"]?[ \t]*(?:#.*)?$"
)
#: At the end of a star import that stands for a `%run` of a module.
RUN = "# %run"
_PROMPT = re.compile(r"^(?:>>>|\.\.\.|In \[\d+\]:|   \.\.\.:) ?")
_RUN_LOOP = b'__import__("asyncio").run('
#: Cell magics whose cell is no Python, or Python of another process, or keeps nothing of what it defines.
FOREIGN = frozenset(
    {
        "!", "sh", "bash", "zsh", "script", "sx", "system", "cmd", "powershell", "html", "HTML", "svg", "SVG", "latex", "markdown",
        "js", "javascript", "perl", "ruby", "R", "julia", "octave", "sql", "bigquery", "cython", "cuda", "cu", "cpp", "rust",
        "python", "python2", "python3", "pypy", "pypy3", "timeit", "skip", "false", "mermaid", "dot", "css", "ai",
    }
)  # fmt: skip


#: What IPython has beside Python's own names, as code that does nothing.
IPYTHON_NAMES = {
    "display": "def display(*objects, **options):\n    pass",
    "get_ipython": (
        "class get_ipython:  # IPython's own, of which nothing is here\n"
        "    def __getattr__(self, name):\n        return lambda *args, **kwargs: None"
    ),
}


def is_magic(line: str) -> bool:
    """True for a line that IPython takes and Python does not: a magic, a shell line, a request for help."""
    return _LINE_MAGIC.match(line) is not None or _ASSIGNED.match(line) is not None


def dedented(source: str) -> str:
    """``source`` without prompts, and without the indentation of its first line, which IPython takes from each line."""
    lines = source.split("\n")
    first = next((line for line in lines if line.strip()), "")
    if _PROMPT.match(first) and not first.startswith("..."):
        lines = [_PROMPT.sub("", line) for line in lines]
        first = next((line for line in lines if line.strip()), "")
    indent = first[: len(first) - len(first.lstrip(" \t"))]
    if indent:
        lines = [line.removeprefix(indent) for line in lines]
    return "\n".join(lines)


def neutralise(source: str) -> str:
    """``source`` with IPython's magics, shell lines and help requests as ``pass``; lines inside strings stay."""
    lines = source.split("\n")
    for index in _statement_lines(lines):
        line = lines[index]
        if timed := _TIMED.match(line):
            lines[index] = f"{timed['indent']}{timed['code']}"
        elif run := _RUN.match(line):
            lines[index] = f"{run['indent']}from {run['path'].strip('/').replace('/', '.')} import *  {RUN}"
        elif magic := _LINE_MAGIC.match(line):
            lines[index] = f"{magic['indent']}pass"
            while line.endswith("\\") and index + 1 < len(lines):  # a shell line that goes on
                index += 1  # noqa: PLW2901 - the generator has passed these lines over
                line, lines[index] = lines[index], ""
        elif assigned := _ASSIGNED.match(line):
            names = assigned["head"].rstrip(" \t=").split(",")
            value = "[]" if assigned["kind"] == "!" and len(names) == 1 else ", ".join(["None"] * len(names))
            lines[index] = f"{assigned['head']}{value}"
    return "\n".join(lines)


def driven(source: str, tree: ast.Module) -> str:
    """``source`` with ``await f(...)`` outside of functions as ``asyncio.run(f(...))``: a notebook has a loop, a module has none.

    Only where ``f`` is a name, and so most likely an ``async def`` of the notebook: ``asyncio.run`` takes nothing but a coroutine.
    """
    found: list[ast.Await] = []
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.Await) and isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Name):
            found.append(node)
        pending.extend(ast.iter_child_nodes(node))
    if not found:
        return source
    edits = [(node.lineno, node.col_offset, len("await"), _RUN_LOOP) for node in found]
    edits += [(node.end_lineno or 0, node.end_col_offset or 0, 0, b")") for node in found]
    lines = [line.encode() for line in source.split("\n")]
    for row, column, length, text in sorted(edits, reverse=True):  # what is replaced moves nothing that comes before it
        line = lines[row - 1]
        lines[row - 1] = line[:column] + text + line[column + length :]
    return b"\n".join(lines).decode()


def _statement_lines(lines: list[str]) -> Iterator[int]:
    """The indices of lines that begin a statement: outside of strings and brackets, after no backslash."""
    quote, depth, carried = "", 0, False
    for index, line in enumerate(lines):
        starts = not quote and depth == 0 and not carried
        if starts:
            magic = _LINE_MAGIC.match(line) or _ASSIGNED.match(line)
            ends = line.endswith("\\")
            yield index
            if magic:
                carried = ends
                continue
        elif carried and not quote and depth == 0 and not line:
            # A line that the caller has emptied.
            carried = False
            continue
        quote, depth = _scan(line, quote, depth)
        carried = not quote and line.endswith("\\")


def _scan(line: str, quote: str, depth: int) -> tuple[str, int]:
    """The open triple quote and the depth of brackets after ``line``."""
    position = 0
    while position < len(line):
        char = line[position]
        if quote:
            if char == "\\":
                position += 1
            elif line.startswith(quote, position):
                position += len(quote) - 1
                quote = ""
        elif char == "#":
            break
        elif char in "\"'":
            quote = char * 3 if line.startswith(char * 3, position) else char
            position += len(quote) - 1
        elif char in "([{":
            depth += 1
        elif char in ")]}":
            depth = max(depth - 1, 0)
        position += 1
    # A plain string ends with its line, whether it was closed or not.
    return (quote if len(quote) == 3 else ""), depth
