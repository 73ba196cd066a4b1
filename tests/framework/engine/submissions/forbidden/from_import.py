"""A forbidden module, by `from`.

wrong_answer: test_total
file: plain.py
"""

from torch.nn import functional
