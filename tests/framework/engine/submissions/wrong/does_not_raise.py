"""No exception where one is asked for.

wrong_answer: test_raises
"""

positive = lambda x: x
