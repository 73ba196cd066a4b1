"""A function of the stub is gone.

wrong_answer: test_add test_add_probe
"""

del add
