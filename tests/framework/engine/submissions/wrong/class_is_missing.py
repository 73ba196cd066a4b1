"""A class of the stub is gone.

wrong_answer: test_net test_probe
"""

del Net
