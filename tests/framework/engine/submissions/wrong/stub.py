"""A function that is not written yet.

runtime_error: test_add test_add_probe
"""


def add(x, y):
    raise NotImplementedError("add: write your solution here")
