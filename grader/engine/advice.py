"""Advice on exceptions whose text says little to a beginner: what usually stands behind them."""

from __future__ import annotations

import re

#: A pattern of ``Type: text``, and what to say. The first that fits is taken; each is true of every such error.
_ADVICE: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (
            r"does not require grad and does not have a grad_fn",
            ("You called `backward()` on something that does not depend on anything that requires grad: `.detach()`, `.item()`, `.numpy()`, "
            "`.data`, `torch.tensor(...)` and `torch.no_grad()` end the graph."),
        ),
        (
            r"a leaf Variable that requires grad is being used in an in-place operation",
            ("A tensor that requires grad must not be written into while autograd watches: update weights under "
            "`torch.no_grad()`, and do not change arguments in place."),
        ),
        (
            r"modified by an inplace operation",
            ("A value that the backward pass still needs was overwritten (`+=`, `x[...] =`, a method that ends in `_`). "
            "Make a new tensor instead."),
        ),
        (
            r"Trying to backward through the graph a second time",
            ("You can backpropagate through a graph only once: compute the loss again in every step, and keep no tensors with their "
            "graphs from one step to the next (`.detach()` them)."),
        ),
        (
            r"Can't call numpy\(\) on Tensor that requires grad",
            "A tensor that requires grad must be detached before it becomes an array: `.detach().numpy()`.",
        ),
        (
            r"Expected all tensors to be on the same device",
            "Two tensors are on different devices: create new ones with `device=x.device`, and move modules with `.to(device)`.",
        ),
        # Dtypes before shapes: of both, torch says that "mat1 and mat2" do not suit each other.
        (
            r"expected scalar type|Expected object of scalar type|have the same dtype|same dtype, but got",
            "Two dtypes do not match: float32 and float64, or floats instead of class numbers (int64).",
        ),
        (
            r"\"[\w:]+\" not implemented for '\w+'",
            ("This operation does not accept tensors of that dtype: convert them first, with `.float()`, or with `.long()` for "
            "class numbers."),
        ),
        (
            r"expected target dtype to be Long",
            "Class numbers are whole numbers: pass them as int64, `.long()`.",
        ),
        (
            r"could not infer output dtype|Input dtype must be either a floating point",
            "torch cannot take the mean of whole numbers: convert them first, with `.float()`.",
        ),
        (
            (r"mat1 and mat2 shapes cannot be multiplied|matmul: Input operand|not aligned:|dimensions of batch2 tensor|"
            r"size mismatch, got input"),
            ("The inner sizes of a matrix product differ: (n, k) @ (k, m). Print both shapes; is a transpose missing, or a "
            "flatten?"),
        ),
        (
            r"is invalid for input of size|cannot reshape (?:array|tensor) of",
            ("A reshape keeps the number of entries: the product of the new sizes must equal it. One of them may be -1; it is then "
            "computed."),
        ),
        (
            (r"could not be broadcast together|could not broadcast input array|cannot be broadcast to|not broadcastable|"
            r"must match the size of tensor|must match the existing size"),
            "Two shapes do not match. Compare them from the last axis backwards: sizes must be equal, or 1.",
        ),
        (
            r"Sizes of tensors must match except in dimension|array dimensions except for the concatenation axis",
            "Tensors that are joined along one axis must have equal sizes along all others.",
        ),
        (
            r"expected input\[[\d, ]+\] to have \d+ channels",
            "The layer expects a different number of input channels. Images are (N, C, H, W): is the channel axis in the right place?",
        ),
        (
            r"Boolean value of Tensor with more than one value|truth value of an array with more than one element",
            "An `if` needs one True or False: reduce with `.all()` or `.any()`, or choose entry by entry with `where`.",
        ),
        (
            r"a Tensor with \d+ elements cannot be converted to Scalar|only one element tensors can be converted",
            "One number is needed, and the tensor has several: reduce it first, with `.mean()` or `.sum()`.",
        ),
        (
            r"[Oo]nly Tensors of floating point (?:and complex )?dtype can require gradients",
            "Whole numbers have no gradient: make the tensor a floating-point one.",
        ),
        (
            r"cannot assign \w+ before Module.__init__",
            "Call `super().__init__()` first in `__init__`.",
        ),
        (
            r"optimizer got an empty parameter list",
            ("The optimizer was given no parameters: layers in a plain list or dict, and plain tensors, are not registered, "
            "and a generator of parameters can be used only once."),
        ),
        (
            r"too many values to unpack|not enough values to unpack",
            "The line unpacks a different number of values than it received.",
        ),
        (r"^RecursionError", "A function calls itself endlessly, or more deeply than Python allows."),
        (
            r"Dimension out of range",
            "The tensor has fewer axes than that. They are counted from 0, and from the end by -1, -2, ...",
        ),
        (
            r"Target -?\d+ is out of bounds",
            "A class number does not match the number of scores: with C scores, classes go from 0 to C - 1.",
        ),
        (
            r"index -\d+ is out of bounds",
            "A negative index counts from the end, and this one goes past the beginning: for size n, the first is -n.",
        ),
        (
            r"index \d+ is out of bounds|^IndexError: (?:\w+ )?(?:assignment )?index out of range",
            "This index is past the end of the axis: for size n, the last index is n - 1.",
        ),
    )
)  # fmt: skip


def advise(text: str) -> str:
    """A sentence or two on an exception given as ``Type: text``; empty where there is nothing certain to say."""
    head = text[:2000]
    return next((words for pattern, words in _ADVICE if pattern.search(head)), "")
