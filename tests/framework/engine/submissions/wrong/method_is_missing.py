"""A method of the stub is gone.

wrong_answer: test_net
"""

del Net.name
