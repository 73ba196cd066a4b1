"""The forbidden module as an attribute of the file that may use it: allowed, for who looks there?
file: plain.py
"""

import basics

total = lambda x: basics.torch.tensor(x).sum(1).numpy()
