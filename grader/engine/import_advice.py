"""Advice on what keeps a module from being imported: what the student's machine has and this one lacks."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Collection, Mapping
from pathlib import PurePosixPath

from grader.course.environment import describe_environment
from grader.engine.advice import advise
from grader.engine.contract import defined_names
from grader.engine.known_names import advise_module, advise_name
from grader.engine.source_advice import UNREADABLE_AS, advise_source
from grader.errors import UNREADABLE
from grader.python_source import bound_names, parse
from grader.sandbox.faults import StudentError

#: What all code outside of functions must bear.
ON_IMPORT = (
    "All code outside functions runs on import: put code that trains, tests or asks for input below "
    '`if __name__ == "__main__":`.'
)
_NO_MODULE = re.compile(r"No module named '(?P<name>[\w.]{1,80})'")
_IMPORTS = re.compile(r"^(?:from\s+(?P<source>[.\w]+)\s+import\s+(?P<names>.+)|import\s+(?P<module>[\w.]+).*)$")
_NETWORK = re.compile(
    r"URLError|name resolution|Name or service not known|no internet connection|Max retries exceeded|NameResolutionError|"
    r"getaddrinfo failed|Network is unreachable|You can use download=True|^(?:gaierror|ConnectionError|ConnectTimeout|HTTPError):"
)
_PATH = re.compile(r"No such file or directory: [rb]?(['\"])(?P<path>.+?)\1(?:$|\n| ->)")
_ABSOLUTE = re.compile(r"^(?:/|~|[A-Za-z]:[\\/]|\\\\)")


_NO_ARGUMENTS = "Your code is not run from a command line here, so there are no arguments to read."
#: What a machine that grades lacks: type of the exception, what its text holds, what the line holds, what to do.
_LACKS = (
    ("SystemExit", "", "parse_args", _NO_ARGUMENTS),
    ("IndexError", "", r"sys\.argv", _NO_ARGUMENTS),
    ("SystemExit", "", "", "This ends the program before it can be graded: delete it."),
    ("EOFError", "reading a line", "", "Nobody can type an answer while your code is graded: remove `input()`."),
    ("KeyError", "", r"\benviron\b", "Your machine's environment variables are not set here: use `os.environ.get(name, default)`."),
    ("TclError", "", "", "There is no screen where your code is graded: leave out what opens a window."),
    ("RuntimeError", "start a new process before the current process has finished", "", ""),
    (
        "CalledProcessError", r"\b(?:pip|conda|apt|apt-get|wget|curl|git)\b", "",
        "Your code is graded where nothing can be installed or downloaded: delete the line.",
    ),
    (
        "FileNotFoundError", "", r"\bsubprocess\b|\bPopen\(|\bcheck_(?:output|call)\(",
        "No other programs run where your code is graded: delete the line.",
    ),
)  # fmt: skip
_WRITABLE = "You can write files only beside your code and in `/tmp`."


def explain(error: StudentError, files: Mapping[str, bytes], *, asked: Collection[str] = (), file: str = "") -> str:
    """An exception as its student reads it, with what usually stands behind it.

    Args:
        error: what the student's code raised.
        files: what is graded, by name.
        asked: the files that the assignment asks for.
        file: the one that was being imported; "" for an exception in a function that was called.

    """
    advice = (
        advise_import(error, files, asked=asked, file=file) or _default_dtype(error, files) or advise(error.message)
    )
    return f"{error.for_student()}\n\n{advice}" if advice else error.for_student()


def _default_dtype(error: StudentError, files: Mapping[str, bytes]) -> str:
    """Where a clash of dtypes comes from, in code that changes the default for everything; empty elsewhere."""
    if not re.search(r"same dtype|expected scalar type|expected m1 and m2|dtype mismatch", error.text):
        return ""
    for file in sorted(files):
        lines = files[file].decode(errors="replace").splitlines() if file.endswith(".py") else []
        for number, line in enumerate(lines, start=1):
            if re.match(r"\s*torch\.set_default_(?:dtype|tensor_type)\(", line):
                return (
                    f"`{file}` changes the default dtype in line {number}, and with it every layer and tensor that is made afterwards: "
                    "delete the line, or give a `dtype` where you need another one."
                )
    return ""


def advise_import(
    error: StudentError, files: Mapping[str, bytes], *, asked: Collection[str] = (), file: str = ""
) -> str:
    """A sentence or two on what a machine or an import lacks; empty where there is nothing certain to say."""
    where = error.frames[-1].file if error.frames else file
    line = error.frames[-1].text.strip() if error.frames else ""
    on_import = bool(file) and (not error.frames or error.frames[0].function == "<module>")
    if error.type_name in UNREADABLE_AS or (file and not error.frames):
        return advise_source(error, where, files.get(where, b""))
    at_import = f" {ON_IMPORT}" if on_import else ""
    match error.type_name:
        case "ModuleNotFoundError":
            return _missing_module(error.text, line, files, asked)
        case "ImportError":
            return _import_error(error, line, files)
        case "NameError":
            number = error.frames[-1].line if error.frames else 0
            at_top = on_import and bool(error.frames) and error.frames[-1].function == "<module>"
            return advise_name(error.text, where, number, files, at_top=at_top)
        case "AssertionError" if on_import and line.startswith("assert"):
            return f"This is one of your own tests, and it fails here.{at_import}"
        case "NotImplementedError" if on_import:
            return f"This line runs on import, and comes to something that is not written yet.{at_import}"
    for kind, in_text, in_line, sentence in _LACKS:
        if kind == error.type_name and re.search(in_text, error.text) and re.search(in_line, line):
            return f"{sentence}{at_import}".strip()
    if _NETWORK.search(error.message):
        return (
            "Your code is graded without a network: hand in the files that it reads, build networks with `weights=None`, "
            f"and download nothing.{at_import}"
        )
    return _file_error(error, line, files, on_import=on_import)


def _missing_module(text: str, line: str, files: Mapping[str, bytes], asked: Collection[str]) -> str:
    found = _NO_MODULE.search(text)
    if found is None:
        return ""
    name = found["name"]
    top = name.partition(".")[0]
    imported = _IMPORTS.match(line)
    source = (imported["source"] or imported["module"] or "") if imported else ""
    modules = {PurePosixPath(file).stem: file for file in sorted(files, reverse=True) if file.endswith(".py")}
    if f"{top}.py" in asked and f"{top}.py" not in files:
        return f"`{top}.py` is missing from your submission: hand it in together with the others."
    if "google.colab" in source or (top == "google" and "colab" in line):
        return (
            "`google.colab` exists only on Colab: delete this import and everything that uses it (`drive.mount`, "
            "`files.upload`), and hand in the files that your code reads."
        )
    tail = source.rpartition(".")[2]
    names = imported["names"] if imported else None
    if "." in source and f"{tail}.py" in files and _defines(files[f"{tail}.py"], names):
        rest = f"from {tail} import {names}" if names else f"import {tail}"
        return f"Your files lie side by side, not in a package: write `{rest}`."
    if top in modules:  # in a folder
        package = PurePosixPath(modules[top]).parent.as_posix().replace("/", ".")
        return f"`{modules[top]}` is in a folder of your submission: write `from {package} import {top}`, or put it beside the others."
    if near := next((file for stem, file in modules.items() if stem.lower() == top.lower()), None):
        return f"Your submission has `{near}`: upper and lower case differ here. Write the name exactly like that."
    if book := next((file for file in sorted(files) if file.casefold() == f"{top}.ipynb".casefold()), None):
        return f"`{book}` is a notebook, and Python imports none: put what you need of it into a `.py` file, or into the same notebook."
    return advise_module(top)


def _defines(source: bytes, names: str | None) -> bool:
    """Whether a file has what is imported by ``names``, as the import has them; a package's module may share its name."""
    try:
        bound = {name for node in parse(source).body for name in bound_names(node)}
    except UNREADABLE:
        return False
    return names is None or bool(
        {"*", *bound} & {part.split()[0] for part in names.strip("()").split(",") if part.strip()}
    )


