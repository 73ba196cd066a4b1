"""The argument is another after the call.

wrong_answer: test_leaf
"""


def scaled(x):
    out = 3 * x
    x.data.mul_(2)
    return out
