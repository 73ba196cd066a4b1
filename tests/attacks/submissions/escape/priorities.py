"""Takes priority over others: nice, real time, deadline, other people's processors."""
import os

for action in (
    lambda: os.nice(-5), lambda: os.setpriority(os.PRIO_PROCESS, 0, -10), lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10)),
    lambda: os.setpriority(os.PRIO_USER, 0, 19), lambda: os.sched_setparam(0, os.sched_param(10)), lambda: os.sched_setaffinity(int("@PID@"), {0}),
):
    try:
        action()
        print("PWNED")
    except OSError:
        continue
print("TRIED", os.sched_getscheduler(0))
