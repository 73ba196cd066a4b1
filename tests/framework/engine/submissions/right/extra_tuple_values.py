"""A right tuple with more behind what was promised."""

pair = lambda x: (2 * x, x / 2, "cache", object())
