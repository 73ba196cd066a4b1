"""Fills its folder, and every other that it may write to."""
import os

total = 0
for number in range(100):
    try:
        with open(f"fill{number}", "wb") as file:
            total += file.write(b"x" * (8 << 20))
    except OSError:
        continue
print("TRIED", total >> 20)
if total > 40 << 20:
    print("PWNED", total >> 20, "MiB")
