"""A metric halfway between its two thresholds.

partial: test_quality
"""

quality = lambda: 0.7
