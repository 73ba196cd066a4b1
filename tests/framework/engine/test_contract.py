"""The contract: what the annotations of the stub promise, and how a broken promise is told."""

from __future__ import annotations

import ast

import numpy as np
import pytest
import torch

from grader.checks import assert_differentiable, assert_gradients_flow, assert_registered, untouched
from grader.course import load_course
from grader.engine.advice import advise
from grader.engine.contract import Signature, describe, fulfil, misfit, not_defined, read_contract
from grader.engine.outcomes import CaseState, judge
from grader.engine.proxies import StudentDict, StudentList
from grader.engine.source_lines import defined_at, raised_at
from grader.grading import grade_uploads
from grader.intake import Upload
from grader.records import Verdict
from grader.sandbox.faults import ContractError, StudentError, StudentFrame
from tests.support.tiny import BASICS, PLAIN, write_course

pytestmark = [pytest.mark.torch, pytest.mark.runner]

X = torch.ones(2)
A = np.ones(2)


def promise(annotation):
    return Signature("f", "m", ast.parse(annotation, mode="eval").body)


@pytest.mark.parametrize(
    ("annotation", "values"),
    [
        ("torch.Tensor", [X, A, torch.ones(())]),
        ("Tensor", [X]),
        ("np.ndarray", [A, X]),
        ("np.ndarray[Any, Any]", [A]),
        ("'torch.Tensor'", [X]),
        ("float", [1.0, 1, np.float32(1), np.float64(1), np.int64(1), torch.ones(()), torch.ones(1), np.ones(())]),
        ("int", [1, np.int64(1), torch.tensor(3)]),
        ("bool", [True, np.bool_(True), 1, torch.tensor(True)]),
        ("str", ["x"]),
        ("None", [None, 3]),
        ("tuple[torch.Tensor, float]", [(X, 1.0), [X, 1.0], (X, torch.ones(()))]),
        ("Tuple[np.ndarray, np.ndarray]", [(A, A)]),
        ("tuple[torch.Tensor, tuple[float, int]]", [(X, (1.0, 2))]),
        ("tuple[int, ...]", [(), (1,), [1, 2], torch.Size([1])]),
        ("list[float]", [[], [1.0], (1.0,), A]),
        ("dict[str, np.ndarray]", [{}, {"a": A}]),
        ("torch.Tensor | None", [X, None]),
        ("Optional[torch.Tensor]", [X, None]),
        ("Union[float, str]", [1.0, "x"]),
        ("Any", [None, 1, X, object()]),
        ("Callable[[int], int]", [len, None, 3]),
        ("Net", [object()]),
    ],
)
def test_what_keeps_the_promise_passes(annotation, values):
    """Every value that a student may rightly return, loosely read: numpy for torch, a list for a tuple."""
    for value in values:
        assert fulfil(value, promise(annotation)) is not NotImplemented


@pytest.mark.parametrize(
    ("annotation", "value", "told"),
    [
        ("torch.Tensor", None, "`f` should return a Tensor; it returned None."),
        ("torch.Tensor", 1.5, "`f` should return a Tensor; it returned a float."),
        ("torch.Tensor", [1.0], "`f` should return a Tensor; it returned a list of 1 value (a float)."),
        ("np.ndarray", (A, A), "a numpy array; it returned a tuple of 2 values (a numpy array, a numpy array)."),
        ("float", X, "`f` should return a float; it returned a Tensor."),
        ("float", "1", "`f` should return a float; it returned a str."),
        ("float", True, "`f` should return a float; it returned a bool."),
        ("int", None, "`f` should return an int; it returned None."),
        ("str", 3, "`f` should return a str; it returned an int."),
        ("dict[str, np.ndarray]", (A,), "should return a dict[str, np.ndarray]; it returned a tuple of 1 value"),
        ("dict", None, "should return a dict; it returned None"),
        ("tuple[torch.Tensor, float]", X, "a tuple of 2 values (a Tensor, a float); it returned a Tensor."),
        ("tuple[torch.Tensor, float]", (X,), "it returned a tuple of 1 value (a Tensor)."),
        ("tuple[torch.Tensor, float]", (1.0, X), "it returned a tuple of 2 values (a float, a Tensor)."),
        ("tuple[torch.Tensor, float]", (X, None), "it returned a tuple of 2 values (a Tensor, None)."),
        ("list[float]", 1.0, "should return a list[float]; it returned a float."),
        ("torch.Tensor | None", 1.0, "should return a torch.Tensor | None; it returned a float."),
        ("Net", 3, "should return a Net; it returned an int."),
    ],
)
def test_what_breaks_it_is_told_in_plain_words(annotation, value, told):
    """The message says what was promised and what came."""
    with pytest.raises(ContractError) as caught:
        fulfil(value, promise(annotation))
    assert told in caught.value.message


