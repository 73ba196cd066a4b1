"""Starts programs that outlive it: nohup sleep, a shell in the background, at and crontab."""
import os
import subprocess

for command in (
    ["nohup", "setsid", "sleep", "600"], ["sh", "-c", "(sleep 600 &) ; (trap '' TERM HUP; sleep 600) &"],
    ["crontab", "-l"], ["at", "now"], ["systemd-run", "sleep", "600"], ["docker", "ps"],
):
    try:
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    except OSError:
        continue
print("TRIED", os.getpid())
