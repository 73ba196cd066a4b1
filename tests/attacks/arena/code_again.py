"""Ways to what a rule on names forbids, by way of its code: read again from torch's files, or run by another interpreter."""

from __future__ import annotations

from arena.ways import _OWN, _kernel

_QUANTIZABLE = "torch.ao.nn.quantizable.modules.rnn"


def _by_text(text: str, name: str) -> str:
    """cell.py with what ``text`` leaves under ``name`` as Core; numpy's test helpers run the text, so no rule reads it."""
    return (
        "import numpy as np\nimport torch\nfrom torch import nn\nbox = {'torch': torch}\nprint('TRIED')\n"
        f"getattr(np.testing, 'run' + 'string')({text!r}, box)\nCore = box[{name!r}]\n{_OWN}"
    )


_CODE = """
import importlib, marshal, sys, types
m = sys.modules["torch._decomp.decompositions"]
source = {0}
exec(source if isinstance(source, types.CodeType) else source[source.index("def lstm_cell("):].split("\\n\\n\\n")[0],
     {{"torch": torch, "Tensor": torch.Tensor, "F": torch.nn.functional}}, found := {{}})
cell = found["lstm_cell"]
class Core(torch.nn.LSTM):
    def forward(self, x):
        h = c = x.new_zeros(1, x.shape[1], self.hidden_size)
        v, w, b, b2 = self.parameters()
        out = []
        for step in x:
            h, c = cell(torch.nn.functional.linear(step, v, b)[None], h, c, w, b2, None, 1)
            out.append(h)
        return torch.cat(out), (h, c)
"""
_CHILD = """
import os, sys
try:
    child = os.posix_spawn(sys.executable, [sys.executable, "-c", "import torch; print('PWNED', torch.lstm)"], dict(os.environ))
    os.waitpid(child, 0)
except OSError as error:
    print(error)
Core = None
"""
_SHELL = """
import subprocess
for command in (["/bin/sh", "-c", "echo PWNED"], ["/bin/echo", "PWNED"]):
    try:
        print(subprocess.run(command, capture_output=True, text=True).stdout)
    except OSError as error:
        print(error)
Core = None
"""
_VMAP = """
f = torch.lstm_cell
def cell(x, h, c, *w):
    return torch.vmap(lambda a, b, d: tuple(t[0] for t in f(a[None], (b[None], d[None]), *w)))(x, h, c)
class Core(torch.nn.LSTM):
    def forward(self, x):
        h = c = x.new_zeros(x.shape[1], self.hidden_size)
        for step in x:
            h, c = cell(step, h, c, *self.parameters())
        return h[None].expand(len(x), -1, -1), (h, c)
"""
_ARGUMENTS = "(x, z, p, True, 1, 0.0, False, False, False)"
_TRACED = "import torch\ng = torch.jit.trace(lambda x, w: torch.lstm_cell(x, (x[:, :1], x[:, :1]), w, w[:, :1]), (torch.ones(2, 3), torch.ones(4, 3)))\nCore = g"
_TABLE = 'Core = lambda d, h: next(f for k, f in __import__("sys").modules["torch._decomp"].decomposition_table.items() if str(k) == "aten.lstm.input")'
_RESET = 'import torch.library as L\nlib = L.Library("aten", "IMPL")\nlib.impl("lstm.input", L.fallthrough_kernel, "CPU")\nlib.impl("lstm.input", L.fallthrough_kernel, "CompositeImplicitAutograd")\nfrom torch.nn import LSTM as Core'
_BELOW = f"""
def below(c):
    for s in type.__subclasses__(c):
        yield s
        yield from below(s)
Core = [s for s in below(torch.nn.Module) if s.__name__ == "LSTM" and s.__module__ == {_QUANTIZABLE!r}][0]
"""


def _layer(text: str) -> str:
    return _by_text(text, "Core")


AGAIN: dict[str, tuple[str, dict[str, str | bytes], str]] = {
    "cell_reloaded": ("A layer that torch writes in Python, its module loaded again.", {"cell.py": _layer(f"import importlib, sys\nCore = importlib.reload(sys.modules[{_QUANTIZABLE!r}]).LSTM")}, "TRIED"),
    "cell_loaded_afresh": ("The same, loaded beside the first.", {"cell.py": _layer(f"import importlib.util, sys\ns = sys.modules[{_QUANTIZABLE!r}].__spec__\nm = importlib.util.module_from_spec(s)\ns.loader.exec_module(m)\nCore = m.LSTM")}, "TRIED"),
    "cell_source_run": ("The source of a decomposition, run as text.", {"cell.py": _layer(_CODE.format("open(m.__file__).read()"))}, "TRIED"),
    "cell_source_of_lines": ("The same by what tracebacks read.", {"cell.py": _layer("import linecache\n" + _CODE.format('"".join(linecache.getlines(sys.modules["torch._decomp.decompositions"].__file__))'))}, "TRIED"),
    "cell_bytecode_run": ("Its bytecode, from the folder beside it.", {"cell.py": _layer(_CODE.format('marshal.loads(open(importlib.util.cache_from_source(m.__file__), "rb").read()[16:])'))}, "TRIED"),
    "cell_code_of_the_loader": ("Its code, from the module's loader.", {"cell.py": _layer(_CODE.format("m.__loader__.get_code(m.__name__)"))}, "TRIED"),
    "cell_source_by_proc": ("Its source by the root of process 1.", {"cell.py": _layer(_CODE.format('open("/proc/1/root" + m.__file__).read()'))}, "TRIED"),
    "cell_other_interpreter": ("torch's LSTM in an interpreter of its own.", {"cell.py": _layer(_CHILD)}, "Operation not permitted"),
    "cell_programs": ("A shell, where torch lacks a part.", {"cell.py": _layer(_SHELL)}, "Operation not permitted"),
    "cell_vmap": ("The kernel of a cell under vmap.", {"cell.py": _layer(_VMAP)}, "TRIED"),
    "cell_traced": ("The kernel of a cell, traced.", {"cell.py": _layer(_TRACED)}, "TRIED"),
    "cell_table": ("The kernel as the table of decompositions has it.", {"cell.py": _layer(_TABLE)}, "TRIED"),
    "cell_fallthrough": ("The operator that refuses passed over.", {"cell.py": _layer(_RESET)}, "TRIED"),
    "cell_below_module": ("A layer found among the classes below Module.", {"cell.py": _layer(_BELOW)}, "TRIED"),
    "cell_onnx": ("A layer by the parts of torch that export it.", {"cell.py": _kernel(f'getattr(getattr(torch, "on" + "nx")._internal.torchscript_exporter.symbolic_opset9, "ls" + "tm"){_ARGUMENTS}')}, "TRIED"),
    "cell_raw_call": ("The kernel by the dispatcher's own calls.", {"cell.py": _kernel(f'getattr(torch, "_" + "C")._jit_get_operation("aten::lstm")[0]{_ARGUMENTS}')}, "-"),
}  # fmt: skip
