"""An exception at import.

runtime_error: all
"""

raise RuntimeError("at import")
