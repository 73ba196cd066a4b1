"""It does not parse.

runtime_error: all
"""

def add(x, y):
    return x +
