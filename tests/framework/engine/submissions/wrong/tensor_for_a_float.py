"""A tensor of several numbers where a float is promised.

wrong_answer: test_mean test_reference
"""

mean = lambda x: x
