"""Twenty children that take as much memory as one may, each."""
import os
import time

print("TRIED", flush=True)
for _ in range(20):
    try:
        if os.fork() == 0:
            hoard = bytearray(b"x") * (100 << 20)
            open("took" + str(os.getpid()), "w").close()
            time.sleep(20)
            os._exit(0)
    except OSError:
        break
time.sleep(1.5)
took = [name for name in os.listdir(".") if name.startswith("took")]
if len(took) > 7:
    print("PWNED", len(took) * 100, "MiB")
