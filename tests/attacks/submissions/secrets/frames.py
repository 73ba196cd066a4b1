"""Walks the frames of its callers for whatever their locals and globals hold.

against: nbgrader, otter
"""
import sys


def search(x):
    frame = sys._getframe()
    while frame:
        for names in (frame.f_globals, frame.f_locals):
            for key, value in list(names.items()):
                try:
                    text = repr(value)
                except Exception:
                    continue
                if "PLANTED" in text and "search" not in key:
                    print("found", key, text[:200])
                if "def test_" in text or "hidden" in key.lower():
                    print("PWNED", key, text[:100])
        frame = frame.f_back
    print("TRIED")


softmax = loss_and_grad = search
