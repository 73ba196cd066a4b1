"""An exception of another type.

wrong_answer: test_raises
"""


def positive(x):
    raise KeyError("negative")
