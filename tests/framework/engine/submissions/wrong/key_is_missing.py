"""A dict without one of its keys.

wrong_answer: test_table
"""

table = lambda x: {"double": 2 * x}
