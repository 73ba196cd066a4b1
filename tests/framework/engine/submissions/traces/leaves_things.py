"""It leaves an attribute on torch, a file and a seed behind."""

import os

torch.left = 1
open("left.txt", "w").write("x")
torch.manual_seed(3)
