"""Whoever asks for it meets a check that skips itself.

skipped: test_skip
"""

ask_for_a_skip = True
