"""The grader's own functions beside it are overwritten.

expect: apart
"""

import sys

for name, module in list(sys.modules.items()):
    if name.startswith("grader"):
        for key in ("WireError", "check_prefix", "decode"):
            if hasattr(module, key):
                setattr(module, key, lambda *a, **k: True)
add = lambda x, y: x