def test_extra_values_of_a_tuple_are_cut():
    """A cache returned beside what was promised harms nobody."""
    assert fulfil((1.0, 2.0, "cache"), promise("tuple[float, float]")) == (1.0, 2.0)
    assert fulfil([1.0, 2.0], promise("tuple[float, float]")) == (1.0, 2.0)
    assert fulfil((1, 2, 3), promise("tuple[int, ...]")) == (1, 2, 3)


def test_no_annotation_promises_nothing():
    """Without an annotation, or without a signature, anything goes."""
    value = object()
    assert fulfil(value, None) is value
    assert fulfil(value, Signature("f", "m")) is value


def test_signatures_are_read_from_the_source():
    """Functions, classes with their methods, and constants, each with its module; the first of a name counts."""
    contract = read_contract(
        {
            "one": "A = 1\nB: int = 2\ndef f(x) -> float: ...\nclass N:\n    def forward(self) -> Tensor: ...\n",
            "two": "def f(x) -> int: ...\nasync def g(): ...\n",
        }
    )
    assert {name: signature.module for name, signature in contract.items()} == {
        "A": "one", "B": "one", "f": "one", "N": "one", "g": "two",
    }  # fmt: skip
    assert ast.unparse(contract["f"].returns) == "float"
    assert contract["N"].is_class
    assert contract["N"].methods["forward"].name == "N.forward"


def test_containers_blame_the_student_for_what_they_lack():
    """A key or an item that is missing is a contract error with what is there; what is there can be had."""
    with pytest.raises(ContractError, match="no key 'b'; it has 'a'"):
        StudentDict(a=1)["b"]
    with pytest.raises(ContractError, match="has 1 item; item 3"):
        StudentList([1])[3]
    assert StudentDict(a=1)["a"] == 1
    assert StudentDict(a=1).get("b") is None
    assert StudentList([1, 2])[-1] == 2
    assert StudentList([1, 2])[:5] == [1, 2]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "None"), (1, "an int"), (1.0, "a float"), ("x", "a str"), (X, "a Tensor"), (A, "a numpy array"),
        (StudentDict(a=1), "a dict"), ((), "a tuple of 0 values"), ([1] * 9, "a list of 9 values"), (True, "a bool"),
    ],
)  # fmt: skip
def test_values_have_plain_names(value, words):
    """A student's value is called by its type as the student knows it."""
    assert describe(value) == words


# -- calls, names, places ----------------------------------------------------------------------------------------------

SOURCE = {
    "m": """\
def f(x, dim=1, *, keep=True): ...
class N:
    def __init__(self, size: int, scale: float = 2.0): ...
    def forward(self, x, /, *rest, **more): ...
    @staticmethod
    def make(kind): ...
    def nothing(): ...
"""
}


