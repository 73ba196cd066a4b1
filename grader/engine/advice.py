"""Advice on exceptions whose text says little to a beginner: what usually stands behind them."""

from __future__ import annotations

import re

#: A pattern of ``Type: text``, and what to say. The first that fits is taken; each is true of every such error.
_ADVICE: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (
            r"does not require grad and does not have a grad_fn",
            ("What `backward()` was called on is cut off from its inputs: `.detach()`, `.item()`, `.numpy()`, `.data`, "
            "`torch.tensor(...)` and `torch.no_grad()` end the graph."),
        ),
        (
            r"a leaf Variable that requires grad is being used in an in-place operation",
            ("A tensor that requires grad must not be written into while autograd watches: update weights under "
            "`torch.no_grad()`, and do not change arguments in place."),
        ),
        (
            r"modified by an inplace operation",
            ("Something that the backward pass still needs was overwritten (`+=`, `x[...] =`, a method that ends in `_`). "
            "Make a new tensor instead."),
        ),
        (
            r"Trying to backward through the graph a second time",
            ("A graph can be gone back through once: compute the loss anew in every step, and keep no tensors with their "
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
        (
            r"mat1 and mat2 shapes cannot be multiplied|mat1 and mat2 must have the same|matmul: Input operand|not aligned:",
            ("The inner sizes of a matrix product differ: (n, k) @ (k, m). Print both shapes; is a transpose missing, or a "
            "flatten?"),
        ),
        (
            r"could not be broadcast together|must match the size of tensor|not expandable|is invalid for input of size",
            "Two shapes do not go together. Compare them from the last axis backwards: sizes must be equal, or 1.",
        ),
        (
            r"expected scalar type|Expected object of scalar type|must have the same dtype|same dtype, but got",
            "Two dtypes do not go together: floats and doubles, or floats where class numbers (int64) are asked for.",
        ),
        (
            r"[Oo]nly Tensors of floating point (?:and complex )?dtype can require gradients",
            "Whole numbers have no gradient: make the tensor a floating-point one.",
        ),
        (
            r"cannot assign module before Module.__init__|cannot assign parameters before Module.__init__",
            "Call `super().__init__()` first in `__init__`.",
        ),
        (
            r"optimizer got an empty parameter list",
            "The module registers no parameters: layers in a plain list, and plain tensors, are not seen.",
        ),
        (
            r"too many values to unpack|not enough values to unpack",
            "Another number of values came than the line takes apart.",
        ),
        (r"RecursionError", "A function calls itself without end."),
        (
            r"index .* is out of bounds|IndexError: (?:\w+ )?index out of range",
            "An index is as large as the axis is long, or larger: the last one is size - 1.",
        ),
    )
)  # fmt: skip


def advise(text: str) -> str:
    """A sentence or two on an exception given as ``Type: text``; empty where there is nothing certain to say."""
    head = text[:2000]
    return next((words for pattern, words in _ADVICE if pattern.search(head)), "")
