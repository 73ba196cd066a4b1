"""A forbidden module, out of `modules`, imported from sys.

wrong_answer: test_total
file: plain.py
"""

from sys import modules

t = modules["torch"]
