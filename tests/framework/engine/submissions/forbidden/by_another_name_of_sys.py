"""A forbidden module, out of `sys.modules` under another name.

wrong_answer: test_total
file: plain.py
"""

import sys as s

t = s.modules["torch"]
