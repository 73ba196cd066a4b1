"""It fails if it finds what another submission left."""

import os

if hasattr(torch, "left") or os.path.exists("left.txt"):
    raise RuntimeError("found")
