"""Files that Python runs by itself when it starts.

against: nbgrader
"""
import subprocess
import sys

said = subprocess.run([sys.executable, "-c", "print('started')"], capture_output=True, text=True, cwd=".").stdout
print("TRIED", said)