def test_the_stubs_call_is_told_without_annotations_and_self():
    """As the student would write it."""
    contract = read_contract(SOURCE)
    methods = contract["N"].methods
    assert contract["f"].call() == "f(x, dim=1, *, keep=True)"
    assert contract["N"].call() == "N(size, scale=2.0)"
    assert methods["forward"].call() == "N.forward(x, *rest, **more)"
    assert methods["make"].call() == "N.make(kind)"
    assert methods["nothing"].call() == "N.nothing()"
    assert contract["f"].argument(1) == "`dim`"
    assert contract["f"].argument(7) == "number 8"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("f() got an unexpected keyword argument 'dim'", "argument 'dim'. Was `dim` renamed?"),
        (
            "f() missing 1 required positional argument: 'eps'",
            "`f(x, dim=1, *, keep=True)`; yours does not: f() missing",
        ),
        ("f() takes 1 positional argument but 2 were given", "takes 1 positional argument"),
        ("f() takes from 1 to 2 positional arguments but 3 were given", "takes from 1 to 2"),
        ("N() takes no arguments", "takes no arguments"),
    ],
)
def test_a_call_that_does_not_suit_is_a_broken_contract(text, told):
    """Renamed, missing and extra arguments are told with the call that the stub has."""
    fault = misfit(StudentError("TypeError", text), read_contract(SOURCE)["f"])
    assert isinstance(fault, ContractError)
    assert told in fault.message


@pytest.mark.parametrize(
    "error",
    [
        StudentError(
            "TypeError", "f() got an unexpected keyword argument 'dim'", (StudentFrame("m.py", 3, "g", "f()"),)
        ),
        StudentError("TypeError", "unsupported operand type(s) for +"),
        StudentError("ValueError", "f() takes 1 positional argument but 2 were given"),
    ],
)
def test_an_error_from_within_is_left_as_it_is(error):
    """A TypeError raised further inside is the code's own, whatever its text."""
    assert misfit(error, read_contract(SOURCE)["f"]) is error
    assert misfit(error, None) is error


def test_a_name_that_is_nearly_right_is_pointed_at():
    """And nothing is pointed at where nothing is near, or the file cannot be read."""
    assert not_defined("softmax", "m.py", b"def soft_max(x): ...") == (
        "`m.py` does not define `softmax`. It defines `soft_max`; did you mean that? Keep the stub's names."
    )
    for source in (b"def loss(x): ...", b"def (", b"\0", None):
        assert not_defined("softmax", "m.py", source) == "`m.py` does not define `softmax`."


FILES = {
    "m.py": b"import os\n\ndef f(\n    x,\n    y,\n):\n    return x\n\nclass N:\n    def g(self):\n        1 / 0  #\tone\n\nh = f\n"
}


def test_the_line_that_raised_is_shown_with_its_surroundings():
    """The innermost line that was handed in; what the worker says of others is not believed."""
    inner = StudentFrame("m.py", 11, "g", "a lie")
    place = raised_at(StudentError("E", "", (StudentFrame("m.py", 7, "f", ""), inner)), FILES)
    assert (place.file, place.line, place.first) == ("m.py", 11, 9)
    assert place.lines == ("class N:", "    def g(self):", "        1 / 0  #    one", "", "h = f")
    outside = [StudentFrame("m.py", 99, "g", ""), StudentFrame("other.py", 1, "g", ""), StudentFrame("m.py", 0, "", "")]
    assert raised_at(StudentError("E", "", tuple(outside)), FILES) is None
    assert raised_at(StudentError("E", "", (inner, *outside)), FILES) == place


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("f", ("def f(", "    x,", "    y,", "):", "    return x")),
        ("N.g", ("    def g(self):", "        1 / 0  #    one")),
        ("N.inherited", ("class N:", "    def g(self):", "        1 / 0  #    one")),
        ("h", ("h = f",)),
    ],
)
def test_the_beginning_of_what_was_called_is_shown(name, lines):
    """A function with its head and what is written below it; a class where the method is not its own; an assignment."""
    assert defined_at(name, "m.py", FILES, only=True).lines == lines


def test_a_long_docstring_does_not_hide_what_was_written():
    """The student's lines are shown in its place, under the line of the `def`; at most eight of them."""
    doc = "\n".join(f"    line {n}" for n in range(9))
    body = "\n".join(f"    x = {n}" for n in range(12))
    place = defined_at("f", "m.py", {"m.py": f'def f(x):\n    """One.\n{doc}\n    """\n{body}\n'.encode()}, only=True)
    assert (place.line, place.first) == (1, 13)
    assert place.lines == tuple(f"    x = {n}" for n in range(8))
    short = defined_at("f", "m.py", {"m.py": f'def f(x):\n    """One."""\n{body}\n'.encode()}, only=True)
    assert (place.line, short.first, short.lines[:3]) == (1, 1, ("def f(x):", '    """One."""', "    x = 0"))


