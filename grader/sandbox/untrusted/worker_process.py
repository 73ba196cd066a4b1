"""The untrusted side: runs inside a confined fork and serves the trusted side's requests on student code.

Nothing here is a verdict. A student may read and patch all of it, and gains nothing by it: whatever this process
answers is data, and is judged elsewhere. It imports the wire module, the standard library, numpy and torch alone.
"""

from __future__ import annotations

import builtins
import importlib.util
import itertools
import os
import socket
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from grader.sandbox.untrusted import cuda_on_cpu, first_use, kernels
from grader.sandbox.untrusted.absent import lenient_builtins
from grader.sandbox.untrusted.shadows import Shadows
from grader.sandbox.wire import (
    PREFIX,
    Encoder,
    HandleRef,
    TensorRef,
    WireError,
    WireLimits,
    check_prefix,
    frame,
    parse_header,
)
from grader.sandbox.wire import decode as wire_decode

_MAX_ITEMS = 20_000
_MAX_FRAMES = 12
#: The trusted side sends what authors write: class weights, whole data sets. It is bounded by their own machine.
_LIMITS = WireLimits(payload=1 << 30)


class _Server:
    def __init__(self, wire: socket.socket, root: str) -> None:
        self.wire = wire
        self.root = root
        self.folder = f"{root}/submission"
        self.objects: dict[int, Any] = {}
        self.numbers = itertools.count(1)
        self.modules: dict[str, str] = {}
        self.probes: ModuleType | None = None
        self.forbidden: dict[str, frozenset[str]] = {}
        self.absent: frozenset[str] = frozenset()  # modules that probes may name here, and not use
        self.no_gpu = os.environ.get("CUDA_VISIBLE_DEVICES") == ""
        self.operations: dict[str, Callable[..., Any]] = {
            "load": self.load,
            "lookup": self.lookup,
            "probe": self.probe,
            "call": lambda fn, args, kwargs: fn(*args, **kwargs),
            "method": lambda obj, name, args, kwargs: getattr(obj, name)(*args, **kwargs),
            "getattr": getattr,
            "hasattr": hasattr,
            "setattr": setattr,
            "getitem": lambda obj, key: obj[key],
            "setitem": lambda obj, key, value: obj.__setitem__(key, value),
            "len": len,
            "list": lambda obj: list(itertools.islice(iter(obj), _MAX_ITEMS)),
            "leaf": self.leaf,
            "fetch": lambda obj: obj.detach() if hasattr(obj, "detach") else obj,
            "same": lambda obj: obj,
            "seed": self.seed,
            "cuda_on_cpu": cuda_on_cpu.install,
        }

    # -- requests ----------------------------------------------------------------------------------------------

    def load(
        self,
        files: dict[str, bytes],
        modules: dict[str, str],
        forbidden: dict[str, list[str]],
        absent: Sequence[str] = (),
        kernels_refused: Sequence[str] = (),
    ) -> None:
        """Write the submission's files to the scratch folder; modules are imported when first looked up."""
        Path(self.folder).mkdir(exist_ok=True)
        for name, data in files.items():
            path = Path(self.folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        self.modules = modules
        self.forbidden = {file: frozenset(names) for file, names in forbidden.items()}
        self.absent = frozenset(absent)
        kernels.refuse(kernels_refused)
        os.chdir(self.folder)
        # At the end: a file named torch.py or json.py hides nothing of ours.
        sys.path.append(self.folder)
        if self.forbidden:
            self._block_imports()
        Shadows(self.folder, modules, self.module).install()

    def _block_imports(self) -> None:
        """Refuse forbidden imports. The trusted side has read the source already; this sees what that cannot."""
        original = builtins.__import__

        def checked(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:  # noqa: A002
            file = str((globals or {}).get("__file__") or "")
            if file.startswith(self.folder):
                names = self.forbidden.get(file[len(self.folder) + 1 :], self.forbidden.get("*", frozenset()))
                if name.partition(".")[0] in names:
                    raise ImportError(f"{name} may not be imported in {file[len(self.folder) + 1 :]}")
            return original(name, globals, locals, fromlist, level)

        builtins.__import__ = checked

    def module(self, name: str) -> ModuleType:
        """Import one of the submission's modules by its file, whatever else has its name."""
        if name in sys.modules and getattr(sys.modules[name], "__file__", "").startswith(self.folder):
            return sys.modules[name]
        path = f"{self.folder}/{self.modules[name]}"
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None or not Path(path).is_file():
            raise ModuleNotFoundError(f"{self.modules[name]} was not handed in")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            sys.modules.pop(name, None)
            raise
        return module

    def lookup(self, module: str, name: str | None) -> Any:
        """Give a module of the submission, or a name in one."""
        found = self.module(module)
        return found if name is None else getattr(found, name)

    def probe(self, source: str, name: str, modules: list[str]) -> Any:
        """Give a function of the author's probes, loading first the submission's ``modules``, then them."""
        # Never looked up by name: a submission could have put its own there.
        if self.probes is None:
            for module in modules:
                try:
                    self.module(module)
                except BaseException:  # noqa: BLE001, S112 - exit() too; the probe that needs it will say so
                    continue
            probes = ModuleType("_probes")
            probes.__file__ = f"{self.root}/probes.py"
            sys.modules["_probes"] = probes  # dataclasses and pickles of the author's look there
            loading = [True]
            if self.absent:
                # What is executed in here inherits them: the modules that probes import of grader.probes.
                probes.__dict__["__builtins__"] = lenient_builtins(self.absent, loading)
            exec(compile(source, probes.__file__, "exec"), probes.__dict__)  # noqa: S102 - the author's own code
            loading.clear()
            self.probes = probes
        return getattr(self.probes, name)

    def leaf(self, tensor: Any, requires_grad: bool) -> Any:
        return tensor.detach().requires_grad_(requires_grad)

    def seed(self, number: int) -> None:
        """Seed every generator that student code may draw from."""
        import random

        random.seed(number)
        if "numpy" in sys.modules:
            sys.modules["numpy"].random.seed(number % 2**32)
        if "torch" in sys.modules:
            torch = sys.modules["torch"]
            # Without a GPU, only one generator: for each other device torch keeps a formatted stack, 0.7 ms of work here.
            (torch.default_generator if self.no_gpu else torch).manual_seed(number)

    # -- the loop ----------------------------------------------------------------------------------------------

    def serve(self) -> None:
        while (request := self._receive()) is not None:
            header, payload = request
            try:
                parts = self._encode(header, self._run(header, payload))
            except BaseException as error:  # noqa: BLE001 - SystemExit and friends are answers too
                parts = frame({"id": header["id"], "error": self._describe(error)})
            for stream in (sys.stdout, sys.stderr):
                try:
                    stream.flush()
                except BaseException:  # noqa: BLE001, S112 - the student may have closed or replaced it
                    continue
            for part in parts:
                self.wire.sendall(part)

    def _run(self, header: dict[str, Any], payload: bytearray) -> Any:
        for number in header.get("drop", ()):
            self.objects.pop(number, None)
        args = wire_decode(header["args"], payload, _LIMITS, resolve=self._resolve)
        return self.operations[header["op"]](*args)

    def _resolve(self, ref: HandleRef | TensorRef) -> Any:
        number = ref.handle.id if isinstance(ref, TensorRef) else ref.id
        return self.objects[number]

    def _encode(self, header: dict[str, Any], value: Any) -> list[bytes | memoryview]:
        if not header.get("ref"):
            encoder = Encoder(handle=self._handle, keep_grad=header["op"] != "fetch")
            try:
                return frame({"id": header["id"], "value": encoder.encode(value)}, encoder)
            except (WireError, RecursionError):
                pass  # too deep, too large, cyclic or no valid text: it stays here
        return frame({"id": header["id"], "value": {"h": self._handle(value).id, "k": type(value).__name__[:200]}})

    def _handle(self, value: Any) -> HandleRef:
        number = next(self.numbers)
        self.objects[number] = value
        return HandleRef(number, type(value).__name__)

    def _receive(self) -> tuple[dict[str, Any], bytearray] | None:
        prefix = self._read(PREFIX.size)
        if prefix is None:
            return None
        header, payload = check_prefix(bytes(prefix), _LIMITS)
        raw, data = self._read(header), self._read(payload)
        return None if raw is None or data is None else (parse_header(raw), data)

    def _read(self, size: int) -> bytearray | None:
        data = bytearray(size)
        view = memoryview(data)
        while view:
            count = self.wire.recv_into(view)
            if not count:
                return None
            view = view[count:]
        return data

    def _describe(self, error: BaseException) -> dict[str, Any]:
        """Give an exception as data, with the frames that are the student's own."""
        try:
            text = str(error)[:4000]
        except BaseException:  # noqa: BLE001 - __str__ is the student's too
            text = "(its message cannot be shown)"
        if isinstance(error, SystemExit) and error.code is None:
            text = ""  # of a plain exit(), whose text would be "None"
        frames = []
        for entry in traceback.extract_tb(error.__traceback__):
            if entry.filename.startswith(self.folder):
                file = entry.filename[len(self.folder) + 1 :]
                frames.append([file, entry.lineno or 0, entry.name, (entry.line or "")[:300]])
        if isinstance(error, SyntaxError) and str(error.filename).startswith(self.folder):
            file = str(error.filename)[len(self.folder) + 1 :]
            frames.append([file, error.lineno or 0, "<module>", (error.text or "").strip()[:300]])
            text = f"{error.msg} ({_reader(str(error.msg))})"
        return {
            "type": type(error).__name__[:100],
            "text": text.encode("utf-8", "replace").decode(),
            "frames": frames[-_MAX_FRAMES:],
            "memory": isinstance(error, MemoryError) or "can't allocate memory" in text,
        }


def _reader(problem: str) -> str:
    """Which Python could not read a file, and what newer ones can of which this may be."""
    said = f"read by Python {sys.version_info.major}.{sys.version_info.minor}"
    if "f-string" in problem and sys.version_info < (3, 12):
        said += "; only Python 3.12 takes the outer quotes, backslashes and comments between the braces of an f-string"
    return said


def serve(fd: int, layers: list[str], root: str) -> None:
    """Serve requests on ``fd`` until the trusted side hangs up."""
    wire = socket.socket(fileno=fd)
    for name, number in (("stdout", 1), ("stderr", 2)):
        setattr(sys, name, os.fdopen(number, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False))
    first_use.warm_fork()
    for part in frame({"id": 0, "layers": layers}):
        wire.sendall(part)
    _Server(wire, root).serve()


def report_setup_failure(fd: int, text: str) -> None:
    """Tell the trusted side that this fork could not be confined, so that it must not be used."""
    try:
        wire = socket.socket(fileno=fd)
        for part in frame({"id": 0, "failed": text[:2000]}):
            wire.sendall(part)
    except OSError:
        return
