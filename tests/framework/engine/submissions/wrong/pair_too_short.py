"""A tuple of one value where two are promised.

wrong_answer: test_pair
"""

pair = lambda x: (2 * x,)
