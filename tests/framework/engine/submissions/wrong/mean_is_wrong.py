"""Another number than the mean.

wrong_answer: test_mean test_reference
"""

mean = lambda x: 40.0
