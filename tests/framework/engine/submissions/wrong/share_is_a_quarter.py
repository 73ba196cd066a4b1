"""A quarter of the points by award.

partial: test_share
"""

share = lambda: 0.25
