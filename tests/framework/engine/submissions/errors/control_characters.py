"""Control characters in the text of an exception.

runtime_error: test_add test_add_probe
"""


def add(x, y):
    raise ValueError("\x1b[2J\u202ered\x00")
