"""What the first use of torch in a process costs, paid once by the zygote in place of each of its forks.

The first call of an operator binds symbols, fills torch's caches and reads its code from the disk. What the zygote has
called, its forks find ready. Two rules keep a fork of it sound (pytorch#17199, pytorch#68861): it must not have started
a thread, and it must not have asked for a GPU. So nothing here calls ``backward()``, which starts threads, a fork tries
everything first, and where there is a GPU nothing is called at all.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock


def warm() -> None:
    """Call torch's common operators in this process, where that leaves its forks sound; do nothing otherwise."""
    torch = sys.modules.get("torch")
    if torch is None or _may_see_gpu(torch) or not _keeps_forks_sound(torch):
        return
    _call_operators(torch)


def warm_fork() -> None:
    """Do, in a fork, what its zygote must not: the first ``backward()``, which nearly every submission needs."""
    torch = sys.modules.get("torch")
    if torch is None:
        return
    with contextlib.suppress(Exception):
        weight = torch.ones(1, requires_grad=True)
        (weight * weight).sum().backward()


def _may_see_gpu(torch: Any) -> bool:
    """Whether asking torch for a GPU could find one."""
    built = torch.version.cuda or getattr(torch.version, "hip", None)
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") == ""
    return bool(built) and not hidden and any(Path("/dev").glob("nvidia[0-9]*"))


def _keeps_forks_sound(torch: Any) -> bool:
    """Whether a fork that calls the operators starts no thread by it, and a fork of that one may still use a GPU."""

    def try_it() -> bool:
        before = _threads()
        _call_operators(torch)
        return _threads() == before and _in_fork(lambda: not torch.cuda._is_in_bad_fork())  # noqa: SLF001 - no other door

    return _in_fork(try_it)


def _in_fork(work: Callable[[], bool]) -> bool:
    """What ``work`` comes to in a fork of this process; False where it raises or does not end by itself."""
    pid = os.fork()
    if not pid:
        status = 1
        try:
            status = int(not work())
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def _threads() -> int:
    return len(os.listdir("/proc/self/task"))  # noqa: PTH208 - names alone are wanted


def _call_operators(torch: Any) -> None:
    # Optimisers ask for a GPU, and a process that has asked makes forks that cannot use one.
    with mock.patch.object(torch.cuda, "is_available", return_value=False):
        _call_all(torch)


def _call_all(torch: Any) -> None:
    """Call what homework calls, and leave the generator as it was; each check seeds its worker's anew.

    Twice, because Python adapts code and torch's graph recorder keeps ways of a first run that a second one needs.
    """
    functional = torch.nn.functional
    left, right = torch.ones(200, 64), torch.ones(150, 64)
    images, labels = torch.ones(8, 1, 8, 8), torch.zeros(8, dtype=torch.long)
    drawn = torch.default_generator.get_state()
    torch.manual_seed(0)  # it keeps a formatted stack, and with it lines of torch's own files
    torch.default_generator.set_state(drawn)
    for _ in range(2):
        # Recorded for a backward() that never comes.
        model = torch.nn.Sequential(
            torch.nn.Conv2d(1, 2, 3), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten(), torch.nn.Linear(18, 4)
        )
        scores = model(images)
        functional.cross_entropy(scores, labels)
        (scores.softmax(dim=1).log() - scores.mean(dim=0)).abs().sum()
        for kind in (torch.optim.SGD, torch.optim.Adam):
            optimiser = kind(model.parameters(), lr=0.1)
            for parameter in model.parameters():
                parameter.grad = torch.ones_like(parameter)
            optimiser.step()
            optimiser.zero_grad()
        with torch.no_grad():
            # Large enough for the libraries to set up the buffers that they keep for real matrices.
            torch.cdist(left, right).max(dim=1)
            (left @ right.T).argmax(dim=1).eq(0).float().mean().item()
            torch.cat([left, torch.stack([left[0], left[1]])])[torch.arange(3), :2].tolist()
            left.numpy() @ right.numpy().T
