"""A package named grader, and the probes' own names."""
import sys

print("TRIED")
try:
    import grader.checks

    if "submission" in (grader.checks.__file__ or ""):
        print("replaced only for itself")
except ImportError:
    pass


def train(x, y):
    return lambda inputs: None
