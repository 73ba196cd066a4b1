print("PWNED library")
seed_all = lambda *_: print("PWNED seed_all")
