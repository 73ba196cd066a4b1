"""Ways to what a rule forbids: torch in plain.py, torch's own LSTM in cell.py. One expression or two files each."""

from __future__ import annotations

import codecs
import zipfile
from io import BytesIO

_USES_TORCH = """

def normalise(x):
    return (lambda t: t / t.norm(dim=1, keepdim=True))(T.from_numpy(x)).numpy()
"""
_PLAIN = "import numpy as np\n\ndef normalise(x):\n    return np.zeros_like(x)\n"
_WITH_TORCH = (
    "import torch\n\ndef normalise(x):\n    return torch.nn.functional.normalize(torch.from_numpy(x)).numpy()\n"
)
_DEEP = "\nzero = 0\ndeep = " + "zero + " * 2_880 + "zero\n"


def _zipped() -> bytes:
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("lender.py", "import torch as T\n")
    return stream.getvalue()


def _lent(text: str) -> str:
    """plain.py with torch as T, however it was come by; it says that it tried."""
    return f"import numpy as np\nbox = {{}}\nprint('TRIED')\n{text}{_USES_TORCH}"


#: By name: the idea, the files, and what its output holds; "-" where it is not even run.
TO_TORCH: dict[str, tuple[str, dict[str, str | bytes], str]] = {
    "builtin_self": ("torch by the module that a built-in function belongs to.", {"plain.py": _lent('T = print.__self__.__import__("torch")')}, "-"),
    "builtin_dict": ("torch by the names of that module.", {"plain.py": _lent('T = vars(print.__self__)["__im" + "port__"]("torch")')}, "TRIED"),
    "sys_dict": ("sys.modules by the names of sys.", {"plain.py": _lent('import sys\nT = sys.__dict__["modules"]["torch"]')}, "-"),
    "sys_getattr": ("sys.modules by getattr.", {"plain.py": _lent('import sys\nT = getattr(sys, "modules")["torch"]')}, "-"),
    "sys_hidden_name": ("sys.modules by a name put together.", {"plain.py": _lent('import sys\nT = getattr(sys, "mod" + "ules")["torch"]')}, "TRIED"),
    "sys_of_threading": ("sys by another module that imports it.", {"plain.py": _lent('import threading\nT = threading._sys.modules["torch"]')}, "-"),
    "sys_of_os": ("sys by the names of os.", {"plain.py": _lent('import os\nT = os.__dict__["sys"].modules["torch"]')}, "-"),
    "globals_builtins": ("The built-in names by globals().", {"plain.py": _lent('B = globals()["__builtins__"]\nT = (B if isinstance(B, dict) else vars(B))["__import__"]("torch")')}, "-"),
    "pickle_in_python": ("torch by the pickle that is written in Python.", {"plain.py": _lent('import pickle\nclass T: from_numpy = staticmethod(pickle._loads(b"ctorch\\nfrom_numpy\\n."))')}, "TRIED"),
    "numpy_pickle": ("torch by an array of objects that numpy unpickles.", {"plain.py": _lent('import io\nstream = io.BytesIO()\nnp.lib.format.write_array_header_1_0(stream, {"descr": "|O", "fortran_order": False, "shape": ()})\nstream.write(b"cbuiltins\\nsetattr\\n(cnumpy\\nrandom\\nVlent\\nctorch\\nfrom_numpy\\ntR.")\nstream.seek(0)\ntry:\n    np.load(stream, allow_pickle=True)\nexcept AttributeError:\n    pass\nclass T: from_numpy = staticmethod(np.random.lent)')}, "TRIED"),
    "numpy_ctypes": ("The interpreter's own import by numpy's ctypes.", {"plain.py": _lent('c = getattr(np.ctypeslib, "c" + "types")\nf = c.pythonapi.PyImport_ImportModule\nf.restype, f.argtypes = c.py_object, [c.c_char_p]\nT = f(b"torch")')}, "TRIED"),
    "numpy_runstring": ("Text that numpy's test helpers run.", {"plain.py": _lent('np.testing.runstring("import torch as T", box)\nT = box["T"]')}, "TRIED"),
    "timeit": ("Text that timeit runs.", {"plain.py": _lent('import timeit\ntimeit.Timer("box[0] = __import__(\'torch\')", globals={"box": box}).timeit(1)\nT = box[0]')}, "TRIED"),
    "bdb": ("Text that the debugger's base runs.", {"plain.py": _lent('import bdb\nbdb.Bdb().run("import torch as T", box, box)\nT = box["T"]')}, "TRIED"),
    "type_hints": ("Text that typing evaluates.", {"plain.py": _lent('import typing\nclass A:\n    x: "box.setdefault(0, __import__(\'torch\')) and int"\ntyping.get_type_hints(A)\nT = box[0]')}, "TRIED"),
    "compiled": ("Text that is compiled and made a function.", {"plain.py": _lent('import types\nT = types.FunctionType(compile("__import__(\'torch\')", "x", "ev" + "al"), {})()')}, "-"),
    "marshalled": ("Code that marshal loads.", {"plain.py": _lent('import marshal, types\ncode = marshal.loads(marshal.dumps((lambda: 0).__code__.replace(co_consts=(None,), co_names=("torch",))))\nT = __builtins__')}, "-"),
    "zip_on_path": ("A module in an archive that is put on the path.", {"plain.py": _lent('import sys\nsys.path.insert(0, "box.zip")\nfrom lender import T'), "box.zip": _zipped()}, "TRIED"),
    "unittest_loader": ("A helper that nothing imports, by unittest's loader.", {"plain.py": _lent('import unittest\nT = unittest.defaultTestLoader.loadTestsFromName("lender") and __import__'), "lender.py": "import torch as T\n"}, "-"),
    "site_loader": ("A helper that nothing imports, by the loader of an import system's finder.", {"plain.py": _lent('import sys, os\nfinder = sys.path_hooks[-1](os.getcwd())\nT = finder.find_spec("lender").loader.load_module().T'), "lender.py": "import torch as T\n"}, "TRIED"),
    "finders_cleared": ("The finder that says there is no torch taken away.", {"plain.py": _lent('import sys\nsys.meta_path[:] = sys.meta_path[1:]\nnp.testing.runstring("import torch as T", box)\nT = box["T"]\nT.from_numpy')}, "TRIED"),
    "library_itself": ("torch's libraries loaded without Python.", {"plain.py": _lent('import glob, sys\nc = getattr(np.ctypeslib, "c" + "types")\n[c.CDLL(path) for path in glob.glob(sys.prefix + "/lib/python*/site-packages/torch/lib/*.so")][0]\nT = None')}, "TRIED"),
    "unmasked": ("The mask over torch's folder unmounted.", {"plain.py": _lent('import glob, sys\nc = getattr(np.ctypeslib, "c" + "types").CDLL(None)\nfor path in glob.glob(sys.prefix + "/lib/python*/site-packages/torch"):\n    print(c.umount2(path.encode(), 2))\nnp.testing.runstring("import torch as T", box)\nT = box["T"]\nT.from_numpy')}, "TRIED"),
    "proc_root": ("The root of another process.", {"plain.py": _lent('import glob, sys\nsys.path[:0] = glob.glob("/proc/*/root" + sys.prefix + "/lib/python*/site-packages")\nnp.testing.runstring("import torch as T", box)\nT = box["T"]\nT.from_numpy')}, "TRIED"),
    "helper_of_a_helper": ("torch by a helper that a helper imports.", {"plain.py": _lent("from one import T"), "one.py": "from two import T\n", "two.py": "import torch as T\n"}, "-"),
    "bytecode": ("A helper that is handed in as bytecode.", {"plain.py": _lent("from lender import T"), "lender.pyc": b"\xa7\r\r\n" + bytes(12) + b"N"}, "-"),
    "free_file_patches": ("A file that may use torch replaces what another one defines.", {"plain.py": _PLAIN, "work.py": "print('TRIED')\nimport torch, plain\nplain.normalise = lambda x: torch.nn.functional.normalize(torch.from_numpy(x)).numpy()\n"}, "TRIED"),
    "free_file_lends": ("A file that may use torch leaves it where another one finds it.", {"plain.py": "import numpy as np\n\ndef normalise(x):\n    return np.lent.nn.functional.normalize(np.lent.from_numpy(x)).numpy()\n", "work.py": "print('TRIED')\nimport numpy, torch\nnumpy.lent = torch\n"}, "TRIED"),
    "free_file_imported": ("torch by a file of the assignment that may use it.", {"plain.py": "print('TRIED')\nfrom work import normalise\n", "work.py": _WITH_TORCH}, "-"),
    "free_file_leaves_code": ("A file that may use torch writes the other one anew.", {"plain.py": _PLAIN, "work.py": f"print('TRIED')\nfrom pathlib import Path\nPath('plain.py').write_text({_WITH_TORCH!r})\n"}, "TRIED"),
    "deep_source": ("A sum so long that the runner, deep in its stack, cannot parse what the worker can.", {"plain.py": _WITH_TORCH + _DEEP}, "-"),
    "deep_helper": ("The same in a helper.", {"plain.py": "from lender import normalise\n", "lender.py": _WITH_TORCH + _DEEP}, "-"),
    "chains": ("Attributes of attributes, so that reading them takes for ever.", {"plain.py": "def f(a):\n" + (" a" + ".b" * 850 + "\n") * 250 + _PLAIN}, "-"),
    "chain_below_a_sum": ("A chain of attributes too long for a walk that recurses, below a long sum.", {"plain.py": "def f(a):\n return " + "a + " * 900 + "a" + ".b" * 1500 + "\n" + _PLAIN}, "-"),
}  # fmt: skip

