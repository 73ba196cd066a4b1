"""Whoever asks for it meets a bug in the suite.

grader_error: test_bug
"""

ask_for_a_bug = True
