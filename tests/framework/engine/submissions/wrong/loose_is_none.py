"""None, where two values are unpacked.

wrong_answer: test_loose
"""

loose = lambda x: None
