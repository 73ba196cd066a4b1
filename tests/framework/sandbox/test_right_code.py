"""Right code that expects more of a machine than a worker is: it runs, and where it cannot, the message says why."""

from __future__ import annotations

import re
import sys
import sysconfig

import pytest
import torch

from grader.sandbox.faults import StudentError
from grader.sandbox.trusted.wording import hide_paths, reword
from tests.framework.sandbox.test_sandbox import SMALL, Box, layers, need, zygote  # noqa: F401 - fixtures
from tests.support import below_tmp

pytestmark = [pytest.mark.runner, pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux only")]

#: What each module gives as RESULT, and the source that gets there on a student's machine.
RIGHT = {
    "compile": (
        6.0,
        """
import torch
@torch.compile
def twice(x): return 2 * x
@torch.compile(fullgraph=True, dynamic=False)
def once(x): return x
class Net(torch.nn.Module):
    @torch.compile
    def forward(self, x): return twice(once(x))
net = torch.compile(Net(), mode="reduce-overhead")
net.compile()
RESULT = float(net(torch.ones(3)).sum())
""",
    ),
    "pool": (
        [0, 1, 4],
        """
import multiprocessing
def square(x): return x * x
with multiprocessing.Pool(2) as pool:
    RESULT = pool.map(square, range(3))
""",
    ),
    "pool of all processors but one": (
        [0, 1, 4],
        """
import multiprocessing, os
def square(x): return x * x
with multiprocessing.Pool(os.cpu_count() - 1) as pool:
    RESULT = pool.map(square, range(3))
""",
    ),
    "spawned pool of tensors": (
        [2.0, 4.0],
        """
import torch, torch.multiprocessing as mp
mp.set_start_method("spawn", force=True)
def double(x): return 2 * x
with mp.get_context("spawn").Pool(2) as pool:
    RESULT = torch.stack(pool.map(double, [torch.tensor(1.0), torch.tensor(2.0)])).tolist()
""",
    ),
    "executor": (
        [1, 2],
        """
from concurrent.futures import ProcessPoolExecutor
def more(x): return x + 1
with ProcessPoolExecutor(2) as pool:
    RESULT = list(pool.map(more, [0, 1]))
""",
    ),
    "queue and event": (
        "done",
        """
import multiprocessing as mp
def work(queue, event):
    event.wait(20)
    queue.put("done")
queue, event = mp.Queue(), mp.Event()
process = mp.Process(target=work, args=(queue, event))
process.start(); event.set()
RESULT = queue.get(timeout=20)
process.join()
""",
    ),
    "shared tensors": (
        3.0,
        """
import torch, torch.multiprocessing as mp
weight = torch.zeros(3).share_memory_()
def add(weight): weight += 1
process = mp.Process(target=add, args=(weight,))
process.start(); process.join()
RESULT = float(weight.sum())
""",
    ),
    "shared memory": (
        7,
        """
from multiprocessing import shared_memory
block = shared_memory.SharedMemory("mine", create=True, size=64)
block.buf[0] = 7
other = shared_memory.SharedMemory("mine")
RESULT = other.buf[0]
other.close(); block.close(); block.unlink()
""",
    ),
    "progress bars": (
        [3, 3, 3, 3, 3],
        """
from tqdm import tqdm, trange
from tqdm.auto import tqdm as by_itself
from tqdm.notebook import tqdm as on_a_page, tnrange
RESULT = [sum(bar(range(3))) for bar in (tqdm, by_itself, on_a_page)] + [sum(trange(3)), sum(tnrange(3))]
""",
    ),
    "temporary files": (
        ["best.pth", "scratch.txt"],
        """
import os, tempfile, torch
torch.save({"a": torch.ones(2)}, "/tmp/best.pth")
open("/tmp/scratch.txt", "w").write("x")
with tempfile.NamedTemporaryFile() as file, tempfile.TemporaryDirectory() as folder:
    pass
RESULT = sorted(name for name in os.listdir("/tmp") if name in ("best.pth", "scratch.txt"))
""",
    ),
    "loader with workers": (
        10.0,
        """
import torch
from torch.utils.data import DataLoader, TensorDataset
data = TensorDataset(torch.arange(5.0))
RESULT = float(sum(x.sum() for x, in DataLoader(data, batch_size=2, num_workers=4, persistent_workers=True, pin_memory=True)))
""",
    ),
    "threads of its own": (
        True,
        """
import torch
torch.set_num_threads(2)
left = torch.rand(600, 600, requires_grad=True)
(left @ left).sum().backward()
RESULT = torch.get_num_threads() == 2 and bool(left.grad.isfinite().all())
""",
    ),
    "a fork that could use a GPU": (
        False,
        """
import torch
RESULT = torch.cuda._is_in_bad_fork()
""",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_it_runs(zygote, layers, name):  # noqa: F811
    """Compilers, process pools, shared memory and /tmp are there, or stood in for, with the right results."""
    need(layers, "mount_ns")
    expected, source = RIGHT[name]
    with Box(zygote, source) as box:
        assert box.ask("lookup", "code", "RESULT", seconds=60) == expected


def test_temporary_and_shared_files_are_private_and_limited(zygote, layers):  # noqa: F811
    """/tmp and /dev/shm begin empty, hold no more than the scratch folder together, and are gone with the worker."""
    need(layers, "mount_ns")
    source = """
import os
FOUND = [os.listdir("/tmp"), os.listdir("/dev/shm")]
TOTAL = 0
for folder in ("/tmp", "/dev/shm", "."):
    try:
        for number in range(8):
            with open(f"{folder}/{number}", "wb", buffering=0) as file:
                TOTAL += file.write(bytes(1 << 20))
    except OSError as error:
        LAST = error.errno
"""
    for _ in range(2):  # the second finds nothing of the first
        with Box(zygote, source) as box:
            assert box.ask("lookup", "code", "FOUND") == [below_tmp.NAMES, []]
            assert 0 < box.ask("lookup", "code", "TOTAL") <= SMALL.scratch_mb << 20
            assert box.ask("lookup", "code", "LAST") == 28  # ENOSPC


# -- helper files named like other modules ------------------------------------------------------------------------------

HELPERS = {
    "statistics.py": b"import math\nfrom decimal import Decimal\ndef best_of(values):\n    return math.floor(max(values))\n",
    "test.py": b"WHO = 'mine'\n",
    "random.py": b"def draw():\n    return 4\n",
    "queue/__init__.py": b"from .inner import SIZE\n",
    "queue/inner.py": b"SIZE = 5\ndef late():\n    from . import inner\n    return inner.SIZE\n",
    "profile.py": b"import statistics\nLEVEL = statistics.best_of([1, 2])\n",
}


def test_a_helper_named_like_a_standard_module_is_the_students(zygote):  # noqa: F811
    """Their own import statements find their own files, packages and relative imports too, at the top and in functions."""
    source = """
from statistics import best_of
import test, queue, random, profile
import queue.inner as inner
def later():
    import statistics
    return statistics.best_of([7])
RESULT = [best_of([1, 3]), test.WHO, random.draw(), queue.SIZE, inner.late(), profile.LEVEL, later()]
"""
    with Box(zygote, source, files=HELPERS) as box:
        assert box.ask("lookup", "code", "RESULT") == [3, "mine", 4, 5, 5, 2, 7]


def test_a_helper_hides_nothing_from_others(zygote):  # noqa: F811
    """torch, numpy and the standard library go on with the real modules, before and after the student imported theirs."""
    source = """
import random, queue, statistics, test
import sys, torch, numpy, fractions, concurrent.futures
from unittest import mock
RESULT = [
    "submission" in str(sys.modules["random"].__file__), hasattr(sys.modules["queue"], "Queue"),
    hasattr(sys.modules["statistics"], "mean"), float(torch.ones(2).sum()), int(numpy.random.default_rng(0).integers(5, 6)),
    concurrent.futures.ThreadPoolExecutor(1).submit(lambda: 8).result(),
]
torch.utils.data.random_split(range(4), [2, 2])
"""
    with Box(zygote, source, files=HELPERS) as box:
        box.ask("seed", 3)
        assert box.ask("lookup", "code", "RESULT") == [False, True, True, 2.0, 5, 8]
        box.ask("seed", 4)


@pytest.mark.parametrize("name", ["torch", "numpy", "sys", "os"])
def test_what_the_worker_needs_is_hidden_from_nobody(zygote, name):  # noqa: F811
    """A file named as a package that the worker runs on, or as a module that no file ever hides, is not imported."""
    files = {f"{name}.py": b"print('PWNED')\nMINE = True\n"}
    source = f"import {name}\nRESULT = hasattr({name}, 'MINE')\n"
    with Box(zygote, source, files=files) as box:
        assert box.ask("lookup", "code", "RESULT") is False
        assert "PWNED" not in box.worker.take_output()


def test_an_import_that_fails_leaves_things_as_they_were(zygote):  # noqa: F811
    """A helper that raises is not kept half imported, and the real module is back."""
    source = """
import sys
ERRORS = []
for _ in range(2):
    try:
        import statistics
    except ZeroDivisionError as error:
        ERRORS.append(str(error))
RESULT = [ERRORS, hasattr(sys.modules["statistics"], "mean")]
"""
    with Box(zygote, source, files={"statistics.py": b"1 / 0\n"}) as box:
        assert box.ask("lookup", "code", "RESULT") == [["division by zero"] * 2, True]


# -- messages ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    ["torch.zeros(2).cuda()", "torch.nn.Linear(2, 2).cuda()", "torch.zeros(2, device='cuda')", "torch.zeros(2).to('cuda:0')",
     "torch.set_default_device('cuda') or torch.zeros(2)", "torch.cuda.synchronize()",
     "torch.zeros(2, device='mps')", "torch.zeros(2).to('mps')", "torch.nn.Linear(2, 2).to('mps')", "torch.zeros(2).to('xpu')"],
)  # fmt: skip
def test_a_gpu_that_is_not_there_is_said_so(zygote, code):  # noqa: F811
    """Whatever asks for one: the message says that the grader has none, and what to write; no link to a driver."""
    with Box(zygote, f"import torch\n{code}\n") as box, pytest.raises(StudentError) as caught:
        box.ask("lookup", "code", None)
    assert "The grader has no GPU" in caught.value.text
    assert "x.device" in caught.value.text
    assert "http" not in caught.value.text
    assert caught.value.frames[-1].line == 2


def test_a_checkpoint_of_a_gpu_is_said_so():
    """Torch's text about deserialising becomes what to pass to torch.load."""
    text = "Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False. If you are running ..."
    assert 'map_location="cpu"' in reword(text)
    assert reword("The sizes do not match.") == "The sizes do not match."


def test_the_machines_folders_are_not_shown(zygote):  # noqa: F811
    """An exception and a warning that name files of the libraries name them from the library on."""
    source = """
import statistics, sys, torch, warnings
print(statistics.__file__, torch.__file__, sys.prefix + "/bin", __file__)
warnings.warn_explicit("careful", UserWarning, torch.nn.__file__, 3)
from statistics import best_of
"""
    with Box(zygote, source) as box, pytest.raises(StudentError) as caught:
        box.ask("lookup", "code", None)
    text, output = caught.value.text, box.worker.take_output()
    assert text == "cannot import name 'best_of' from 'statistics' (statistics.py)"
    assert "statistics.py torch/__init__.py bin code.py" in output
    assert "torch/nn/__init__.py:3: UserWarning: careful" in output
    for folder in (sys.prefix, sys.base_prefix, sysconfig.get_path("purelib"), "/scratch/submission"):
        assert folder not in text + output


def test_other_paths_are_left_alone():
    """What a student wrote, and what only begins like a folder of ours, is theirs to read."""
    assert hide_paths("No such file: '/content/drive/x.csv'") == "No such file: '/content/drive/x.csv'"
    assert hide_paths(f"{sys.prefix}ish/x") == f"{sys.prefix}ish/x"


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="this Python reads it")
@pytest.mark.parametrize("line", ["x = f'{d['a']}'", "x = f\"{'\\n'.join(d)}\""])
def test_the_f_strings_of_a_newer_python_are_said_to_be_so(zygote, line):  # noqa: F811
    """Quotes and backslashes that only Python 3.12 takes are reported with that version, and with ours."""
    with Box(zygote, f"d = {{'a': 1}}\n{line}\n") as box, pytest.raises(StudentError) as caught:
        box.ask("lookup", "code", None)
    assert "read by Python 3.11; only Python 3.12 takes" in caught.value.text
    assert caught.value.frames[-1].line == 2