def test_what_is_not_there_has_no_place():
    """A name from another module, a file that does not parse, a file that is missing."""
    assert defined_at("os", "m.py", FILES, only=True) is None
    assert defined_at("nothing", "m.py", FILES, only=True) is None
    assert defined_at("f", "m.py", {"m.py": b"def f("}, only=True) is None
    assert defined_at("f", "x.py", FILES, only=True) is None


def test_common_errors_are_explained():
    """What torch and numpy really say is recognised; anything else gets no advice."""
    leaf = torch.ones(2, requires_grad=True)

    def of(call):
        try:
            call()
        except Exception as error:  # noqa: BLE001 - whatever it raises is what is looked at
            return advise(f"{type(error).__name__}: {error}")
        raise AssertionError("nothing was raised")

    assert "does not depend on anything that requires grad" in of(lambda: X.sum().backward())
    assert "under `torch.no_grad()`" in of(lambda: leaf.add_(1))
    assert "inner sizes" in of(lambda: torch.ones(2, 3) @ torch.ones(4, 5))
    assert "inner sizes" in of(lambda: np.ones((2, 3)) @ np.ones((4, 5)))
    assert "last axis backwards" in of(lambda: torch.ones(2, 3) + torch.ones(4))
    assert "last axis backwards" in of(lambda: np.ones((2, 3)) + np.ones(4))
    assert "detached" in of(leaf.numpy)
    assert "Whole numbers" in of(lambda: torch.tensor([1]).requires_grad_())
    assert "was given no parameters" in of(lambda: torch.optim.SGD([], lr=1))
    assert "is n - 1" in of(lambda: [1].pop(3))
    assert "dtypes" in of(lambda: torch.ones(2, 2) @ torch.ones(2, 2).double())
    assert of(lambda: 1 / 0) == ""


def test_advice_is_not_given_for_another_error_that_reads_alike():
    """Texts that share words with other errors get the advice for what they are: a dtype is not a missing transpose."""
    layer = torch.nn.Linear(2, 2)

    def of(call):
        try:
            call()
        except Exception as error:  # noqa: BLE001 - whatever it raises is what is looked at
            return advise(f"{type(error).__name__}: {error}")
        raise AssertionError("nothing was raised")

    for call in (
        lambda: layer(torch.ones(2, 2).double()),
        lambda: torch.nn.functional.linear(torch.ones(2, 2), torch.ones(2, 2).double()),
        lambda: advise_of("RuntimeError: mat1 and mat2 must have the same dtype, but got Float and Double"),
    ):
        assert "dtype" in of(call)
        assert "transpose" not in of(call)
    for call in (lambda: torch.ones(6).view(4, 2), lambda: np.ones(6).reshape(4, 2)):
        assert "reshape keeps the number of entries" in of(call)
    assert "int64" in of(lambda: torch.nn.functional.cross_entropy(torch.ones(2, 2), torch.ones(2).int()))
    assert "mean of whole numbers" in of(lambda: torch.tensor([1]).mean())
    assert "inner sizes" in of(lambda: torch.bmm(torch.ones(2, 2, 3), torch.ones(2, 4, 3)))
    assert "input channels" in of(lambda: torch.nn.Conv2d(3, 1, 3)(torch.ones(1, 2, 3, 3)))
    assert ".any()" in of(lambda: bool(torch.ones(2)))
    assert ".any()" in of(lambda: bool(np.ones(2)))
    assert "One number is needed" in of(lambda: torch.ones(2).item())
    assert "past the beginning" in of(lambda: np.ones(3)[-4])
    assert "is n - 1" in of(lambda: np.ones(3)[3])
    assert "is n - 1" in of(lambda: torch.nn.Embedding(3, 2)(torch.tensor([3])))
    assert "fewer axes" in of(lambda: torch.ones(3).sum(dim=1))
    assert "0 to C - 1" in of(lambda: torch.nn.functional.cross_entropy(torch.ones(1, 3), torch.tensor([3])))
    assert "joined along one axis" in of(lambda: torch.cat([torch.ones(2, 3), torch.ones(2, 4)]))
    assert "joined along one axis" in of(lambda: np.concatenate([np.ones((2, 3)), np.ones((2, 4))]))
    assert advise("ValueError: a RecursionError is something else") == ""


