print("PWNED itertools")