def test_a_package_that_is_not_there_is_reported_with_what_is(zygote):  # noqa: F811
    """The message says that it is neither handed in nor installed, which Python grades, and with which torch."""
    with Box(zygote, "import wandb_of_nobody\n") as box, pytest.raises(StudentError) as caught:
        box.ask("lookup", "code", None)
    assert "neither in your submission nor installed" in caught.value.text
    assert (
        f"Python {sys.version_info.major}.{sys.version_info.minor}, torch {torch.__version__.partition('+')[0]}"
        in caught.value.text
    )


def test_newer_syntax_is_said_to_be_newer(zygote):  # noqa: F811
    """A file that this Python cannot read is reported with the Python that read it."""
    with Box(zygote, "x = 1\ndef f(:\n    pass\n") as box, pytest.raises(StudentError) as caught:
        box.ask("lookup", "code", None)
    assert re.search(rf"\(read by Python {sys.version_info.major}\.{sys.version_info.minor}\)$", caught.value.text)
    assert caught.value.frames[-1].line == 2


# -- calls for a GPU, where the course has them come to the processor ------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    ["torch.zeros(2).cuda()", "torch.zeros(2).cuda(0)", "torch.zeros(2, device='cuda')", "torch.zeros(2).to('cuda:0')",
     "torch.zeros(2).to(torch.device('cuda'), torch.float64)", "torch.zeros(2).to(0)", "torch.zeros(2, device=0)",
     "torch.zeros(2).new_ones(3, device='cuda')", "torch.ones_like(torch.zeros(2), device='cuda')", "torch.zeros(2).pin_memory()",
     "torch.nn.Linear(2, 2).cuda().weight", "torch.nn.Linear(2, 2).to('cuda').weight", "torch.nn.Linear(2, 2, device='cuda').weight",
     "torch.nn.Linear(2, 2).cuda()(torch.ones(1, 2, device='cuda'))", "torch.cuda.synchronize() or torch.zeros(2)",
     "torch.cuda.set_device(0) or torch.zeros(2)", "torch.set_default_device('cuda') or torch.zeros(2)",
     "torch.tensor([1.0]).to(device='cuda', non_blocking=True)", "torch.randn(2, generator=torch.Generator(), device='cuda')"],
)  # fmt: skip
def test_calls_for_a_gpu_can_come_to_the_processor(zygote, code):  # noqa: F811
    """Each way to ask for a CUDA device gives a tensor that is on the processor, and says so."""
    box = Box(zygote, f"import torch\nX = {code}\nDEVICE = X.device.type\n")
    with box:
        box.ask("cuda_on_cpu")
        assert box.ask("lookup", "code", "DEVICE") == "cpu"


