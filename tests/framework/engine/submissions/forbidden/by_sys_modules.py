"""A forbidden module, out of `sys.modules`.

wrong_answer: test_total
file: plain.py
"""

import sys

t = sys.modules["torch"]
