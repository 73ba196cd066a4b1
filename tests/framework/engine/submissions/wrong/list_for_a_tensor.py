"""A list where a tensor is promised.

wrong_answer: test_add
"""

add = lambda x, y: (x + y).tolist()
