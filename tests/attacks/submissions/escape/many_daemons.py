"""Twenty daemons, half of them with the wire and the output still open."""
import os
import time

for number in range(20):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            if number % 2:
                os.closerange(0, 256)
            time.sleep(600)
        os._exit(0)
    os.wait()
print("TRIED")
