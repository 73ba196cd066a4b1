"""The exception that is asked for, but at import.

runtime_error: all
"""

raise ValueError("negative")