_OWN = """

def lstm(x, v, w, b):
    T_, B, D = x.shape
    layer = Core(D, len(w) // 4)
    with torch.no_grad():
        for parameter, value in zip(layer.parameters(), (v, w, b, torch.zeros_like(b))):
            parameter.copy_(value)
    return layer(x)[0].detach()
"""
_WRONG = "import torch\n\ndef lstm(x, v, w, b):\n    return torch.zeros(x.shape[0], x.shape[1], w.shape[1])\n"


def _core(text: str) -> str:
    """cell.py with torch's layer as Core, however it was come by."""
    return f"import torch\nfrom torch import nn\nprint('TRIED')\n{text}{_OWN}"


def _kernel(call: str) -> str:
    """cell.py that calls torch's kernel: `call` with x, z = (h, c) and p, the list of parameters."""
    return (
        f"import torch\nfrom torch import nn\nprint('TRIED')\n\ndef lstm(x, v, w, b):\n"
        f"    z = [torch.zeros(1, x.shape[1], w.shape[1])] * 2\n    p = [v, w, b, torch.zeros_like(b)]\n    return ({call})[0]\n"
    )


_ARGUMENTS = "(x, z, p, True, 1, 0.0, False, False, False)"
_SCRIPT = "def f(x: Tensor, z: List[Tensor], p: List[Tensor]):\\n    return torch.lstm(x, z, p, True, 1, 0.0, False, False, False)"
TO_LSTM: dict[str, tuple[str, dict[str, str | bytes], str]] = {
    "cell_quantizable": ("torch's LSTM that is made to be quantised.", {"cell.py": _core("from torch.ao.nn.quantizable import LSTM as Core")}, "-"),
    "cell_getattr": ("torch's LSTM by getattr.", {"cell.py": _core('Core = getattr(nn, "LSTM")')}, "-"),
    "cell_getattr_hidden": ("torch's LSTM by getattr of a name put together.", {"cell.py": _core('Core = getattr(nn, "LS" + "TM")')}, "-"),
    "cell_vars": ("torch's LSTM by vars.", {"cell.py": _core('Core = vars(nn)["LSTM"]')}, "-"),
    "cell_vars_hidden": ("torch's LSTM by all that a module has.", {"cell.py": _core('Core = next(c for n, c in vars(nn).items() if n.lower() == "lstm")')}, "-"),
    "cell_dict": ("torch's LSTM by __dict__.", {"cell.py": _core('Core = nn.__dict__["LSTM"]')}, "-"),
    "cell_attrgetter": ("torch's LSTM by attrgetter.", {"cell.py": _core('import operator\nCore = operator.attrgetter("nn.LSTM")(torch)')}, "-"),
    "cell_attrgetter_hidden": ("torch's LSTM by attrgetter of a name put together.", {"cell.py": _core('import operator\nCore = operator.attrgetter("nn.LS" + "TM")(torch)')}, "TRIED"),
    "cell_assigned": ("torch's LSTM by a module under another name.", {"cell.py": _core("layers = torch.nn\nCore = layers.LSTM")}, "-"),
    "cell_module_of_a_class": ("torch's LSTM by the module of a class.", {"cell.py": _core('import inspect\nCore = dict(inspect.getmembers(inspect.getmodule(nn)))["LSTM"]')}, "TRIED"),
    "cell_subclasses": ("torch's LSTM by the classes below Module.", {"cell.py": _core('Core = [c for b in nn.Module.__subclasses__() for c in b.__subclasses__() if c.__name__ == "LSTM"][0]')}, "-"),
    "cell_dispatched": ("The kernel by torch.ops.", {"cell.py": _kernel(f'getattr(torch, "ops").aten.lstm.input{_ARGUMENTS}')}, "-"),
    "cell_dispatched_hidden": ("The kernel by a name put together.", {"cell.py": _kernel(f'getattr(torch, "ls" + "tm"){_ARGUMENTS}')}, "TRIED"),
    "cell_script": ("The kernel by TorchScript text.", {"cell.py": _kernel(f'torch.jit.CompilationUnit("{_SCRIPT}").f(x, z, p)')}, "-"),
    "cell_script_hidden": ("The kernel by TorchScript text, by a name put together.", {"cell.py": _kernel(f'getattr(torch, "j" + "it").CompilationUnit("{_SCRIPT}").f(x, z, p)')}, "TRIED"),
    "cell_decomposition": ("The kernel as torch's decompositions write it.", {"cell.py": _kernel(f"torch._decomp.decompositions.lstm_impl{_ARGUMENTS}")}, "-"),
    "cell_decomposition_hidden": ("The same by names put together.", {"cell.py": _kernel(f'getattr(getattr(torch, "_de" + "comp"), "decompositions").lstm_impl{_ARGUMENTS}')}, "TRIED"),
    "cell_unwatched": ("The kernel where torch functions are not watched.", {"cell.py": _core('D = getattr(torch, "_" + "C")\nclass Core(getattr(D._nn, "x", nn.Module)): pass\nCore = [c for c in (getattr(torch, "n" + "n").modules.rnn,)][0].LSTM')}, "-"),
    "cell_pickled": ("torch's LSTM by pickle.", {"cell.py": _core('import pickle\nCore = pickle.loads(b"ctorch.nn\\nLSTM\\n.")')}, "-"),
    "cell_numpy_text": ("torch's LSTM by text that numpy's test helpers run.", {"cell.py": _core('import numpy as np\nbox = {}\ngetattr(np.testing, "run" + "string")("from torch.nn import LSTM as Core", box)\nCore = box["Core"]')}, "TRIED"),
    "cell_restored": ("The kernel put back by torch.library, by hidden names.", {"cell.py": _core('import numpy as np\nbox = {}\ngetattr(np.testing, "run" + "string")("import torch.library as L; from torch.nn import LSTM as Core; lib = L.Library(\'aten\', \'IMPL\'); lib._destroy()", box)\nCore = box["Core"]')}, "TRIED"),
    "cell_free_file": ("torch's LSTM by a file of the assignment without a rule.", {"cell.py": _core("from work import Core"), "work.py": "from torch import nn\nclass Core(nn.LSTM): pass\n"}, "-"),
    "cell_free_file_unread": ("The same, by names that cannot be read.", {"cell.py": _core("from work import Core"), "work.py": 'import torch\nCore = getattr(torch, "n" + "n").modules\nfor part in ("rnn", "LSTM"):\n    Core = getattr(Core, part)\n'}, "TRIED"),
    "cell_free_file_patches": ("A file without a rule replaces what the file with one defines.", {"cell.py": _WRONG, "work.py": "print('TRIED')\nimport cell\n" + _core("Core = nn.LSTM") + "cell.lstm = lstm\n"}, "TRIED"),
    "cell_kernel_asked_for": ("The kernel that torch.library gives of an operator.", {"cell.py": _kernel('getattr(getattr(torch, "lib" + "rary"), "get_kernel")("aten::lstm.input", "CPU").call_boxed(getattr(torch, "_" + "C").DispatchKeySet(getattr(torch, "_" + "C").DispatchKey.CPU), x, z, p, True, 1, 0.0, False, False, False)')}, "TRIED"),
    "cell_matched": ("torch's LSTM by a pattern that takes an attribute.", {"cell.py": _core("match nn:\n    case object(LSTM=found):\n        Core = found")}, "TRIED"),
    "cell_annotated": ("torch's LSTM by an annotation that is put together.", {"cell.py": _core('import typing\nclass A:\n    x: "nn.LS" "TM"\nCore = typing.get_type_hints(A, globals())["x"]')}, "TRIED"),
    "cell_fullwidth": ("torch's LSTM by a name in fullwidth letters, which Python reads as plain ones.", {"cell.py": _core("Core = nn.\uff2c\uff33\uff34\uff2d")}, "-"),
    "cell_in_utf7": ("torch's LSTM by a name in an encoding that hides letters.", {"cell.py": ("# -*- coding: utf-7 -*-\n" + _core("Core = nn.+AEw-STM")).encode()}, "-"),
    "cell_text_of_a_data_file": ("torch's LSTM by text in a data file that a loader takes for source.", {"cell.py": _core('import numpy as np\nbox = {}\ngetattr(np.testing, "run" + "string")(open("part.txt").read(), box)\nCore = box["LSTM"]'), "part.txt": "from torch.nn import LSTM"}, "TRIED"),
    "cell_spelt_in_rot13": ("torch's LSTM in a file whose encoding is none of text.", {"cell.py": b"# -*- coding: rot13 -*-\n" + codecs.encode(_core("Core = nn.LSTM"), "rot13").encode()}, "-"),
    "cell_helper": ("torch's LSTM by a helper.", {"cell.py": _core("from lender import Core"), "lender.py": "from torch.nn import LSTM as Core\n"}, "-"),
}  # fmt: skip

WAYS = {**TO_TORCH, **TO_LSTM}
