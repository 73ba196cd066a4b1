"""Two values with which the check cannot calculate.

wrong_answer: test_loose
"""

loose = lambda x: ({"a": 1}, "b")
