"""Right in two of four cases.

wrong_answer: test_add test_add_probe
"""


def add(x, y):
    return x + y if x.ndim == 2 and len(x) < 3 else x - y
