"""A forbidden module, by `__import__`.

wrong_answer: test_total
file: plain.py
"""

t = __import__("torch")
