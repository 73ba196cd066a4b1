"""A metric that is not a number.

wrong_answer: test_quality
"""

quality = lambda: float("nan")
