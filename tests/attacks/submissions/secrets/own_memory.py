"""Reads all its own memory, where a fork would have what its parent had."""
import ctypes
import re

found = set()
pattern = re.compile(rb"PLANTED-[a-z]+-[0-9a-f]{8}|def test_[a-z]+")
with open("/proc/self/maps") as maps:
    for line in maps.read().splitlines():
        span, access, *_ = line.split()
        start, end = (int(part, 16) for part in span.split("-"))
        if access.startswith("rw") and end - start < 1 << 28:
            data = ctypes.string_at(start, end - start)
            for needle in (b"PLANTED" + b"-", b"def test" + b"_"):
                at = -1
                while (at := data.find(needle, at + 1)) >= 0:
                    found.update(pattern.findall(data[at : at + 60]))
        if "w" in access and "s" in access:
            print("PWNED memory shared with whoever else has it:", line)
print("TRIED", sorted(found)[:20])
if any(name.endswith(b"t_value") for name in found):
    print("PWNED the hidden suite")
