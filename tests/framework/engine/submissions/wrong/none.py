"""The return statement is missing.

wrong_answer: test_add
runtime_error: test_add_probe
"""


def add(x, y):
    x + y
