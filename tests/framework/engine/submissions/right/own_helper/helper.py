def add(x, y):
    return y + x