def test_training_on_the_processor_in_place_of_a_gpu_comes_to_the_same(zygote):  # noqa: F811
    """A loop written for a GPU, checkpoint and context included, gives the numbers of the same loop on the processor."""
    source = """
import torch
from torch.utils.data import DataLoader, TensorDataset

def train(device):
    torch.manual_seed(1)
    net = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1)).to(device)
    best = torch.optim.SGD(net.parameters(), lr=0.1)
    data = TensorDataset(torch.arange(24.0).reshape(8, 3) / 24, torch.ones(8, 1))
    for _ in range(3):
        for x, y in DataLoader(data, batch_size=4, pin_memory=True):
            x, y = x.to(device, non_blocking=True), y.to(device)
            best.zero_grad()
            torch.nn.functional.mse_loss(net(x), y).backward()
            best.step()
    torch.save(net.state_dict(), "best.pt")
    net.load_state_dict(torch.load("best.pt", map_location=device))
    with torch.device(device):
        return net(torch.ones(1, 3)).item()

RESULT = [train("cuda"), train("cuda:0"), train("cpu"), torch.cuda.is_available()]
"""
    with Box(zygote, source) as box:
        box.ask("cuda_on_cpu")
        first, second, third, available = box.ask("lookup", "code", "RESULT")
    assert first == second == third
    assert available is False


def test_what_is_not_a_device_stays_as_it_is(zygote):  # noqa: F811
    """Numbers and texts that are no devices reach torch as they were given."""
    source = """
import torch
RESULT = [torch.zeros(2).to(torch.float64).dtype == torch.float64, torch.zeros(2).to(torch.zeros(1).double()).dtype == torch.float64,
          torch.full((2,), 7).sum().item(), torch.zeros(2, 3).sum(0).shape[0], torch.zeros(2, device="meta").device.type]
"""
    with Box(zygote, source) as box:
        box.ask("cuda_on_cpu")
        assert box.ask("lookup", "code", "RESULT") == [True, True, 14, 3, "meta"]
