"""What the engine's tests grade is data."""

collect_ignore = ["submissions"]
