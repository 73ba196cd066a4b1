"""The contract: what the annotations of the stub promise, and how a broken promise is told."""

from __future__ import annotations

import ast

import numpy as np
import pytest
import torch

from grader.engine.contract import Signature, describe, fulfil, read_contract
from grader.engine.proxies import StudentDict, StudentList
from grader.sandbox.faults import ContractError

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
    with pytest.raises(ContractError, match="has 1 items; item 3"):
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
