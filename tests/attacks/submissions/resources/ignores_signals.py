"""Loops, and takes no notice of any signal.

against: nbgrader, otter
verdict: time_limit
"""
import signal

for number in range(1, 65):
    try:
        signal.signal(number, lambda *_: None)
    except (OSError, ValueError):
        continue


def softmax(x):
    print("TRIED")
    while True:
        try:
            while True:
                pass
        except BaseException:
            continue
