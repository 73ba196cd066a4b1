"""A metric below its threshold.

wrong_answer: test_quality
"""

quality = lambda: 0.1
