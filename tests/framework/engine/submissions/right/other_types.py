"""Right values of other types: a numpy array for a tensor, a tensor for a float, a list for a tuple."""

import numpy as np

add = lambda x, y: (x + y).numpy().astype("f8")
mean = lambda x: x.mean()
pair = lambda x: [2 * x, x / 2]
