"""An award of NaN.

wrong_answer: test_share
"""

share = lambda: float("nan")
