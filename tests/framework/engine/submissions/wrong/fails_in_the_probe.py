"""A value on which the probe's own code fails.

wrong_answer: test_add
runtime_error: test_add_probe
"""

add = lambda x, y: [x, y]
