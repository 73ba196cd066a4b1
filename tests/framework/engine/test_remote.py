"""What any Remote must do: the run with a worker, and the one in this process that other tests stand on."""

from __future__ import annotations

import gc
from types import SimpleNamespace

import pytest
import torch

from grader.course import load_course
from grader.engine.handles import Handle
from grader.engine.proxies import Probe, Student
from grader.engine.run import open_run
from grader.engine.session import Session
from grader.engine.tensors import RemoteTensor
from grader.errors import AuthoringError
from grader.sandbox.faults import ContractError, ImportFailed, ProbeError, StudentError, TimeLimit, WorkerFault
from grader.sandbox.wire import WireError
from tests.support.remote import LocalRemote
from tests.support.tiny import COURSE, write_course

pytestmark = pytest.mark.runner

BASICS = """\
import torch

SIZE = 3
calls = []


def add(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return x + y


def fails(x):
    return {}[x]


def hang():
    calls.append(1)
    {hang}


def die():
    {die}


def wrong() -> float:
    return "text"


class Net:
    def __init__(self, n: int):
        self.n = n
        self.items = [object(), object()]

    def scale(self, x: float) -> float:
        return self.n * x
"""
BROKEN = "raise ValueError('at import')\n\ndef other():\n    return 1\n"
PROBES = "def twice(f, x, y):\n    return f(f(x, y), y)\n"
LOCAL = "class Hang(Exception): pass\nclass Die(Exception): pass\n"


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """A course with a module that works and one that does not, and its zygote."""
    root = tmp_path_factory.mktemp("remote")
    text = BASICS.replace("{hang}", "while True: pass").replace("{die}", "import os; os._exit(1)")
    path = write_course(root, course=COURSE.replace("check_s: 5", "check_s: 2"))
    for file, content in (("basics.py", text), ("plain.py", BROKEN)):
        (root / "solutions" / "tiny" / file).write_text(content)
    (root / "assignments" / "tiny" / "hidden" / "probes.py").write_text(PROBES)
    course = load_course(path)
    assignment = course.assignment("tiny")
    found = Session(course, assignment, assignment.profile("cpu"), root / "state")
    yield found
    found.close()


@pytest.fixture(params=["worker", "local"])
def remote(request):
    """Each implementation, fresh."""
    if request.param == "local":
        text = LOCAL + BASICS.replace("{hang}", "raise Hang").replace("{die}", "raise Die")
        yield LocalRemote({"basics": text, "plain": BROKEN}, PROBES)
        return
    session = request.getfixturevalue("session")
    run = open_run(session, session.prepare(session.reference_files, 1))
    run.begin_case("test", None)
    yield run
    run.close()


def again(remote):
    """Begin the next check, where the implementation has checks."""
    if hasattr(remote, "begin_case"):
        remote.begin_case("next", None)


def test_values_cross_and_objects_stay(remote):
    """A number comes as itself, an array as itself, anything else as a handle that works like the object."""
    assert remote.lookup("SIZE") == 3
    add = remote.lookup("add")
    assert isinstance(add, Handle)
    assert torch.equal(add(torch.ones(2), torch.ones(2)), torch.full((2,), 2.0))
    net = remote.lookup("Net")(4)
    assert isinstance(net, Handle)
    assert (net.n, net.scale(2.0), len(net.items)) == (4, 8.0, 2)
    net.n = 5
    assert net.scale(2.0) == 10.0


def test_a_reference_is_a_handle_even_where_the_value_could_cross(remote):
    """`ref` keeps the value where it is; `fetch` brings it."""
    size = remote.lookup("SIZE", ref=True)
    assert isinstance(size, Handle)
    assert remote.ask("fetch", size) == 3


def test_gradients_go_on_where_the_tensor_lives(remote):
    """A tensor that requires grad has its value here and its graph there."""
    leaf = Student(remote).leaf(torch.ones(3))
    assert isinstance(leaf, RemoteTensor)
    total = remote.lookup("add")(leaf, leaf)
    assert total.tolist() == [2.0, 2.0, 2.0]
    total.sum().backward()
    assert leaf.grad.tolist() == [2.0, 2.0, 2.0]


def test_an_exception_comes_back_with_the_students_frames(remote):
    """StudentError names type, text and line; the objects live on."""
    fails = remote.lookup("fails")
    with pytest.raises(StudentError) as caught:
        fails("x")
    assert caught.value.type_name == "KeyError"
    assert caught.value.frames[-1].function == "fails"
    assert remote.lookup("SIZE") == 3


def test_a_broken_annotation_is_the_students_mistake(remote):
    """What the stub promises is held to, by the signature that lookup gives the handle."""
    with pytest.raises(ContractError, match="should return"):
        remote.lookup("wrong")()


def test_names_that_are_missing_are_told_from_modules_that_fail(remote):
    """ContractError for a name, ImportFailed for a module, each time it is asked; AuthoringError for no such module."""
    with pytest.raises(ContractError, match="does not define `nothing`"):
        remote.lookup("nothing", module="basics")
    for _ in range(2):
        with pytest.raises(ImportFailed):
            remote.lookup("other")
        again(remote)
    with pytest.raises(AuthoringError):
        remote.lookup("x", module="elsewhere")


def test_what_cannot_cross_is_the_callers_mistake(remote):
    """An argument that is no value and no proxy raises WireError, and nothing is lost."""
    add = remote.lookup("add")
    with pytest.raises(WireError):
        add(object(), 1)
    assert torch.equal(add(torch.ones(1), torch.ones(1)), torch.full((1,), 2.0))


def test_probes_run_beside_the_code(remote):
    """A probe takes the student's function by its handle; a name that is not there is a ProbeError."""
    probe = Probe(remote)
    assert probe.twice(remote.lookup("add"), torch.ones(1), torch.ones(1)).item() == 3.0
    with pytest.raises(ProbeError):
        remote.probe("nothing")


def test_a_handle_dies_with_its_process(remote):
    """After a loss the old handles raise WorkerFault, and names are found anew."""
    net = remote.lookup("Net")(4)
    first = remote.generation
    assert first >= 1
    with pytest.raises(WorkerFault):
        remote.lookup("die")()
    assert remote.generation == 0
    with pytest.raises(WorkerFault, match="ended earlier"):
        net.scale(1.0)
    with pytest.raises(WorkerFault):
        remote.check_generation(first)
    assert remote.lookup("SIZE") == 3
    assert remote.generation == first + 1


def test_a_function_that_ran_out_of_time_in_two_checks_is_not_called_again(remote):
    """The third call costs nothing, and says why."""
    for _ in range(2):
        with pytest.raises(TimeLimit):
            remote.lookup("hang")()
        again(remote)
    with pytest.raises(TimeLimit, match="not called again"):
        remote.lookup("hang")()


def test_dropping_a_handle_forgets_the_object(remote):
    """A proxy that is gone takes its object along; dropping twice, or of another process, does no harm."""
    handle = remote.lookup("Net")(4)
    number, generation = handle._number, handle._generation
    del handle
    gc.collect()
    remote.drop(number, generation)
    remote.drop(number, generation + 7)
    stale = Handle(remote, SimpleNamespace(id=number, type_name="Net"))
    with pytest.raises(StudentError, match="KeyError"):
        remote.ask("getattr", stale, "n")


def test_touching_never_raises(remote):
    """A signature of whatever module can be noted."""
    remote.lookup("add")
    remote.touch(SimpleNamespace(module="elsewhere", name="f"))
