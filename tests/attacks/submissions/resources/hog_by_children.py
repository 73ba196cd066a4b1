"""Twelve children that take as much memory as one may, each."""
import os
import time

print("TRIED", flush=True)
children = []
for _ in range(12):
    try:
        child = os.fork()
    except OSError:
        break
    if not child:
        hoard = bytearray(b"x") * (100 << 20)
        open("took" + str(os.getpid()), "w").close()
        time.sleep(20)
        os._exit(0)
    children.append(child)
time.sleep(1.5)
# Those that hold what they took at this moment: the kernel ends one whenever another goes over what all may have.
took = [child for child in children if os.path.exists("took" + str(child)) and os.waitpid(child, os.WNOHANG)[0] == 0]
if len(took) > 7:
    print("PWNED", len(took) * 100, "MiB")
