"""A forbidden module, in a string that is run.

wrong_answer: test_total
file: plain.py
"""

exec("import torch")
