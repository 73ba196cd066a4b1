def test_value():
    """The hidden suite, as the student would have it."""


def test_more_points():
    print("PWNED")
