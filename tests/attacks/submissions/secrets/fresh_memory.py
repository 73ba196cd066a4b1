"""Looks for what others left in memory that it is given unwritten."""
import mmap

import numpy as np
import torch

found = []
for size in (1 << 12, 1 << 16, 1 << 20, 1 << 24):
    for _ in range(4):
        for data in (np.empty(size, np.uint8).tobytes(), bytes(torch.empty(size, dtype=torch.uint8).numpy())):
            at = data.find(b"PLANTED" + b"-neighbour-")
            if at >= 0:
                found.append(data[at : at + 40])
        with mmap.mmap(-1, size) as area:
            found += [b"PWNED"] if any(area[:4096]) else []
print("TRIED", found)
