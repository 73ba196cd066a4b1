"""The right number as text.

wrong_answer: test_mean test_reference
"""

mean = lambda x: "2.0"
