"""A forbidden module, by `import`.

wrong_answer: test_total
file: plain.py
"""

import torch
