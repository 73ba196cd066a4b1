"""Takes memory by shared mappings, which a limit on data does not count."""
import mmap

print("TRIED", flush=True)
hoard = []
try:
    for _ in range(100):
        area = mmap.mmap(-1, 16 << 20)
        for page in range(0, 16 << 20, 4096):
            area[page] = 1
        hoard.append(area)
except (OSError, MemoryError, ValueError):
    hoard.pop()
if len(hoard) * 16 > 1100:
    print("PWNED", len(hoard) * 16, "MiB")