def advise_of(text):
    """Raise what torch says in other versions."""
    raise RuntimeError(text.partition(": ")[2])


def test_a_function_that_calls_itself_is_shown_once():
    """Equal frames that follow one another are counted, so that the message fits a screen."""
    frame, outer = StudentFrame("m.py", 3, "f", "return f(x)"), StudentFrame("m.py", 9, "g", "f(1)")
    lines = StudentError("RecursionError", "deep", (outer, *[frame] * 11)).for_student().split("\n")
    assert lines[1:6] == [
        '  File "m.py", line 9, in g', "    f(1)", '  File "m.py", line 3, in f', "    return f(x)", "  [the same 10 more times]",
    ]  # fmt: skip
    assert StudentError("E", "", (frame, frame)).for_student().count("return f(x)") == 2


@pytest.mark.parametrize(
    "text",
    ["line\n" * 5000, "x" * 10**6, ("y" * 399 + "\n") * 60, "\n" * 10**5, "\x1b[2J" * 9000, "\u202e" * 4000],
    ids=["lines", "wide", "both", "empty", "escapes", "bidi"],
)
def test_messages_fit_a_screen(text):
    """Of hostile sizes the beginning and the end are kept: there an exception says what it is."""
    frames = tuple(StudentFrame("m.py", 1, "f", "z" * 300) for _ in range(12))
    for error in (
        AssertionError(f"first\n{text}\nlast"),
        StudentError("ValueError", f"first\n{text}\nlast"),
        StudentError("ValueError", f"{text[:3000]}\nlast", frames),
    ):
        message = judge(error, CaseState()).message
        assert len(message) <= 3000
        assert message.count("\n") <= 41
        assert message.startswith(("first", "ValueError: first", "Traceback"))
        assert message.endswith("last")


# -- what a check declares ---------------------------------------------------------------------------------------------


class Listed(torch.nn.Module):
    """Layers in a list, a weight that is no parameter."""

    def __init__(self):
        super().__init__()
        self.seen = torch.nn.Linear(2, 3)
        self.layers = [torch.nn.Linear(3, 3)]
        self.w = torch.zeros(3, requires_grad=True)


def test_parameters_that_are_not_registered_are_named():
    """The message lists what is registered and what the module does not see; a right module gives its parameters."""
    assert set(assert_registered(torch.nn.Linear(2, 3), 9)) == {"weight", "bias"}
    with pytest.raises(ContractError) as caught:
        assert_registered(Listed(), 24, name="Net(2)")
    for told in (
        "Net(2) should register 24 numbers in its parameters; it registers 9 (`seen.weight` (3, 2), `seen.bias` (3,)).",
        "`layers` is a plain list", "`nn.ModuleList`", "`w` is a plain tensor", "`nn.Parameter`",
    ):  # fmt: skip
        assert told in caught.value.message
    with pytest.raises(ContractError, match="one too many"):
        assert_registered(Listed(), 5)
    with pytest.raises(ContractError, match=r"should be an `nn.Module`"):
        assert_registered(object(), 5)


