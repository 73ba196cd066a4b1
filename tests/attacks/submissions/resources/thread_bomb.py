"""Starts threads without end."""
import threading
import time

made = 0
try:
    while made < 5000:
        threading.Thread(target=time.sleep, args=(30,), daemon=True).start()
        made += 1
except RuntimeError:
    pass
print("TRIED", made)
if made > 32:
    print("PWNED", made, "threads")
