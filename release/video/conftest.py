"""Puts this folder on the import path, so that `pytest` and `pytest public` find the modules you write."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