def test_parameters_without_gradient_are_named():
    """Those that a backward pass does not reach, and those whose gradient is zero."""
    net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 1))
    with pytest.raises(ContractError, match=r"No gradient reaches `0.weight`, `0.bias`, `1.weight`, `1.bias` of net"):
        assert_gradients_flow(net, name="net")
    net[1](net[0](torch.ones(3, 2)).detach()).sum().backward()
    with pytest.raises(ContractError, match=r"No gradient reaches `0.weight`, `0.bias` of"):
        assert_gradients_flow(net)
    (0 * net(torch.zeros(3, 2))).sum().backward()
    net[1].weight.grad.zero_()
    with pytest.raises(ContractError, match=r"of `0.weight`, `0.bias`, `1.weight` of the module is zero everywhere"):
        assert_gradients_flow(net)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (X, "the loss is cut off from its inputs"),
        (1.5, "the loss should be a tensor that autograd can follow; it is a float"),
        (None, "it is None"),
    ],
)
def test_what_is_cut_from_the_graph_is_told(value, told):
    """A detached tensor, a number, nothing; a live tensor passes."""
    assert_differentiable(X.clone().requires_grad_() * 2)
    with pytest.raises(ContractError, match=told):
        assert_differentiable(value, name="the loss")


def test_arguments_that_are_overwritten_are_told():
    """Tensors and arrays, by position and by name; NaN is equal to itself."""
    assert untouched(lambda x, y: y)(torch.tensor([float("nan")]), y=A) is A
    with pytest.raises(ContractError, match="your function overwrites its argument number 2"):
        untouched(lambda x, y: y.add_(x))(X.clone(), X.clone())
    with pytest.raises(ContractError, match="overwrites its argument `y`"):
        untouched(lambda x, y: np.add(x, y, out=y))(A.copy(), y=A.copy())


def test_what_a_list_or_a_dict_holds_may_not_be_overwritten_either():
    """Items changed, taken out or put in are told; an argument that may change is named to `but`."""
    with pytest.raises(ContractError, match="overwrites its argument number 1"):
        untouched(lambda x: x[0].add_(1))([X.clone(), X.clone()])
    with pytest.raises(ContractError, match="overwrites its argument `x`"):
        untouched(lambda x: x.pop())(x=[A.copy()])
    with pytest.raises(ContractError, match="overwrites its argument number 1"):
        untouched(lambda x: x.update(more=1))({"a": A.copy()})
    assert untouched(lambda x, y: y.update(more=x.sum()), but=[1])(A.copy(), {"a": A.copy()}) is None
    assert untouched(len)([A.copy(), "text", None]) == 3


SUITE = '''\
"""Hidden checks."""
import numpy as np
import torch
from grader.checks import assert_close, assert_differentiable, assert_gradients_flow, assert_registered, points, untouched


@points(1)
def test_add(student):
    """`add` adds, and leaves its arguments alone."""
    got = untouched(student.add)(torch.ones(2), y=torch.ones(2))
    assert_close(got, torch.full((2,), 2.0), dtype=torch.float32, name="the sum")


@points(1)
def test_total(student):
    """`total` sums rows, and leaves its argument alone."""
    assert_close(untouched(student.total)(np.ones((2, 3))), np.full(2, 3.0), name="the sums")


@points(1)
def test_scaled(student):
    """`scaled` can be differentiated."""
    assert_differentiable(student.scaled(student.leaf(torch.ones(2))), name="what `scaled` returns")


@points(1)
def test_net(student):
    """`Net` registers its parameters, and all of them learn."""
    net = student.Net(3)
    assert_registered(net, 12, name="Net(3)")
    untouched(net)(torch.ones(4, 3)).sum().backward()
    assert_gradients_flow(net, name="Net(3)")
'''

