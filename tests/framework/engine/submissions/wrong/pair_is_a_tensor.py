"""A tensor where a tuple is promised.

wrong_answer: test_pair
"""

pair = lambda x: 2 * x
