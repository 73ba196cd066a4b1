"""Programs started with a library of its own, and with another interpreter path."""
import os
import subprocess
import sys

environment = {"LD_PRELOAD": os.path.abspath("evil.so"), "PYTHONPATH": os.getcwd(), "PYTHONSTARTUP": "work.py", "LD_LIBRARY_PATH": os.getcwd()}
said = subprocess.run(
    [sys.executable, "-c", "import socket\ntry:\n socket.socket(); print('PWN'+'ED')\nexcept OSError: print('no')"],
    env=environment, capture_output=True, text=True,
)
print("TRIED", said.stdout)