NET = "class Net(nn.Module):\n    def __init__(self, size):\n        super().__init__()\n"
#: A change to the solution, the check that it breaks, what is told, and the line that is shown.
BROKEN = {
    "renamed": ("def add(x, other):\n    return x + other\n", "test_add", "Was `y` renamed?", "def add(x, other):"),
    "one too few": ("def add(x):\n    return x\n", "test_add", "`add(x, y)`; yours does not", "def add(x):"),
    "misspelt": ("adds = add\ndel add\ndef ad(x, y):\n    return x + y\n", "test_add", "does not define `add`. It defines `ad`", None),
    "in place": ("def add(x, y):\n    y += x\n    return y.clone()\n", "test_add", "`add` overwrites its argument `y`", "def add(x, y):"),
    "double": ("add = lambda x, y: (x + y).double()\n", "test_add", "should be of dtype float32; it is float64", "add = lambda x, y: (x + y).double()"),
    "stub": ("def add(x, y):\n    raise NotImplementedError('add: write your solution here')\n", "test_add", "`add` is not written yet (`basics.py`, line", "    raise NotImplementedError('add: write your solution here')"),
    "raises": ("def add(x, y):\n    # shapes\n    return x @ torch.ones(3, 4)\n", "test_add", "inner sizes of a matrix product differ", "    return x @ torch.ones(3, 4)"),
    "cut": ("def scaled(x):\n    return 3 * x.detach()\n", "test_scaled", "what `scaled` returns is cut off", "def scaled(x):"),
    "number": ("def scaled(x):\n    return float(x.sum())\n", "test_scaled", "`scaled` should return a Tensor; it returned a float", "def scaled(x):"),
    "listed": (NET + "        self.layers = [nn.Linear(size, size)]\n    def forward(self, x):\n        return self.layers[0](x)\n", "test_net", "`layers` is a plain list", "class Net(nn.Module):"),
    "plain": (NET + "        self.w = torch.zeros(12)\n    def forward(self, x):\n        return x\n", "test_net", "`w` is a plain tensor", "class Net(nn.Module):"),
    "unused": (NET + "        self.a = nn.Linear(size, size)\n    def forward(self, x):\n        return self.a(x).detach().requires_grad_()\n", "test_net", "No gradient reaches `a.weight`, `a.bias` of Net(3)", "    def forward(self, x):"),
    "no module": ("class Net:\n    def __init__(self, size):\n        pass\n", "test_net", "should be an `nn.Module`", "class Net:"),
    "no super": ("class Net(nn.Module):\n    def __init__(self, size):\n        self.a = nn.Linear(size, size)\n", "test_net", "Call `super().__init__()` first", "        self.a = nn.Linear(size, size)"),
    "input overwritten": (NET + "        self.a = nn.Linear(size, size)\n    def forward(self, x):\n        y = self.a(x)\n        x.zero_()\n        return y + 0 * x\n", "test_net", "`Net.forward` overwrites its argument `x`", "    def forward(self, x):"),
}  # fmt: skip


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """The report of the solution, and of each broken one, by name."""
    course = load_course(write_course(tmp_path_factory.mktemp("contract"), suite=SUITE))
    basics = {"solution": BASICS} | {name: BASICS + change for name, (change, *_) in BROKEN.items()}
    uploads = [Upload({"basics.py": text.encode(), "plain.py": PLAIN.encode()}) for text in basics.values()]
    uploads.append(
        Upload(
            {"basics.py": BASICS.encode(), "plain.py": b"def total(x):\n    x *= 1.5\n    return x.sum(axis=1) / 1.5\n"}
        )
    )
    reports = grade_uploads(course, course.assignment("tiny"), uploads, slots=1)
    return dict(zip([*basics, "array"], reports, strict=True))


def test_the_solution_keeps_what_is_declared(graded):
    """Full marks, so that what follows is about the mistakes alone."""
    assert graded["solution"].score == 4


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_declaration_is_told_beside_the_code(graded, name):
    """Each by a message of its own, with the line of the student's code; no other check suffers."""
    _, check, told, line = BROKEN[name]
    results = {result.id: result for result in graded[name].checks}
    assert told in results[check].message
    assert "grader" not in results[check].message
    place = results[check].place
    assert (place.lines[place.line - place.first] if place else None) == line
    assert [result.id for result in results.values() if result.verdict is not Verdict.ACCEPTED] == [check]


def test_an_array_that_is_overwritten_is_told(graded):
    """Numpy's as well as torch's."""
    (result,) = [result for result in graded["array"].checks if result.verdict is not Verdict.ACCEPTED]
    assert "`total` overwrites its argument `x`" in result.message
