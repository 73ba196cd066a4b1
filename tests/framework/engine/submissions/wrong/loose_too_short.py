"""One value, where two are unpacked that no annotation promises.

wrong_answer: test_loose
"""

loose = lambda x: x[:1]
