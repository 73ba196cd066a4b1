"""A conftest.py, a pytest.ini and a plug-in that would pass every test.

against: otter
"""
print("TRIED")


def softmax(x):
    return x
