"""The forbidden module as an attribute of the file that may use it, which is not there where this one is graded.

wrong_answer: test_total
file: plain.py
"""

import basics

total = lambda x: basics.torch.tensor(x).sum(1).numpy()
