"""Two values of the right kind, and one is wrong.

wrong_answer: test_loose
"""

loose = lambda x: (x, x + 3)
