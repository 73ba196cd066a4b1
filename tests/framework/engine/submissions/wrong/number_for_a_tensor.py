"""A number where a tensor is promised.

wrong_answer: test_add test_add_probe
"""

add = lambda x, y: 1.5
