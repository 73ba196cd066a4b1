"""A forbidden module, imported within a function.

wrong_answer: test_total
file: plain.py
"""


def total(x):
    import torch

    return x.sum(axis=1)
