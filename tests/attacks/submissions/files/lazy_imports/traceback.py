print("PWNED traceback")
