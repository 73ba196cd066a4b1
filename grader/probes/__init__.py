"""What authors use in hidden/probes.py: watched models, seeds, called torch functions, a training loop.

It runs in the worker, beside the student's code, so it holds no expected value and reaches no verdict. The worker has
nothing else of ours: ``from grader.probes import NAME`` in a probes.py is replaced by the source of the module that
defines NAME (grader/engine/probe_source.py). Each module therefore imports the standard library, numpy and torch alone.
"""

from grader.probes.called_names import called_names
from grader.probes.fit_loop import fit
from grader.probes.linear_classifier import LinearClassifier
from grader.probes.named_losses import loss_named
from grader.probes.seeding import seed_all
from grader.probes.watched import Watched

__all__ = ["LinearClassifier", "Watched", "called_names", "fit", "loss_named", "seed_all"]
