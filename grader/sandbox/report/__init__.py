"""What this machine offers for grading: found out by trying, and reported by ``autograde doctor``."""
