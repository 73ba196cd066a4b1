"""A forbidden module, by importlib.

wrong_answer: test_total
file: plain.py
"""

import importlib

t = importlib.import_module("torch")