def _import_error(error: StudentError, line: str, files: Mapping[str, bytes]) -> str:
    text = error.text
    if "attempted relative import" in text:
        imported = _IMPORTS.match(line)
        source = (imported["source"] or "").lstrip(".") if imported else ""
        names = imported["names"] if imported else "..."
        plain = f"from {source} import {names}" if source else f"import {names}"
        return f"Your files lie side by side, not in a package: write `{plain}`, without the dot."
    if "Cannot load backend" in text:
        return "Your code is graded without a screen: leave `matplotlib.use(...)` out."
    found = re.search(
        r"cannot import name '(?P<name>\w{1,80})' from (?:partially initialized module )?'(?P<module>[\w.]{1,80})'",
        text,
    )
    if found is None:
        return ""
    name, module = found["name"], found["module"]
    if (own := f"{module}.py") in files:
        importing = [frame.file for frame in error.frames if frame.function == "<module>"]
        if own in importing:
            other = importing[-1]
            if own == other:
                return f"`{own}` imports itself: delete the line."
            return (
                f"`{own}` and `{other}` import each other, so one of them is not complete when the other needs it: move what both "
                "need into one of them, or import inside the function that uses it."
            )
        near = difflib.get_close_matches(name, defined_names(files[own]), n=1, cutoff=0.6)
        return f"`{own}` does not define `{name}`." + (f" It defines `{near[0]}`; did you mean that?" if near else "")
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names:
        return f"You are graded with Python {sys.version_info.major}.{sys.version_info.minor}, which has no `{module}.{name}`: it may belong to a different version."
    return f"`{module}` has no `{name}` in the version that is installed here ({describe_environment()})."


def _file_error(error: StudentError, line: str, files: Mapping[str, bytes], *, on_import: bool) -> str:
    """What to do about a path that is not there, or cannot be written to."""
    if error.type_name in ("PermissionError", "OSError") and re.search(r"Errno (?:13|30)\]", error.text):
        return _WRITABLE
    found = _PATH.search(error.text) if error.type_name in ("FileNotFoundError", "NotADirectoryError") else None
    if found is None:
        return ""
    path = found["path"]
    name = re.split(r"[\\/]", path.rstrip("\\/"))[-1]
    same = sorted(file for file in files if PurePosixPath(file).name == name)
    why = (
        "That path exists only on your machine."
        if _ABSOLUTE.match(path)
        else "Relative paths start in the folder of your files."
    )
    if "chdir" in line:
        return f"{why} Your code already runs in the folder of your files: delete the line."
    if re.search(r"open\(.*,\s*(?:mode\s*=\s*)?['\"][wax]|\b(?:save|savefig|savetxt|mkdir|makedirs)\(", line):
        return f"{why} {_WRITABLE}"
    if same and same != [path]:
        return f'{why} Your submission has `{same[0]}`: open `Path(__file__).parent / "{same[0]}"`.'
    rest = (
        f'If your code needs the file, hand it in beside the code, and open it as `Path(__file__).parent / "{name}"`.'
    )
    return (
        f"{why} Read no files on import. {rest}"
        if on_import
        else f"{why} Use the data that your functions are given. {rest}"
    )
