"""Takes memory by files that are only in memory."""
import os

print("TRIED", flush=True)
total, files = 0, []
try:
    for number in range(50):
        files.append(os.memfd_create(str(number)))
        total += os.write(files[-1], bytes(15 << 20))
except OSError:
    pass
if total > 600 << 20:
    print("PWNED", total >> 20, "MiB")
