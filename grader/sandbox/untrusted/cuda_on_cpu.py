"""Calls for a GPU that come to the processor, for courses that want it so: ``cuda_calls: cpu`` in a profile.

What a student wrote on a machine with a GPU runs here, and computes the same on the processor. A tensor's ``device`` says so:
``torch.zeros(2, device="cuda").device`` is ``cpu``, and ``torch.cuda.is_available()`` stays False.

Each function that takes a device is replaced. A TorchFunctionMode would be shorter and would see them all; it also sees every
other call, and a small network then takes almost twice the processor time. What is not replaced (``torch.Generator``, streams)
raises as it does without this.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

_LIKE = ("empty_like", "full_like", "ones_like", "rand_like", "randint_like", "randn_like", "zeros_like")
_NEW = ("new_empty", "new_full", "new_ones", "new_tensor", "new_zeros")


def install() -> None:
    """Have this process put on the processor what is meant for a CUDA device, until it ends."""
    torch = sys.modules.get("torch")
    if torch is None:
        return
    from torch.utils import _device

    makers = _device._device_constructors()  # noqa: SLF001 - torch's own list of what takes a device
    for name in [name for name, value in vars(torch).items() if _is_one_of(value, makers)]:
        setattr(torch, name, _with_device(getattr(torch, name)))
    for name in _LIKE:
        setattr(torch, name, _with_device(getattr(torch, name)))
    for name in _NEW:
        setattr(torch.Tensor, name, _with_device(getattr(torch.Tensor, name)))
    _replace_moves(torch)
    # Behind `with torch.device("cuda"):` and torch.set_default_device.
    context: Any = _device.DeviceContext
    begin = context.__init__
    context.__init__ = lambda self, device: begin(self, _here(device))
    torch.cuda.synchronize = torch.cuda.set_device = lambda *_, **__: None


def _replace_moves(torch: Any) -> None:
    move, load = torch.Tensor.to, torch.load

    @functools.wraps(move)
    def move_here(self: Any, *args: Any, **kwargs: Any) -> Any:
        if "device" in kwargs:
            kwargs["device"] = _here(kwargs["device"])
        return move(self, *map(_here, args), **kwargs)

    @functools.wraps(load)
    def load_here(f: Any, map_location: Any = None, *args: Any, **kwargs: Any) -> Any:
        return load(f, "cpu" if map_location is None else _here(map_location), *args, **kwargs)

    torch.Tensor.to, torch.load = move_here, load_here
    torch.Tensor.cuda = torch.Tensor.pin_memory = lambda self, *_, **__: self


def _with_device(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def replaced(*args: Any, **kwargs: Any) -> Any:
        if kwargs.get("device") is not None:
            kwargs["device"] = _here(kwargs["device"])
        return function(*args, **kwargs)

    return replaced


def _here(value: Any) -> Any:
    """The processor in place of a CUDA device; anything else as it is. A number is the index of one."""
    if isinstance(value, str):
        return "cpu" if value.partition(":")[0] == "cuda" else value
    if type(value) is int:
        return "cpu"
    return "cpu" if type(value).__name__ == "device" and value.type == "cuda" else value


def _is_one_of(value: Any, functions: Any) -> bool:
    try:
        return value in functions
    except TypeError:  # cannot be hashed
        return False
