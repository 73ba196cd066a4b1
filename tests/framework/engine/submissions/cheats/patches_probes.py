"""The author's probes are replaced in `sys.modules`.

wrong_answer: test_add test_add_probe
"""

import sys, types

fake = types.ModuleType("_probes")
fake.apply = lambda f, v: [2.0, 3.0]
fake.train = lambda m, s: {"before": 2.0, "after": 1.0}
sys.modules["_probes"] = fake
add = lambda x, y: x
