"""What right code expects of a machine, and a worker is not: met here, so that it runs and comes to the same results.

Nothing here protects anything. It is put on in the zygote, and in a worker the student could take it off again.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import types
from collections.abc import Callable
from typing import Any, Final

#: Processors that a worker believes in. It has its share of one; two, because `Pool(os.cpu_count() - 1)` is common.
_PROCESSORS: Final = 2


def adapt() -> None:
    """Adapt what this process has imported."""
    os.cpu_count = lambda: _PROCESSORS
    for step in (_load_in_process, _compile_nothing, _fork_every_process, _draw_plain_bars):
        # Another Python or torch may keep these elsewhere: then this one thing is missing, and no worker is lost for it.
        with contextlib.suppress(AttributeError, KeyError):
            step()


def _load_in_process() -> None:
    """Have every DataLoader load in this process: worker processes need sockets, which the sandbox refuses."""
    loader = sys.modules["torch.utils.data"].DataLoader if "torch.utils.data" in sys.modules else None
    if loader is None:
        return
    original = loader.__init__

    def in_process(self: Any, *args: Any, **kwargs: Any) -> None:
        if kwargs.get("num_workers"):
            kwargs["num_workers"] = 0
            for name in ("prefetch_factor", "persistent_workers", "multiprocessing_context", "timeout"):
                kwargs.pop(name, None)
        kwargs.pop("pin_memory", None)
        original(self, *args, **kwargs)

    loader.__init__ = in_process


def _compile_nothing() -> None:
    """Have torch.compile give what it is given: compiled code computes the same, once a compiler has run for seconds.

    The switch of torch's own (TORCHDYNAMO_DISABLE) would import the compiler all the same.
    """
    torch = sys.modules.get("torch")
    if torch is None:
        return

    def give_back(model: Callable[..., Any] | None = None, **_: Any) -> Any:
        return model if model is not None else lambda decorated: decorated

    torch.compile = give_back  # type: ignore[attr-defined]
    torch.nn.Module.compile = lambda *_, **__: None


def _fork_every_process() -> None:
    """Have processes forked, whichever start method was asked for, and tensors sent to them by value.

    A spawned process would import torch anew, and look for the module that this one was started with. Tensors cross
    through shared memory by sockets, which the sandbox refuses.
    """
    context, reduction = sys.modules.get("multiprocessing.context"), sys.modules.get("multiprocessing.reduction")
    if context is None or reduction is None:
        return
    contexts = context._concrete_contexts  # noqa: SLF001 - they have no public door
    contexts.update(dict.fromkeys(("spawn", "forkserver"), contexts["fork"]))
    reducers = reduction.ForkingPickler._extra_reducers  # noqa: SLF001
    for kind in [kind for kind in reducers if kind.__module__.partition(".")[0] == "torch"]:
        del reducers[kind]


def _draw_plain_bars() -> None:
    """Have the progress bars of notebooks be plain ones: there is no page to draw on, and their own need ipywidgets."""
    for name in ("notebook", "autonotebook"):
        bars = types.ModuleType(f"tqdm.{name}")
        # Looked up when it is used: tqdm itself is imported by who imports it, and may not be installed.
        bars.__getattr__ = _of_plain_bars  # type: ignore[method-assign]
        sys.modules[bars.__name__] = bars


def _of_plain_bars(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    names = {"tqdm_notebook": "tqdm", "tnrange": "trange"}
    return getattr(importlib.import_module("tqdm.std"), names.get(name, name))
