"""A forbidden module, imported by a helper.

wrong_answer: test_total
"""

from helper import total
