"""The sum with the opposite sign.

wrong_answer: test_add test_add_probe
"""

add = lambda x, y: -x - y
