"""What a runner does once before it says that it is ready, so that no submission finds it slow."""

from __future__ import annotations

from grader.engine.hidden_suite import Suite


def warm_up(suite: Suite) -> None:
    """Take the first steps that suites take on the trusted side. No student pays for them, but all wait for them.

    The first ``backward()`` of a process imports torch's compiler, some seconds of work; so does an optimiser's first
    step. Held-out data is drawn where a check asks for it.

    Raises:
        AutogradeError: the held-out data cannot be had.
    """
    import torch

    weight = torch.ones(2, requires_grad=True)
    optimiser = torch.optim.SGD([weight], lr=0.1)
    (weight * weight).sum().backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    if any("held_out" in item.fixturenames for item in suite.items):
        suite.session.held_out(0, "")
    elif any("public_data" in item.fixturenames for item in suite.items):
        _ = suite.session.data
