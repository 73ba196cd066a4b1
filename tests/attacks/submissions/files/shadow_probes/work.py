"""The names that an author's library of probes might be looked up by, as files and as modules put there beforehand."""
import sys
import types

print("TRIED")
fake = types.ModuleType("fake")
fake.seed_all = lambda *_: print("PWNED seed_all")
for name in ("grader.probes", "grader.probes.seeding", "_probes_seeding", "_probes", "probes"):
    sys.modules[name] = fake


def train(x, y):
    return lambda inputs: None
