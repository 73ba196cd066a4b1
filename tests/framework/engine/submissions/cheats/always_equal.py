"""An object that is equal to everything.

wrong_answer: test_add test_add_probe test_mean test_reference test_level
"""


class Yes:
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = lambda *a: True

    def __getattr__(self, name):
        return Yes()

    __float__ = lambda self: 2.0


add = lambda x, y: Yes()
mean = lambda x: Yes()
level = LEVEL = Yes()
