print("PWNED wire")
