"""The result is cut off from its argument.

wrong_answer: test_leaf
"""

scaled = lambda x: 3 * x.detach()
