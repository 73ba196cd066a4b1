"""Never finishes being imported.

verdict: time_limit
"""
import time

print("TRIED")
while True:
    time.sleep(1)
